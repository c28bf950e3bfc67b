"""What every record has, and what records with an owner or in a pipeline have beside it."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from crmkit.core import fields as types_
from crmkit.core.entity.declaring import field, ref
from crmkit.core.entity.hiding import Hiding
from crmkit.core.entity.info import EntityInfo, FieldInfo, entity_info
from crmkit.core.entity.making import mixin
from crmkit.core.errors import UnknownFieldError
from crmkit.core.ids import new_id
from crmkit.core.rules.build import FieldNamespace
from crmkit.core.text import gettext as _

__all__ = ["ExtensionRecord", "Owned", "Pipelined", "Record", "loaded_values", "value_of"]

T = TypeVar("T")


@mixin
class Record(Hiding):
    """What every record has. Fields that crmkit sets are missing until the record is stored."""

    id: UUID = field(types_.File(), factory=new_id, label=_("Id"))
    version: int = field(default=0, init=False, label=_("Version"))
    created_at: datetime = field(init=False, label=_("Created at"))
    updated_at: datetime = field(init=False, label=_("Updated at"))
    created_by: UUID | None = field(types_.File(), init=False, label=_("Created by"))
    deleted_at: datetime | None = field(init=False, label=_("Deleted at"))
    custom: Mapping[str, Any] = field(types_.Json(), factory=dict, label=_("Custom fields"))

    f: ClassVar[FieldNamespace]
    __entity__: ClassVar[EntityInfo]

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is not set: a hidden field answers as one that does not exist.
        raise UnknownFieldError(self.__entity__.id, name)

    def __repr__(self) -> str:
        return _described(self)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return loaded_values(self) == loaded_values(other)

    def __hash__(self) -> int:
        return hash(self.id)


@mixin
class Owned(Record):
    """A record that belongs to a user and to a team; ownership changes only through ``transfer``."""

    owner_id: UUID | None = ref("core.user", default=None, on_leave="transfer", label=_("Owner"), indexed=False)
    team_id: UUID | None = ref("core.team", default=None, label=_("Team"), indexed=False)


@mixin
class Pipelined(Record):
    """A record that stands in a stage of a pipeline; the stage changes only through ``move``."""

    pipeline: str = field(types_.Text(max=64), default="", label=_("Pipeline"))
    pipeline_version: int = field(init=False, label=_("Pipeline version"))
    stage: str = field(types_.Text(max=64), default="", label=_("Stage"))
    stage_kind: str = field(types_.Choice(["open", "won", "lost"]), init=False, label=_("Stage kind"))
    stage_entered_at: datetime = field(init=False, label=_("In this stage since"))


class ExtensionRecord(Hiding):
    """The values that a plugin adds to one record of another plugin's entity."""

    __slots__ = ()
    __entity__: ClassVar[EntityInfo]
    __crmkit_own__: ClassVar[dict[str, Any]] = {}

    @classmethod
    def of(cls: type[T], reader: Any, record: Any) -> T:
        """Return the values that *record* has; defaults where nothing was ever written.

        Fields that the reader may not read are missing.
        """
        return typing.cast("T", reader.extension(cls, record))

    __getattr__ = vars(Record)["__getattr__"]
    __repr__ = vars(Record)["__repr__"]
    __eq__ = vars(Record)["__eq__"]
    __hash__ = None  # type: ignore[assignment]


def value_of(record: Any, field: FieldInfo) -> Any:
    """Return what *record* has in *field*, which may be one that was made at run time."""
    return getattr(record, field.name) if field.slot is None else record.custom[field.key]


def loaded_values(record: Any) -> dict[str, Any]:
    """Return the fields of *record* that are set, in the order of declaration."""
    missing = object()
    pairs = ((name, _slot(record, name, missing)) for name in entity_info(type(record)).fields)
    return {name: value for name, value in pairs if value is not missing}


def _described(record: Any) -> str:
    """Return what *record* is to whoever debugs: its values, but of a credential that it is there."""
    fields = entity_info(type(record)).fields
    values = {name: value for name, value in loaded_values(record).items() if value is not None}
    shown = ", ".join(f"{name}={'…' if fields[name].credential else repr(value)}" for name, value in values.items())
    return f"{type(record).__name__}({shown})"


def _slot(record: Any, name: str, missing: object) -> Any:
    try:
        return object.__getattribute__(record, name)
    except AttributeError:
        return missing
