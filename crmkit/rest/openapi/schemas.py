"""The schemas of one entity's records, with the fields that exist for whoever reads the document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from crmkit.core import fields as types
from crmkit.core.entity import EntityInfo, FieldInfo, computed
from crmkit.core.policy.access import Access
from crmkit.core.text import translate
from crmkit.core.writing.shapes import is_given_by_crmkit, shape_of
from crmkit.rest.openapi.operations import nullable

__all__ = ["entity_schemas", "name_of", "some_schema"]

_DIGITS = 18
# Characters of text that is kept: of several lines, of one line, and those that are more than space.
_ANY = r"[^\u0000]"
_ANY_OF_LINE = r"[^\u0000\r\n]"
_VISIBLE = r"[^\s\u0000-\u001f\u0085]"


def name_of(entity: str) -> str:
    """Return what schemas of *entity* are called: ``SalesDeal``."""
    return "".join(part.capitalize() for part in entity.replace(".", "_").split("_"))


def entity_schemas(access: Access, info: EntityInfo) -> dict[str, dict[str, Any]]:
    """Return the schemas of *info* by name: as a record is shown, one page, what creates and what changes one."""
    return _Entity(access, info).schemas()


def some_schema(access: Access, info: EntityInfo) -> dict[str, Any]:
    """Return the schema of some values of a record of *info* that is not there."""
    return _Entity(access, info).some()


class _Entity:
    """One entity as *access* knows it."""

    def __init__(self, access: Access, info: EntityInfo) -> None:
        self._access, self._info, self._locale = access, info, access.locale
        self._mine = access.entity(info)
        self._extensions = access.registry.extensions.get(info.id, {})

    def schemas(self) -> dict[str, dict[str, Any]]:
        name = name_of(self._info.id)
        page = {
            "type": "object",
            "properties": {
                "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}},
                "next": {"type": ["string", "null"]},
                "count": {"type": "integer"},
            },
            "required": ["items", "next"],
        }
        return {
            name: self._object(self._shown(), required=["id"]),
            f"{name}Page": page,
            f"{name}New": self._object(self._given(creating=True), required=self._required(), closed=True),
            f"{name}Patch": self._object(self._given(creating=False), required=[], closed=True),
        }

    def some(self) -> dict[str, Any]:
        given = {name: nullable(schema) for name, schema in self._given(creating=False, always=True).items()}
        return self._object(given, required=[], closed=True)

    def _object(
        self, properties: Mapping[str, Any], *, required: Iterable[str], closed: bool = False
    ) -> dict[str, Any]:
        made: dict[str, Any] = {"type": "object", "description": translate(self._info.label, self._locale)}
        made |= {"properties": dict(properties), "required": list(required)}
        return {**made, "additionalProperties": False} if closed else made

    def _required(self) -> list[str]:
        """Return what a new record must be given."""
        needed = (f for f in shape_of(self._info).settable if not (f.nullable or f.has_default))
        return [f.name for f in needed if not is_given_by_crmkit(f) and self._may(f.name)]

    def _may(self, name: str) -> bool:
        return name in self._mine.writable

    def _shown(self) -> dict[str, Any]:
        """Return the properties of a record as it is shown."""
        readable = self._mine.readable
        shown = {each.name: self._value(each) for each in _own(self._info) if each.name in readable}
        for plugin, extension in self._extensions.items():
            mine = {each.name: self._value(each) for each in _own(extension) if f"{plugin}.{each.name}" in readable}
            shown |= {plugin: {"type": "object", "properties": mine}} if mine else {}
        custom = {f.key: self._value(f) for f in self._info.custom.values() if f.name in readable}
        return shown | {"custom": {"type": "object", "properties": custom}} if "custom" in readable else shown

    def _given(self, *, creating: bool, always: bool = False) -> dict[str, Any]:
        """Return the properties of what creates a record, or changes one; *always* with what only moves change."""
        moved = {} if creating or always else shape_of(self._info).moved
        own = (f for f in self._info.fields.values() if not is_given_by_crmkit(f) and f.name not in moved)
        given = {f.name: self._written(f, creating) for f in own if self._may(f.name)}
        for plugin, extension in self._extensions.items():
            named = {f.name: f for f in extension.fields.values() if self._may(f"{plugin}.{f.name}")}
            mine = {name: self._written(field, creating) for name, field in named.items()}
            given |= {plugin: {"type": "object", "properties": mine, "additionalProperties": False}} if mine else {}
        custom = {f.key: self._written(f, creating) for f in self._info.custom.values() if self._may(f.name)}
        if custom:
            given["custom"] = {"type": "object", "properties": custom, "additionalProperties": False}
        return given

    def _value(self, field: FieldInfo | computed[Any]) -> dict[str, Any]:
        schema = dict(field.type.json_schema())
        # A computed field has no value where it needs one that is not there.
        empty = not isinstance(field, FieldInfo) or field.nullable or field.name in _EMPTY_UNTIL
        return self._described(nullable(schema) if empty else schema, field)

    def _written(self, field: FieldInfo, creating: bool) -> dict[str, Any]:
        schema = _exact(field.type, required=creating and not (field.nullable or field.has_default))
        if not creating and isinstance(field.type, types.MoneyType | types.AnyReference):
            # Of an object, a merge patch may give a part.
            schema.pop("required", None)
        # What only moves change has its first value where none is given.
        empty = field.nullable or (creating and field.name in shape_of(self._info).moved)
        return self._described(nullable(schema) if empty else schema, field)

    def _described(self, schema: dict[str, Any], field: FieldInfo | computed[Any]) -> dict[str, Any]:
        label = translate(field.label, self._locale) if field.label else field.name
        return {**schema, "description": label}


# What crmkit fills later.
_EMPTY_UNTIL = frozenset({"deleted_at", "created_by", "owner_id", "team_id"})


def _own(info: EntityInfo) -> Iterator[FieldInfo | computed[Any]]:
    yield from (field for field in info.fields.values() if field.name != "custom")
    yield from info.computed.values()


def _exact(kind: types.FieldType, *, required: bool) -> dict[str, Any]:
    """Return the schema of a value of *kind* as it may be sent: numbers with as many digits as the field keeps.

    Text that is *required* has more than spaces.
    """
    schema = dict(kind.json_schema())
    if isinstance(kind, types.Text):
        any_ = _ANY if isinstance(kind, types.LongText) else _ANY_OF_LINE
        text = f"{any_}*{_VISIBLE}{any_}*" if required else f"{any_}*"
        # What is space at either end is left off, line breaks too.
        schema["pattern"] = rf"^\s*{text}\s*$"
    if isinstance(kind, types.Decimals):
        rest = rf"(\.[0-9]{{1,{kind.scale}}})?" if kind.scale else ""
        schema["pattern"] = rf"^-?[0-9]{{1,{max(1, _DIGITS - kind.scale)}}}{rest}$"
    elif isinstance(kind, types.MoneyType):
        amount = {"type": "string", "format": "decimal", "pattern": rf"^-?[0-9]{{1,{_DIGITS - 4}}}(\.[0-9]{{1,2}})?$"}
        schema["properties"] = {**schema["properties"], "amount": amount}
        schema["additionalProperties"] = False
    elif isinstance(kind, types.AnyReference):
        schema["additionalProperties"] = False
    return schema
