"""Entities and fields as the code that declares them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import attrs

from crmkit.core.fields import Choice, FieldType, LongText, Number, Reference, Text
from crmkit.core.packaging.layout import Code, call, laid_out, listed
from crmkit.core.packaging.package import Extension, PackagedEntity, PackagedField

__all__ = ["declared_entity", "declared_extension", "declared_fields", "literal"]

_LINE = 120


def declared_extension(extension: Extension) -> str:
    """Return the class of *extension*."""
    head = (
        f'@extension(of="{extension.host}", label=_({literal(extension.class_name)}))\nclass {extension.class_name}:\n'
    )
    head += f'    """What was added to ``{extension.host}``."""\n\n'
    return head + "".join(_declared(field) for field in extension.fields)


def declared_entity(entity: PackagedEntity) -> str:
    """Return the class of *entity*, with what has a column."""
    info = entity.info
    bases = [base for base, wanted in (("Owned", info.owned), ("Pipelined", info.pipelined)) if wanted] or ["Record"]
    lines = [
        f"@entity({literal(info.id)}, label=_({literal(str(info.label))}))",
        f"class {info.cls.__name__}({', '.join(bases)}):",
        f'    """One record of ``{info.id}``; its other fields are custom fields."""',
        "",
    ]
    if info.number is not None and isinstance(info.number.type, Number):
        prefix = literal(info.number.type.prefix)
        lines.append(f'    number: str = field(Number({prefix}), init=False, label=_("Number"))')
    lines.append('    name: str = field(Text(max=200), search=True, indexed=True, label=_("Name"))')
    if (follows := entity.definition.follows) is not None:
        name, label = f"{follows.rpartition('.')[2]}_id", literal(str(entity.followed))
        said = call("ref", literal(follows), "default=None", "follows=True", f"label=_({label})")
        start = f"    {name}: UUID | None = "
        lines.append(start + laid_out(said, 4, len(start) - 4))
    return "\n".join(lines) + "\n"


def declared_fields(entities: Sequence[PackagedEntity]) -> str:
    """Return the list of the custom fields of *entities*."""
    return laid_out(listed([_custom_field(entity.id, field) for entity in entities for field in entity.fields]), 0, 9)


def _custom_field(entity: str, field: PackagedField) -> Code:
    definition = field.definition
    said = [literal(entity), literal(definition.key), _type(field.type), f"label=_({literal(definition.label)})"]
    if definition.help:
        said.append(f"help=_({literal(definition.help)})")
    if field.default is not None:
        said.append(f"default={literal(field.default)}")
    said += [f"{name}=True" for name in ("required", "search", "indexed") if getattr(definition, name)]
    said += _personal(field)
    if definition.slot != definition.key:
        said.append(f"slot={literal(definition.slot)}")
    if definition.former:
        said.append(f"formerly={literal(tuple(definition.former))}")
    return call("custom_field", *said)


def _personal(field: PackagedField) -> list[str]:
    if field.definition.personal:
        return ["personal=True", f"purpose={literal(field.definition.purpose)}"]
    # An administrator was asked, and said that it is none.
    return ["personal=False"] if isinstance(field.type, Text) else []


def literal(value: Any) -> str:
    """Return *value* as Python, with double quotes."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Decimal():
            return f'Decimal("{value}")'
        case datetime():
            return f'datetime.fromisoformat("{value.isoformat()}")'
        case date():
            return f"date({value.year}, {value.month}, {value.day})"
        case tuple():
            return "(" + "".join(f"{literal(each)}, " for each in value).rstrip(" ") + ")"
    return repr(value)


def _declared(field: PackagedField) -> str:
    kind, definition = field.type, field.definition
    said = [_type(kind), f"default={literal(field.default)}", f"label=_({literal(definition.label)})"]
    if definition.help:
        said.append(f"help=_({literal(definition.help)})")
    if definition.search:
        said.append("search=True")
    if definition.indexed or isinstance(kind, Reference):
        said.append("indexed=True")
    said += _personal(field)
    said.append(f"formerly={literal(field.formerly if len(field.formerly) > 1 else field.formerly[0])}")
    annotation = "tuple[str, ...]" if kind.python is tuple else kind.python.__name__
    start = f"    {field.name}: {annotation} | None = field("
    line = f"{start}{', '.join(said)})\n"
    return line if len(line) <= _LINE else start + "".join(f"\n        {each}," for each in said) + "\n    )\n"


def _type(kind: FieldType) -> str:
    """Return what makes *kind*, with the options that differ from what the type is without them."""
    if isinstance(kind, Choice):
        options = ", ".join(f"Option({literal(o.slug)}, _({literal(str(o.label))}))" for o in kind.options)
        return f"{type(kind).__name__}([{options}])"
    of_text = type(kind) in (Text, LongText)
    given = {a.name: (getattr(kind, a.name), a.default) for a in attrs.fields(type(kind))}
    said = (f"{name}={literal(value)}" for name, (value, default) in given.items() if of_text or value != default)
    return f"{type(kind).__name__}({', '.join(said)})"
