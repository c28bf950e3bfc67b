"""Where records keep names of fields, so that a field which is renamed is called anew there."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

__all__ = ["StoredNames"]


def _fields(given: Sequence[str]) -> Sequence[str]:
    return tuple(given)


@attrs.frozen
class StoredNames:
    """Says that records of the entity *id* name fields of the entity whose id stands in their field *of*.

    *rules* are their fields that hold a rule on that entity; *names* those that hold names, with spaces between them
    and perhaps ``-`` before one.
    """

    id: str
    of: str
    rules: Sequence[str] = attrs.field(converter=_fields, default=())
    names: Sequence[str] = attrs.field(converter=_fields, default=())
