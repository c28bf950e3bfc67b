"""The reference of entities: those of the core and of the plugins that come with crmkit, with their fields."""

from __future__ import annotations

from collections.abc import Iterator

from crmkit import CRM, Choice, Config, Owned, Pipelined, Record, Reference
from crmkit.cli.project import first_party_plugins
from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.entity.info import SYSTEM_FIELDS
from crmkit_reference.prose import cell, prose

_OWNED, _PIPELINED = ("owner_id", "team_id"), ("pipeline", "stage")


def render() -> str:
    """Return Markdown: what every record has, then a section for each entity."""
    entities = find_entities()
    return "\n".join([_common(entities), *map(_section, entities)])


def find_entities() -> list[EntityInfo]:
    """Return every entity of the core and of the plugins that come with crmkit."""
    crm = CRM(Config(plugins=first_party_plugins()))
    try:
        return list(crm.registry.entities.values())
    finally:
        crm.close()


def _common(entities: list[EntityInfo]) -> str:
    whole = next(info for info in entities if info.owned and info.pipelined)
    rows = "".join(_row(field) for field in whole.fields.values() if _is_common(whole, field.name))
    bases = "".join(f"- `{base.__name__}`: {prose(base)}\n" for base in (Record, Owned, Pipelined))
    return f"\n## What records have in common\n\n{bases}\n{_HEAD}{rows}"


_HEAD = "| Field | Type | Value | |\n|-|-|-|-|\n"


def _is_common(info: EntityInfo, name: str) -> bool:
    return name in SYSTEM_FIELDS or (info.owned and name in _OWNED) or (info.pipelined and name in _PIPELINED)


def _section(info: EntityInfo) -> str:
    rows = "".join(_row(field) for field in info.fields.values() if not _is_common(info, field.name))
    computed = "".join(
        f"| `{name}` | {each.type.name} | computed | {cell(prose(each.__doc__ or ''))} |\n"
        for name, each in info.computed.items()
    )
    return f"""
## {info.id}

{prose(info.cls)}
{_built_on(info)}

{_HEAD}{rows}{computed}"""


def _built_on(info: EntityInfo) -> str:
    bases = [name for name, is_base in (("Owned", info.owned), ("Pipelined", info.pipelined)) if is_base]
    unique = "".join(f" {' and '.join(map(_code, group))} together occur once." for group in info.unique)
    return f"Built on {' and '.join(map(_code, bases or ['Record']))}.{unique}"


def _row(field: FieldInfo) -> str:
    return f"| `{field.name}` | {_type(field)} | {_value(field)} | {cell(' '.join(_notes(field)))} |\n"


def _type(field: FieldInfo) -> str:
    kind = field.type
    if field.name in ("id", "created_by"):
        return "id"
    match kind:
        case Reference():
            return f"reference to `{kind.entity}`"
        case Choice():
            return f"{_words(kind.name)}: {', '.join(map(_code, kind.slugs))}"
        case _:
            return _words(kind.name)


def _value(field: FieldInfo) -> str:
    if not field.init or field.is_system:
        return "set by crmkit"
    if field.nullable:
        return "may be empty"
    return "has a default" if field.has_default else "must be given"


def _notes(field: FieldInfo) -> Iterator[str]:
    if field.help:
        yield f"{field.help}."
    marks = {"unique": field.unique, "indexed": field.indexed, "searched": field.search}
    if named := [name for name, is_marked in marks.items() if is_marked]:
        yield f"{', '.join(named).capitalize()}."
    if field.personal:
        yield f"Personal data, kept for {field.purpose}."
    if isinstance(field.type, Reference) and field.type.follows:
        yield "Visible to those who see what it refers to."


def _words(name: str) -> str:
    return name.replace("_", " ")


def _code(name: str) -> str:
    return f"`{name}`"
