"""What a package is made of: entities made at run time, and custom fields of others under names of the plugin."""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core import fields
from crmkit.core.custom_entities.entity import CustomEntity
from crmkit.core.custom_fields.entity import CustomField
from crmkit.core.custom_fields.types import field_type
from crmkit.core.entity import EntityInfo, ExtensionRecord
from crmkit.core.fields import FieldType
from crmkit.core.pipelines import Pipeline
from crmkit.core.representing.plain import from_plain
from crmkit.core.text import Text

__all__ = ["Extension", "Package", "PackagedEntity", "PackagedField"]

_DATES = ("_on", "_from", "_to", "_until", "_by")
# What these say of a field's type, the conformance of plugins holds them to.
_TELLING = ("_at", "_on", "_id")


@attrs.frozen
class PackagedField:
    """A custom field, and the *name* that it has in the extension."""

    name: str
    definition: CustomField

    @property
    def type(self) -> FieldType:
        """Its type, with the options."""
        return field_type(self.definition.type, self.definition.options)

    @property
    def default(self) -> Any:
        """What new records have."""
        return from_plain(self.type, self.definition.default)

    @property
    def formerly(self) -> tuple[str, ...]:
        """What the ledger calls it, oldest first."""
        former = (name if "." in name else f"custom.{name}" for name in self.definition.former or ())
        return (*former, f"custom.{self.definition.slot}")


@attrs.frozen
class Extension:
    """The fields that were added to *host*."""

    host: str
    fields: tuple[PackagedField, ...]

    @classmethod
    def of(cls, host: str, definitions: Iterable[CustomField]) -> Extension:
        """Return the extension that *definitions*, fields of *host*, become."""
        found = dict[str, PackagedField]()
        for definition in definitions:
            name = _named(definition.key, field_type(definition.type, definition.options), found)
            found[name] = PackagedField(name, definition)
        return cls(host, tuple(found.values()))

    @property
    def class_name(self) -> str:
        """The name of its class: ``CompanyFields``; with the plugin in front, no two are alike."""
        return "".join(part.capitalize() for part in self.host.replace(".", "_").split("_")) + "Fields"

    @property
    def slots(self) -> Mapping[str, str]:
        """The fields by name, and the slots from which their values come."""
        return {field.name: field.definition.slot for field in self.fields}


@attrs.frozen
class PackagedEntity:
    """An entity made at run time, as *info* has it today, with its custom *fields* and its *pipelines*.

    Everything of it keeps its name. *past* are pipelines as they were before they were edited: records pin them.
    *followed* is what people call the entity that it follows.
    """

    definition: CustomEntity
    info: EntityInfo
    fields: tuple[PackagedField, ...]
    pipelines: tuple[Pipeline, ...]
    past: tuple[Pipeline, ...]
    followed: Text | None

    @property
    def id(self) -> str:
        """The id of the entity."""
        return self.info.id

    @property
    def slots(self) -> Mapping[str, str]:
        """The fields by key, and the slots that keep their values."""
        return {field.definition.key: field.definition.slot for field in self.fields}


@attrs.frozen
class Package:
    """A plugin *name*, which *requires* others, by the lowest version that will do."""

    name: str
    entities: Sequence[PackagedEntity]
    extensions: Sequence[Extension]
    requires: Mapping[str, str]

    @property
    def module(self) -> str:
        """The name under which Python imports it."""
        return f"crmkit_{self.name}"

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """The pipelines of its entities, as they are."""
        return tuple(pipeline for entity in self.entities for pipeline in entity.pipelines)

    @property
    def past(self) -> tuple[Pipeline, ...]:
        """The pipelines of its entities as they were."""
        return tuple(pipeline for entity in self.entities for pipeline in entity.past)


def _named(key: str, kind: FieldType, taken: Collection[str]) -> str:
    """Return *key* as fields in code are named: ``is_vip``, ``renewed_on``."""
    name = key
    if isinstance(kind, fields.Boolean):
        name = key if key.startswith(("is_", "has_")) else f"is_{key}"
    if isinstance(kind, fields.DateTime):
        return _free(key if key.endswith("_at") else f"{key}_at", "_at", taken)
    if isinstance(kind, fields.Date):
        return _free(key if key.endswith(_DATES) else f"{key}_on", "_on", taken)
    if isinstance(kind, fields.Reference):
        return _free(key, "_id", taken)
    return _free(f"{name}_value" if name.endswith(_TELLING) else name, "", taken)


def _free(name: str, ending: str, taken: Collection[str]) -> str:
    if name not in taken and name != "record_id" and not keyword.iskeyword(name) and not hasattr(ExtensionRecord, name):
        return name
    return _free(f"{name.removesuffix(ending)}_value{ending}", ending, taken)
