"""Whether what is inside files is there, is what was put there, and is what a record names."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from crmkit.core.content.errors import ContentDamagedError, ContentMissingError
from crmkit.core.content.named import HashColumn, all_named, hash_columns, named, namings
from crmkit.core.content.store import ContentStore
from crmkit.core.content.sweeping import GRACE, unnamed
from crmkit.core.text import Text, gettext as _
from crmkit.core.verifying.findings import Finding

if TYPE_CHECKING:
    from crmkit.core.model import Model

__all__ = ["examine_contents"]

_MOST = 100


def examine_contents(model: Model, connection: Connection, contents: ContentStore) -> Iterator[Finding]:
    """Yield the rows whose content is missing or damaged, and content that no row has named for days.

    Every byte is read.
    """
    columns = hash_columns(model, connection)
    for hash_ in all_named(connection, columns):
        if trouble := _trouble(contents, hash_):
            yield from _findings(model, connection, columns, hash_, trouble)
    # One night longer than what is swept, so that whoever sweeps every night is told nothing.
    old = contents.hashes(time.time() - 2 * GRACE.total_seconds())
    for number, hash_ in enumerate(unnamed(connection, columns, old)):
        if number == _MOST:
            return
        mend = _("Nothing needs it. Delete it: crmkit files sweep")
        yield Finding("contents", "", hash_, _("no record names this content"), mend)


def _trouble(contents: ContentStore, hash_: str) -> Text | None:
    try:
        contents.check(hash_)
    except ContentMissingError:
        return _("its content {hash} is missing")
    except ContentDamagedError:
        return _("its content {hash} is not what was put there")
    return None


def _findings(
    model: Model, connection: Connection, columns: list[HashColumn], hash_: str, trouble: Text
) -> Iterator[Finding]:
    with model.storage.reading() as later:
        # Erased while this runs, as is its content.
        if not named(later, columns, [hash_]):
            return
    for naming in namings(model, connection, columns, [hash_]):
        mend = _("Restore the content from a backup, or attach the file again.")
        yield Finding("contents", naming.table, naming.row, trouble, mend, {"hash": hash_})
