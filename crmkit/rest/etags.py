"""ETags of records: the version, and which form of the record was shown; and what clients send back of them."""

from __future__ import annotations

import re

from crmkit.core.entity import Record, entity_info
from crmkit.core.errors import StaleError
from crmkit.core.text import gettext as _
from crmkit.rest.errors import PreconditionFailedError, PreconditionMissingError, QueryError

__all__ = ["CONDITION", "check_absent", "check_seen", "etag_of", "is_known"]

_TAG = r'(?:W/)?"[!#-~]*"'
#: What If-Match and If-None-Match may be (RFC 9110, section 13.1), as a regular expression.
CONDITION = rf"(?:\*|{_TAG}(?: *, *{_TAG})*)"
_condition, _tag = re.compile(CONDITION), re.compile(_TAG)
# A version may stand alone, for those who know it from the record itself.
_VERSION = re.compile(r'"([0-9]{1,18})(?:-[0-9a-f]{8})?"')


def etag_of(record: Record, signature: str) -> str:
    """Return the ETag of *record* in the form *signature*: another version or other fields have another one."""
    return f'"{record.version}-{signature}"'


def check_seen(record: Record, if_match: str | None, *, required: bool) -> None:
    """Return if *record* is of the version that the header *if_match* names: one tag, several, or ``*`` for any.

    A weak tag names none (RFC 9110, section 13.1.1).

    Raises:
        PreconditionMissingError: it is *required* and there is none.
        StaleError: the record is of another version.
        QueryError: the header cannot be read.
    """
    if if_match is None:
        if required:
            raise PreconditionMissingError
        return
    tags = _tags("If-Match", if_match)
    versions = [int(found[1]) for tag in tags if (found := _VERSION.fullmatch(tag))]
    if "*" not in tags and record.version not in versions:
        raise StaleError(entity_info(type(record)).id, record.id, max(versions, default=0))


def check_absent(if_match: str | None, if_none_match: str | None) -> None:
    """Return if the headers *if_match* and *if_none_match* hold where nothing is.

    Raises:
        PreconditionFailedError: *if_match* asks for something to be there.
        QueryError: a header cannot be read.
    """
    if if_none_match is not None:
        _tags("If-None-Match", if_none_match)
    if if_match is not None and _tags("If-Match", if_match):
        raise PreconditionFailedError(_("nothing is there yet"))


def is_known(etag: str, if_none_match: str | None) -> bool:
    """Return whether the header *if_none_match* names *etag*, or anything by ``*``; weak tags are as good as others.

    Source: RFC 9110, section 13.1.2.

    Raises:
        QueryError: the header cannot be read.
    """
    if if_none_match is None:
        return False
    tags = _tags("If-None-Match", if_none_match)
    return "*" in tags or etag in {tag.removeprefix("W/") for tag in tags}


def _tags(header: str, value: str) -> list[str]:
    """Return the tags that *value* lists, or the ``*`` that it is."""
    text = value.strip(" \t")
    if not _condition.fullmatch(text):
        raise QueryError(header, _("is no ETag of a record, such as {example}"), example='"3"')
    return ["*"] if text == "*" else _tag.findall(text)
