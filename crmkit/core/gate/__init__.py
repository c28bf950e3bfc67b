"""The gate of ``db.execute``: it admits a statement only if every table in it stands inside a safe relation.

A reader issues safe relations: subqueries of exactly the rows and columns that its principal may read. The gate walks
through a statement and ends at them. It is a list of what may pass: kinds of elements, their attributes, operators,
functions, types. What it does not know it refuses.

It judges statements, not programs. Python code that reaches into SQLAlchemy, into a safe relation or into a
connection and rewrites it is trusted like any other code of a plugin.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from crmkit.core.errors import StatementRefusedError
from crmkit.core.gate.nodes import STATEMENTS
from crmkit.core.gate.walk import Walk
from crmkit.core.text import gettext as _

__all__ = ["check_expression", "check_statement"]


def check_statement(statement: Any, issued: Iterable[sa.Subquery]) -> None:
    """Return if *statement* may be executed; *issued* are the safe relations of the reader that executes it.

    It must be executed at once, unchanged, and without parameters: by name they would replace the values that the
    safe relations bind. If a condition of it could fail on some row (a cast, a division, …), the safe relations in it
    get a fence, so that it never meets a hidden row.

    Raises:
        StatementRefusedError: something in it is not listed, or stands outside the safe relations.
    """
    if type(statement) not in STATEMENTS:
        raise StatementRefusedError(type(statement).__name__, _("the statement must be a select"))
    # A key remembered from before a change would execute what was compiled then.
    statement.__dict__.pop("_generate_cache_key", None)
    Walk(issued).run([statement], [])


def check_expression(expression: Any, issued: Iterable[sa.Subquery]) -> None:
    """Return if *expression* may stand in a statement over the safe relations *issued*.

    Whoever joins it with other conditions puts it in parentheses.

    Raises:
        StatementRefusedError: something in it is not listed, or stands outside the safe relations.
    """
    Walk(issued).run([], [expression])
