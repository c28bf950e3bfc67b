"""The values of the fields that administrators added to an entity at run time, as a record shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crmkit.core.errors import UnknownFieldError

__all__ = ["CustomValues", "is_custom"]

_CUSTOM = "custom."


def is_custom(name: str) -> bool:
    """Return whether *name* is that of a field made at run time: ``custom.size``."""
    return name.startswith(_CUSTOM)


class CustomValues(Mapping[str, Any]):
    """The custom fields of one record by key, ``None`` where there is no value. A hidden field is not in it."""

    __slots__ = ("_entity", "_values")

    def __init__(self, entity: str, values: Mapping[str, Any]) -> None:
        """Keep *values* of a record of *entity*."""
        self._entity, self._values = entity, values

    def __getitem__(self, key: str) -> Any:
        """Return the value of the field *key*.

        Raises:
            UnknownFieldError: there is no such field, or it is hidden; the words are the same.
        """
        try:
            return self._values[key]
        except (KeyError, TypeError):
            raise UnknownFieldError(self._entity, f"{_CUSTOM}{key}") from None

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of the field *key*; *default* if there is no such field, or it is hidden."""
        return self._values.get(key, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(dict(self._values))
