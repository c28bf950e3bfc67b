"""References to other records, and to files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal
from uuid import UUID

import attrs

from crmkit.core.fields.base import EQUALITY, Column, FieldType

__all__ = ["AnyReference", "File", "Reference", "Target"]


@attrs.frozen
class Target:
    """Which record an any-reference points at."""

    entity: str
    id: UUID

    @classmethod
    def of(cls, record: Any) -> Target:
        """Return the target that *record* is."""
        return cls(record.__entity__.id, record.id)


@attrs.frozen
class Reference(FieldType):
    """The id of a record of *entity*.

    With *follows*, the record is visible only to those who see its target. *on_delete* says what deleting the
    target does: refuse (``restrict``), empty this field (``clear``) or delete this record too (``cascade``).
    *on_leave* says, of a reference to a user, what the user's offboarding does: give the successor's place here
    (``transfer``), empty this field (``clear``), delete this record (``end``) or nothing (``keep``). *goes_along* is a
    rule: where it holds, this record goes to a new owner together with its target, if both belong to the same person.
    *about* says whether this record is about its target, so that it is exported and erased with a person; unless it is
    told, a record is about what it follows and about what takes it along when it is deleted.
    """

    entity: str
    follows: bool = False
    on_delete: Literal["restrict", "clear", "cascade"] = "restrict"
    on_leave: Literal["transfer", "clear", "end", "keep"] = "keep"
    goes_along: str | None = None
    about: bool | None = None
    name: ClassVar[str] = "reference"
    python: ClassVar[type[Any]] = UUID
    operators: ClassVar[Sequence[str]] = EQUALITY
    widget: ClassVar[str] = "reference"

    @property
    def is_about(self) -> bool:
        """Whether a record with this reference tells of its target."""
        return self.follows or self.on_delete == "cascade" if self.about is None else self.about

    def columns(self) -> tuple[Column, ...]:
        """Return one id column."""
        return (Column("", "uuid"),)

    def json_schema(self) -> dict[str, Any]:
        """Return a string of format ``uuid``."""
        return {"type": "string", "format": "uuid"}


def _names(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(given)


@attrs.frozen
class AnyReference(FieldType):
    """A record of any entity. Who does not see the target does not see the record that points at it.

    Entities that hang on an any-reference themselves are targets only if *also* names them, so that what is visible
    never depends on itself. *goes_along* is as for a :class:`Reference`. The record is about its target unless *about*
    says that it is not.
    """

    also: tuple[str, ...] = attrs.field(converter=_names, default=())
    goes_along: str | None = None
    about: bool = True
    name: ClassVar[str] = "any_reference"
    python: ClassVar[type[Any]] = Target
    operators: ClassVar[Sequence[str]] = ("==", "!=")
    widget: ClassVar[str] = "any_reference"

    @property
    def is_about(self) -> bool:
        """Whether a record with this reference tells of its target."""
        return self.about

    def columns(self) -> tuple[Column, ...]:
        """Return the entity's name and the record's id."""
        return (Column("_entity", "text", length=80), Column("_id", "uuid"))

    def split(self, value: Any) -> tuple[Any, ...]:
        """Return entity and id."""
        return (None, None) if value is None else (value.entity, value.id)

    def join(self, parts: Sequence[Any]) -> Any:
        """Return the :class:`Target`."""
        return None if parts[0] is None else Target(parts[0], parts[1])

    def json_schema(self) -> dict[str, Any]:
        """Return ``{entity, id}``."""
        properties = {"entity": {"type": "string"}, "id": {"type": "string", "format": "uuid"}}
        return {"type": "object", "properties": properties, "required": ["entity", "id"]}


@attrs.frozen
class File(FieldType):
    """The id of a stored file."""

    name: ClassVar[str] = "file"
    python: ClassVar[type[Any]] = UUID
    widget: ClassVar[str] = "file"

    def columns(self) -> tuple[Column, ...]:
        """Return one id column."""
        return (Column("", "uuid"),)

    def json_schema(self) -> dict[str, Any]:
        """Return a string of format ``uuid``."""
        return {"type": "string", "format": "uuid"}
