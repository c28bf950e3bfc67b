"""What is being written: one :class:`Write` for each record, and the context in which hooks see a batch of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import UUID

import attrs

from crmkit.core.entity import EntityInfo, Record, entity_info, is_custom
from crmkit.core.errors import FieldProblem, UnknownFieldError, ValidationError
from crmkit.core.fields.base import shortened
from crmkit.core.policy.access import Access
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.pipelines import Stage
    from crmkit.core.reading.reader import Reader

__all__ = ["VERB_OF", "Kind", "Write", "WriteContext", "creation", "grouped"]

T = TypeVar("T")
Kind = Literal["create", "update", "delete", "restore", "transfer", "move"]

# The verb that a kind of write needs.
VERB_OF: Mapping[str, str] = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "restore": "delete",
    "transfer": "transfer",
    "move": "move",
}


def _unless_shown(write: Write, attribute: attrs.Attribute[Any], value: Any) -> Any:
    """Refuse that a hook makes another write of the one that it is asked about."""
    if write.open_ is not None:
        raise TypeError(f"a hook cannot change {attribute.name!r} of a write")
    return value


@attrs.define(eq=False, on_setattr=_unless_shown)
class Write:
    """One record about to be written. *values* are the new ones, *stored* the row as it stands (empty on create).

    *place* is where it stands in the batch that the caller gave. *trusted* marks what crmkit or a hook adds: it takes
    the same steps, but no grant is asked for. *goes_with* is the entity of the deleted record that takes this one
    along: refusals name that. *details* tell the steps more; an import sets ``entered_at`` (when the
    record entered its stage) and ``placed`` (the pipeline's moves and guards are not asked, because it happened
    elsewhere), and ``moves_to`` (the stage into which it moves the record right after); a merge sets ``merged`` on the
    deletion of a record that goes into another, so that what refers to it does not stand in the way.
    """

    kind: Kind
    entity: EntityInfo
    record_id: UUID
    values: dict[str, Any]
    stored: Mapping[str, Any] = attrs.field(factory=dict)
    version: int | None = None
    trusted: bool = False
    depth: int = 0
    goes_with: str = ""
    allowed: bool = True
    place: int = 0
    details: dict[str, Any] = attrs.field(factory=dict)
    # Where `set` puts values while hooks are shown this write; see :mod:`crmkit.core.writing.showing`.
    open_: Any = attrs.field(default=None, init=False)

    @property
    def key(self) -> tuple[str, UUID]:
        """What tells the record from all others: callers choose ids, so that two entities may have the same one."""
        return self.entity.id, self.record_id

    def get(self, field: str) -> Any:
        """Return the value that *field* will have; ``None`` where it has none."""
        return self.values[field] if field in self.values else self.stored.get(field)

    def changes(self, field: str) -> bool:
        """Return whether this write gives *field* another value than the stored one."""
        return field in self.values and self.values[field] != self.stored.get(field)

    @property
    def is_history(self) -> bool:
        """Whether this tells what has already happened elsewhere, so that nobody is to act on it now."""
        return bool(self.details.get("placed") or self.details.get("entered_at"))

    def set(self, field: str, value: Any) -> None:
        """Give *field* a value, from a hook; it is normalised and validated like any other.

        Raises:
            UnknownFieldError: the entity has no such field.
            TypeError: the write is being checked, so it cannot change any more.
        """
        known = self.entity.custom if is_custom(field) else self.entity.fields
        if field not in known and (is_custom(field) or "." not in field):
            raise UnknownFieldError(self.entity.id, field)
        places = self.open_ if isinstance(self.open_, tuple) else (self.values if self.open_ is None else self.open_,)
        for values in places:
            values[field] = value

    def seal(self) -> None:
        """Let nothing change the values from now on: what is checked is what is written."""
        self.values = MappingProxyType(self.values)  # type: ignore[assignment]


@attrs.define(eq=False)
class WriteContext:
    """What a hook may know and do: who writes, when, a trusted reader, and further writes.

    *trusted* reads everything in the same transaction, so that a mask never turns a check into arithmetic on nothing.
    *today* is the day in the principal's time zone.
    """

    principal: Access
    now: datetime
    today: date
    trusted: Reader
    depth: int = 0
    added: list[Write] = attrs.field(factory=list)

    def entered_stage(self, write: Write) -> Stage | None:
        """Return the stage that *write* brings its record into; ``None`` if it is no creation and no move.

        Raises:
            UnknownStageError: the pipeline or the stage that the write names does not exist.
        """
        if not write.entity.pipelined or write.kind not in ("create", "move"):
            return None
        from crmkit.core.writing.stages import pipeline_of

        pipeline = pipeline_of(self.principal.registry, write)
        slug = write.values.get("stage")
        return pipeline.stage(slug) if slug else pipeline.first

    def create(self, record: Record) -> None:
        """Add the creation of *record* to the batch."""
        self.added.append(creation(record, trusted=True, depth=self.depth + 1))

    def update(self, record: Record, **values: Any) -> None:
        """Add a change of *record* to the batch."""
        info = entity_info(type(record))
        change = Write("update", info, record.id, dict(values), version=None, trusted=True, depth=self.depth + 1)
        self.added.append(change)


def grouped(items: Iterable[T], key: Callable[[T], Any]) -> list[tuple[Any, list[T]]]:
    """Return *items*, such as writes, by their *key*, in the order in which each key occurs first."""
    groups: dict[Any, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.items())


def creation(record: Record, *, trusted: bool = False, depth: int = 0) -> Write:
    """Return the write that creates *record*.

    Raises:
        ValidationError: its id is none.
    """
    from crmkit.core.writing.values import initial_values

    info = entity_info(type(record))
    id_: Any = record.id
    if not isinstance(id_, UUID):
        problem = FieldProblem("id", _("expected {expected}, got {value!r}"), expected="UUID", value=shortened(id_))
        raise ValidationError(info.id, [problem])
    custom: Any = record.custom
    if not isinstance(custom, Mapping) or not all(isinstance(key, str) for key in custom):
        message = _("expected {expected}, got {value!r}")
        problem = FieldProblem("custom", message, expected="fields by key", value=shortened(custom))
        raise ValidationError(info.id, [problem])
    values = initial_values(record) | {f"custom.{key}": value for key, value in custom.items()}
    return Write("create", info, record.id, values, trusted=trusted, depth=depth)
