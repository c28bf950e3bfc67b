"""Whether a database still is what crmkit wrote: pages, references, ledger, histories, visits, search, files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from crmkit.core.content.store import ContentStore
from crmkit.core.encryption.kept import read_keys
from crmkit.core.progress import Meter, Show
from crmkit.core.storage.schema import Schema
from crmkit.core.text import gettext as _
from crmkit.core.verifying.contents import examine_contents
from crmkit.core.verifying.database import examine_pages, examine_references
from crmkit.core.verifying.findings import Finding
from crmkit.core.verifying.histories import examine_histories
from crmkit.core.verifying.ledger import Anchor, examine_ledger
from crmkit.core.verifying.outbox import examine_outbox
from crmkit.core.verifying.search import examine_search
from crmkit.core.verifying.visits import examine_visits

if TYPE_CHECKING:
    from crmkit.core.model import Model

__all__ = ["Finding", "examine"]


def examine(
    model: Model,
    connection: Connection,
    *,
    anchor: Anchor | None = None,
    contents: ContentStore | None = None,
    show: Show | None = None,
) -> Iterator[Finding]:
    """Yield everything that is wrong with the database of *model*, as *connection* sees it; nothing where all is well.

    *connection* is a snapshot where others write meanwhile. *contents* are read as well, if given. *show* is told when
    each check begins and ends.
    """
    schema, registry = model.schema, model.registry
    read_keys(model, connection)
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "database": lambda: examine_pages(connection),
        "references": lambda: examine_references(connection, schema),
        "ledger": lambda: _ledger(schema, connection, anchor),
        "history": lambda: examine_histories(connection, schema, registry, model.store),
        "visits": lambda: examine_visits(connection, schema, registry),
        "outbox": lambda: examine_outbox(connection, schema),
        "search": lambda: examine_search(model, connection),
    }
    if contents is not None:
        checks["contents"] = lambda: examine_contents(model, connection, contents)
    for number, (name, check) in enumerate(checks.items(), start=1):
        meter = Meter(show, name, number=number, steps=len(checks))
        meter.advance(0)
        yield from check()
        meter.finish()


def _ledger(schema: Schema, connection: Connection, anchor: Anchor | None) -> Iterator[Finding]:
    mend = _(
        "The history can no longer be trusted from here on. Restore the newest backup that verifies, "
        "and find out who writes past crmkit."
    )
    for broken in examine_ledger(connection, schema, anchor):
        yield Finding("ledger", "core_ledger", str(broken.row), broken.facts["message"], mend, broken.facts)
