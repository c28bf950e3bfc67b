"""Revision files as text: plain SQL types, one idea a line, the same text for the same operations."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Literal

import sqlalchemy as sa
from alembic.autogenerate import render_python_code
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from crmkit.core.migrating.conversions import Conversion
from crmkit.core.storage.columns import Day, Id, JsonText, Moment, ScaledInteger
from crmkit.core.storage.sealing import Token

__all__ = ["render_revision"]

Operations = Sequence[ops.MigrateOperation]

_LINE = 120
_ALIVE = "deleted_at IS NULL"
_WHERES = ("sqlite_where", "postgresql_where")
_SILENT = {("unique", "False"), ("schema", "None")}
# Types by the name that a revision gives them. A revision never imports crmkit: it must run when all this has changed.
_ALIASES = {
    "ID": 'ID = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")',
    "MOMENT": 'MOMENT = sa.String(32).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")',
    "DAY": 'DAY = sa.String(10).with_variant(sa.Date(), "postgresql")',
    "JSON": 'JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")',
    "COUNTER": 'COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")',
    "LONG_TEXT": 'LONG_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")',
    "ALIVE": f'ALIVE: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("{_ALIVE}"))',
}
_NO_WAY_BACK = """def downgrade() -> None:
    raise NotImplementedError("declare the fields as they were before, and make another revision.")
"""
_TEXT = """
def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
"""


def render_revision(
    header: dict[str, Any],
    message: str,
    upgrade: Operations,
    downgrade: Operations,
    conversions: Sequence[Conversion] = (),
) -> str:
    """Return the text of a revision file, formatted as ruff would."""
    parts = [_function("upgrade", upgrade), *_converting(conversions)]
    body = "\n\n".join([*parts, _NO_WAY_BACK if conversions else _function("downgrade", downgrade)])
    words = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    said = [f"{name} = {_literal(value)}" for name, value in header.items()]
    used = [text for name, text in _ALIASES.items() if name in words]
    declared = "\n".join([*said, *([""] if used else []), *used])
    text_function = f"\n{_TEXT}" if "text" in words else ""
    title = message.replace("\\", "/").replace('"', "'")
    return f'"""{title}."""\n\n{_imports(declared, conversions)}\n\n{declared}\n{text_function}\n\n{body}'


def _imports(declared: str, conversions: Sequence[Conversion]) -> str:
    lines = ["import sqlalchemy as sa", "from alembic import op"]
    if "Any" in declared:
        lines = ["from typing import Any", "", *lines]
    if "postgresql." in declared:
        lines.append("from sqlalchemy.dialects import postgresql")
    if conversions:
        names = sorted({conversion.function for conversion in conversions})
        lines += ["", f"from crmkit import {', '.join(['Batch', *names, 'in_batches'])}"]
    return "\n".join(lines)


def _converting(conversions: Sequence[Conversion]) -> Iterator[str]:
    """Yield the data steps that move values, and what is done after them."""
    yield from (conversion.step for conversion in conversions)
    if left := [operation for conversion in conversions for operation in conversion.finish()]:
        yield _function("finish", left)


def _function(name: str, operations: Operations) -> str:
    # Alembic indents every line but the first.
    parsed = ast.parse(f"def {name}() -> None:\n    {_by_alembic(operations)}").body[0]
    assert isinstance(parsed, ast.FunctionDef)
    lines = [line for node in parsed.body for line in _statement(_Tidied().visit(node), 4)]
    return _with_double_quotes("\n".join([f"def {name}() -> None:", *lines]) + "\n")


def _by_alembic(operations: Operations) -> str:
    """Return Alembic's rendering; what SQLite cannot alter in place stands in a batch for each table."""
    container = ops.UpgradeOps(list(_batches(operations)))
    context = MigrationContext.configure(dialect_name="sqlite", opts={"render_item": _type})
    return render_python_code(container, render_as_batch=True, render_item=_type, migration_context=context)


def _batches(operations: Operations) -> Iterator[ops.MigrateOperation]:
    def place(operation: ops.MigrateOperation) -> str | None:
        plain = (ops.CreateTableOp, ops.DropTableOp, ops.CreateIndexOp, ops.DropIndexOp)
        if isinstance(operation, plain):
            return None
        return str(getattr(operation, "table_name", None) or getattr(operation, "source_table", ""))

    for table, group in groupby(operations, place):
        if table is None:
            yield from map(_without_info, group)
        else:
            yield ops.ModifyTableOps(table, list(group))


def _without_info(operation: ops.MigrateOperation) -> ops.MigrateOperation:
    if isinstance(operation, ops.CreateTableOp):
        return ops.CreateTableOp(operation.table_name, operation.columns)
    return operation


def _type(kind: str, thing: Any, _context: Any) -> str | Literal[False]:
    """Return what a revision writes for the type *thing*; ``False`` leaves it to Alembic."""
    if kind != "type":
        return False
    names = {Id: "ID", Moment: "MOMENT", Day: "DAY", JsonText: "JSON", ScaledInteger: "sa.BigInteger()"}
    if isinstance(thing, Token):
        return f"text({thing.length})"
    if type(thing) in names:
        return names[type(thing)]
    if isinstance(thing, sa.BigInteger) and "sqlite" in thing._variant_mapping:
        return "COUNTER"
    if isinstance(thing, sa.String) and "postgresql" in thing._variant_mapping:
        return "LONG_TEXT" if isinstance(thing, sa.Text) else f"text({thing.length})"
    return False


class _Tidied(ast.NodeTransformer):
    """Takes out of Alembic's code what says nothing."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "f":
            return node.args[0]
        said = {keyword: (keyword.arg, ast.unparse(keyword.value)) for keyword in node.keywords}
        wheres = [k for k, (name, value) in said.items() if name in _WHERES and _ALIVE in value]
        node.keywords = [k for k in node.keywords if k not in wheres and said[k] not in _SILENT]
        if wheres:
            node.keywords.append(ast.keyword(arg=None, value=ast.Name("ALIVE")))
        return node


def _statement(node: ast.AST, indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(node, ast.With):
        item = node.items[0]
        yield f"{pad}with {ast.unparse(item)}:"
        for inner in node.body:
            yield from _statement(inner, indent + 4)
    else:
        yield pad + _expression(node.value if isinstance(node, ast.Expr) else node, indent, 0)


def _expression(node: ast.AST, indent: int, after: int) -> str:
    """Return *node* as code that begins at *indent* and leaves room for *after* more characters on its last line."""
    flat = ast.unparse(node)
    if indent + len(flat) + after <= _LINE or not isinstance(node, ast.Call):
        return flat
    pad = " " * (indent + 4)
    head, parts = f"{ast.unparse(node.func)}(\n{pad}", [*node.args, *node.keywords]
    together = ", ".join(ast.unparse(part) for part in parts)
    if indent + 4 + len(together) <= _LINE:
        return f"{head}{together}\n{' ' * indent})"
    return head + f"\n{pad}".join(f"{_expression(part, indent + 4, 1)}," for part in parts) + f"\n{' ' * indent})"


def _with_double_quotes(code: str) -> str:
    lines = code.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.STRING and token.string.startswith("'") and '"' not in token.string:
            (row, start), (_row, end) = token.start, token.end
            lines[row - 1] = lines[row - 1][:start] + f'"{token.string[1:-1]}"' + lines[row - 1][end:]
    return "".join(lines)


def _literal(value: Any) -> str:
    return _with_double_quotes(repr(value))
