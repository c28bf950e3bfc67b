"""ETags of records: the version, and which form of the record was shown; and what clients send back of them."""

from __future__ import annotations

import re
from typing import Any

from crmkit.core.entity import Record, entity_info
from crmkit.core.errors import StaleError
from crmkit.core.text import gettext as _
from crmkit.rest.errors import PreconditionMissingError, QueryError

__all__ = ["check_seen", "etag_of"]

# A version may stand alone, for those who know it from the record itself.
_TAG = re.compile(r'"([0-9]{1,18})(?:-[0-9a-f]{8})?"\Z')


def etag_of(record: Record, signature: str) -> str:
    """Return the ETag of *record* in the form *signature*: another version or other fields have another one."""
    return f'"{record.version}-{signature}"'


def check_seen(record: Record, if_match: str | None, *, required: bool) -> None:
    """Return if *record* is of the version that the header *if_match* names: one tag, several, or ``*`` for any.

    Raises:
        PreconditionMissingError: it is *required* and there is none.
        StaleError: the record is of another version.
        QueryError: the header cannot be read.
    """
    if not if_match:
        if required:
            raise PreconditionMissingError
        return
    if if_match.strip() == "*":
        return
    versions = [_version(part.strip()) for part in if_match.split(",")]
    if record.version not in versions:
        raise StaleError(entity_info(type(record)).id, record.id, max(versions))


def _version(tag: str) -> int:
    found: Any = _TAG.match(tag)
    if found is None:
        raise QueryError("If-Match", _("is no ETag of a record, such as {example}"), example='"3"')
    return int(found[1])
