"""What crmkit knows about an entity and its fields, without a database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from crmkit.core import fields as types_
from crmkit.core.entity.declaring import computed
from crmkit.core.errors import DeclarationError
from crmkit.core.fields import Column, FieldType
from crmkit.core.text import Text, gettext as _

__all__ = ["SYSTEM_FIELDS", "EntityInfo", "FieldInfo", "entity_info"]

# What an encrypted field is kept in: the ciphertext, and what finds it by equality.
_SEALED = Column("_sealed", "sealed")
_TOKEN = Column("_index", "token", length=32)

SYSTEM_FIELDS = frozenset(
    "id version created_at updated_at created_by deleted_at custom pipeline_version stage_kind stage_entered_at".split()
)


@attrs.frozen(eq=False)
class FieldInfo:
    """One field of one entity, as every part of crmkit sees it.

    A field made at run time is called ``custom.<key>``; *slot* is where the record's JSON keeps its values, and
    *former* are the slots in which it kept them before it was converted, and what it was called while it was a field
    of an extension; of a field in code, the names that it had before. *impersonal* fields are said not to hold
    personal data, *kept* is the reason for which an erasure leaves the value. What is *encrypted* can be asked for by
    equality if it has a *blind_index*. A *credential* is told with its own record alone.
    """

    name: str
    type: FieldType
    entity: str
    owner: str
    nullable: bool
    label: Text
    help: Text
    init: bool
    has_default: bool
    default: Callable[[], Any]
    search: bool = False
    indexed: bool = False
    unique: bool = False
    personal: bool = False
    purpose: str | None = None
    impersonal: bool = False
    kept: Text | None = None
    slot: str | None = None
    former: tuple[str, ...] = ()
    encrypted: bool = False
    blind_index: bool = False
    credential: bool = False

    def columns(self) -> tuple[Column, ...]:
        """Return the columns that keep a value: those of its type, or what encrypts it."""
        if not self.encrypted:
            return self.type.columns()
        return (_SEALED, _TOKEN) if self.blind_index else (_SEALED,)

    @property
    def relation(self) -> str | None:
        """The name under which rules and expansions follow this reference: ``company`` for ``company_id``."""
        if not isinstance(self.type, types_.Reference):
            return None
        return self.name.removesuffix("_id")

    def former_names(self, name: str) -> tuple[str, ...]:
        """Return what the ledger called the field before, oldest first, if it is *name* among those of its entity.

        What has no dot is a name among its neighbours: a slot, or a field of the same extension.
        """
        place = name.rpartition(".")[0]
        return tuple(old if "." in old or not place else f"{place}.{old}" for old in self.former)

    @property
    def ledger_name(self) -> str:
        """The name in the ledger: another field that has the same name later has a slot of its own."""
        return self.name if self.slot is None else f"custom.{self.slot}"

    @property
    def key(self) -> str:
        """The name without what stands before it: ``size`` for ``custom.size``."""
        return self.name.rpartition(".")[2]

    @property
    def is_system(self) -> bool:
        """Whether crmkit sets this field, never the caller."""
        return self.name in SYSTEM_FIELDS


@attrs.frozen(eq=False)
class EntityInfo:
    """One entity: its class and its fields in order. *host* is set for an extension.

    *owned* records have an owner and a team, *pipelined* ones stand in a stage of a pipeline. *custom* are the fields
    that were added at run time, by their whole name. Each record of a *person* entity is somebody; *kept* is the reason
    for which records stay, without what they tell of a person, when that person is erased. *tells_of* are the two
    fields of a log's entry that name the record which it is about. *declared_by* is the plugin
    of an entity that was made at run time before, and kept its id.
    """

    id: str
    cls: type[Any]
    label: Text
    fields: Mapping[str, FieldInfo]
    computed: Mapping[str, computed[Any]]
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = attrs.field(default=(), kw_only=True)
    tells_of: tuple[str, str] | None = attrs.field(default=None, kw_only=True)
    links: Mapping[str, str] = attrs.field(factory=dict)
    host: str | None = None
    extends_as: str | None = None
    declared_by: str | None = None
    owned: bool = False
    pipelined: bool = False
    person: bool = False
    kept: Text | None = None
    custom: Mapping[str, FieldInfo] = attrs.field(factory=dict)
    number: FieldInfo | None = attrs.field(init=False)

    @number.default
    def _find_number(self) -> FieldInfo | None:
        """Return the field that carries the human number, if the entity has one."""
        return next((f for f in self.fields.values() if isinstance(f.type, types_.Number)), None)

    def leading(self, relation: str) -> FieldInfo | None:
        """Return the field behind *relation*: the reference ``<relation>_id``, or a reference to any record."""
        for field in self.fields.values():
            if field.relation == relation or (field.name == relation and isinstance(field.type, types_.AnyReference)):
                return field
        return None

    @property
    def plugin(self) -> str:
        """The plugin that declares it: the one whose name the id carries, unless another took it over or extends it."""
        return self.extends_as or self.declared_by or self.id.partition(".")[0]

    @property
    def table(self) -> str:
        """The table's name: ``sales_deal`` for ``sales.deal``, ``membership_sales_deal`` for an extension of it."""
        name = self.id.replace(".", "_")
        return f"{self.extends_as}_{name}" if self.extends_as else name

    @property
    def hangs_on_any(self) -> bool:
        """Whether records are visible only to those who see the record of any entity that they point at."""
        return any(isinstance(f.type, types_.AnyReference) for f in self.fields.values())


def entity_info(cls: type[Any]) -> EntityInfo:
    """Return what ``@entity`` or ``@extension`` recorded about *cls*.

    Raises:
        DeclarationError: *cls* is no entity.
    """
    info = getattr(cls, "__entity__", None)
    if not isinstance(info, EntityInfo):
        raise DeclarationError(cls.__name__, _("is no entity; decorate it with @entity"))
    return info
