"""The revision of a package: what a generated one makes, unless it is here already and is taken over."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from crmkit.core.packaging.declaring import literal
from crmkit.core.packaging.layout import Code, Group, call, keyword, laid_out, listed
from crmkit.core.packaging.package import Extension, Package, PackagedEntity

__all__ = ["taking_over"]

_TABLE = ("create_table", "drop_table")


def taking_over(package: Package, revision: str) -> str:
    """Return the text of *revision*, which makes the tables of *package*, with the calls that take over what is here.

    A table is made where the entity was not made at run time. Values of fields of other entities move behind what
    makes tables, and before what drops them.
    """
    tree = ast.parse(revision)
    up, down = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.endswith("grade"))
    before = "\n".join(revision.splitlines()[: up.lineno - 1])
    made = "".join(_guarded(package, revision, up, "take_over"))
    dropped = "".join(_guarded(package, revision, down, "give_back"))
    take, give = (
        "".join(_moved(package, each, verb) for each in package.extensions) for verb in ("take_over", "give_back")
    )
    text = f"{before}\ndef upgrade() -> None:\n{made}{take}\n\ndef downgrade() -> None:\n{give}{dropped}"
    words = ("give_back_entity", "give_back_fields", "take_over_entity", "take_over_fields")
    used = ", ".join(word for word in words if f"{word}(" in text)
    return text.replace("from alembic import op\n", f"from alembic import op\nfrom crmkit import {used}\n", 1)


def _guarded(package: Package, revision: str, function: ast.FunctionDef, verb: str) -> Iterator[str]:
    """Yield the statements of *function*; those on the table of an entity stand behind the question whose it is."""
    entities = {entity.info.table: entity for entity in package.entities}
    asked = set[str]()
    for statement in function.body:
        text, table = _text(revision, statement), _table(statement)
        if table not in entities:
            yield text
            continue
        if table not in asked:
            asked.add(table)
            yield _question(package, entities[table], verb)
        yield "".join(f"    {line}" if line.strip() else line for line in text.splitlines(keepends=True))


def _text(revision: str, statement: ast.stmt) -> str:
    assert statement.end_lineno is not None
    return "".join(revision.splitlines(keepends=True)[statement.lineno - 1 : statement.end_lineno])


def _table(statement: ast.stmt) -> str:
    """Return the table on which *statement*, such as ``op.create_index("…", "the_table", …)``, works."""
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    function, args = statement.value.func, statement.value.args
    assert isinstance(function, ast.Attribute)
    return str(ast.literal_eval(args[0 if function.attr in _TABLE else 1]))


def _question(package: Package, entity: PackagedEntity, verb: str) -> str:
    said = [literal(entity.id), literal(package.name)]
    kept = [keyword("fields", _mapping(entity.slots))] if entity.slots else []
    shape = list(_shape(entity)) if verb == "take_over" else []
    return f"    if not {laid_out(call(f'{verb}_entity', *said, *shape, *kept), 4, 8)}:\n"


def _shape(entity: PackagedEntity) -> Iterator[Code]:
    definition = entity.definition
    if definition.owned:
        yield "owned=True"
    if definition.number_prefix is not None:
        yield f"number_prefix={literal(definition.number_prefix)}"
    if definition.follows is not None:
        yield f"follows={literal(definition.follows)}"
    if definition.stages:
        slugs = [each if isinstance(each, str) else each["slug"] for each in definition.stages]
        yield keyword("stages", listed([literal(slug) for slug in slugs]))


def _moved(package: Package, extension: Extension, verb: str) -> str:
    said = call(f"{verb}_fields", literal(extension.host), literal(package.name), _mapping(extension.slots))
    return f"    {laid_out(said, 4)}\n"


def _mapping(slots: Mapping[str, str]) -> Group:
    return Group("{", [f"{literal(name)}: {literal(slot)}" for name, slot in slots.items()], "}")
