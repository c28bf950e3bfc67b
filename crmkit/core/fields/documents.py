"""JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import attrs

from crmkit.core.fields.base import Column, FieldType, Refused
from crmkit.core.text import gettext as _

__all__ = ["Json"]


@attrs.frozen
class Json(FieldType):
    """Any JSON value, checked by *check* where one is given."""

    check: Callable[[Any], None] | None = None
    name: ClassVar[str] = "json"
    python: ClassVar[type[Any]] = object
    operators: ClassVar[Sequence[str]] = ()
    widget: ClassVar[str] = "json"

    def columns(self) -> tuple[Column, ...]:
        """Return one JSON column."""
        return (Column("", "json"),)

    def normalise(self, value: Any) -> Any:
        """Return *value* if it can be written as JSON."""
        from msgspec import json

        try:
            written = json.encode(value)
        except UnicodeEncodeError:
            raise Refused(_("text may not contain NUL or half a character")) from None
        except (TypeError, ValueError, RecursionError) as error:
            raise Refused(_("no JSON: {reason}"), reason=str(error)) from None
        if b"\\u0000" in written and _has_nul(value):
            raise Refused(_("text may not contain NUL or half a character"))
        if self.check is not None:
            self.check(value)
        return value

    def json_schema(self) -> dict[str, Any]:
        """Return the schema that admits everything."""
        return {}


def _has_nul(value: Any) -> bool:
    """Return whether a text in *value*, or a key, has a NUL; what is written looks the same after a backslash."""
    if isinstance(value, Mapping):
        return any(map(_has_nul, (*value, *value.values())))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_has_nul, value))
    return isinstance(value, str) and "\0" in value
