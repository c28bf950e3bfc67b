"""Declaring entities: attrs classes whose instances are frozen values.

``@entity`` makes the class; :class:`EntityInfo` and :class:`FieldInfo` are what the rest of crmkit knows about it.
Nothing here touches a database.
"""

from __future__ import annotations

from crmkit.core.entity.custom import CustomValues, is_custom
from crmkit.core.entity.declaring import any_ref, computed, field, ref
from crmkit.core.entity.decorators import entity, extension
from crmkit.core.entity.info import SYSTEM_FIELDS, EntityInfo, FieldInfo, entity_info
from crmkit.core.entity.making import mixin
from crmkit.core.entity.records import ExtensionRecord, Owned, Pipelined, Record, loaded_values, value_of

__all__ = [
    "SYSTEM_FIELDS",
    "CustomValues",
    "EntityInfo",
    "ExtensionRecord",
    "FieldInfo",
    "Owned",
    "Pipelined",
    "Record",
    "any_ref",
    "computed",
    "entity",
    "entity_info",
    "extension",
    "field",
    "is_custom",
    "loaded_values",
    "mixin",
    "ref",
    "value_of",
]
