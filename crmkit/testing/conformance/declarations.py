"""What a plugin's declarations promise by their names, and what they must say of personal data."""

from __future__ import annotations

from collections.abc import Iterator

from crmkit.core import fields
from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.fields import FieldType
from crmkit.core.policy.roles import EVERY_ENTITY
from crmkit.core.registry import Registry

__all__ = ["misnamed", "undeclared_personal", "unreadable"]

# PostgreSQL cuts longer names short.
_LONGEST_TABLE = 63
_ENDINGS: dict[type[FieldType], tuple[str, ...]] = {
    fields.DateTime: ("_at",),
    fields.Date: ("_on", "_from", "_to", "_until", "_by"),
    fields.Reference: ("_id",),
    fields.File: ("_id",),
}
_TYPES_OF_ENDING: dict[str, tuple[type[FieldType], ...]] = {
    "_at": (fields.DateTime,),
    "_on": (fields.Date,),
    "_id": (fields.Reference, fields.File),
}
_OF_PERSONS = set(
    "first_name last_name middle_name given_name family_name full_name maiden_name nickname birthday birth_date "
    "born_on mobile phone telephone email street home_address passport_number national_id".split()
)
_PARTS_OF_NAMES = ("given_name", "family_name", "first_name", "last_name")
# Words in the names of fields that tell of somebody, where records are persons.
_TELLING = set(
    "name birth birthday born address street postal city phone mobile email mail gender nationality passport religion "
    "health photo description notes biography".split()
)


def _own(registry: Registry, plugin: str) -> Iterator[EntityInfo]:
    return (info for info in registry.tables() if info.plugin == plugin)


def _fields(info: EntityInfo) -> Iterator[FieldInfo]:
    return (field for field in info.fields.values() if not field.is_system)


def _telling(info: EntityInfo) -> Iterator[FieldInfo]:
    """Yield the fields that may tell of somebody: custom fields have names of their own making, but tell as much."""
    yield from _fields(info)
    yield from (field for field in info.custom.values() if field.owner == info.plugin)


def misnamed(registry: Registry, plugin: str) -> Iterator[str]:
    """Yield each name of *plugin* that does not say what it should."""
    for info in _own(registry, plugin):
        if info.host is None and info.cls.__name__.lower() != info.id.partition(".")[2].replace("_", ""):
            yield f"{info.id}: its class is {info.cls.__name__}"
        if len(info.table) > _LONGEST_TABLE:
            yield f"{info.table}: a table's name has at most {_LONGEST_TABLE} characters"
        yield from (problem for field in _fields(info) for problem in _misnamed_field(info, field))
    for guard in registry.guards.values():
        if guard.id.partition(".")[0] == plugin and guard.id != guard.id.lower():
            yield f"{guard.id}: a guard's id is in lower case"


def _misnamed_field(info: EntityInfo, field: FieldInfo) -> Iterator[str]:
    where = f"{info.id}.{field.name}"
    endings = _ENDINGS.get(type(field.type))
    if endings is not None and not field.name.endswith(endings):
        yield f"{where}: a {field.type.name} ends in {' or '.join(endings)}"
    if isinstance(field.type, fields.Boolean) and not field.name.startswith(("is_", "has_")):
        yield f"{where}: a boolean begins with is_ or has_"
    for ending, types in _TYPES_OF_ENDING.items():
        if field.name.endswith(ending) and not isinstance(field.type, types):
            yield f"{where}: what ends in {ending} is no {field.type.name}"


def undeclared_personal(registry: Registry, plugin: str) -> Iterator[str]:
    """Yield each field of *plugin* that looks like a person's and does not say so, or not for which purpose.

    ``personal=False`` says that somebody looked and decided otherwise.
    """
    for info in _own(registry, plugin):
        host = registry.entities[info.host] if info.host else info
        is_person = host.person or any(name in info.fields for name in _PARTS_OF_NAMES)
        if is_person and not host.person and info.host is None:
            yield f"{info.id} looks like a person: declare it with person=True, or its fields with personal=False"
        for field in _telling(info):
            where = f"{info.id}.{field.name}"
            if _looks_personal(field, is_person) and not (field.personal or field.impersonal):
                yield f"{where} looks like personal data: declare it with personal=True or personal=False"
            if field.personal and not field.purpose:
                yield f"{where} is personal data without a purpose"


def _looks_personal(field: FieldInfo, is_person: bool) -> bool:
    if isinstance(field.type, fields.Email | fields.Phone | fields.PlainEmail) or field.key in _OF_PERSONS:
        return True
    return is_person and isinstance(field.type, fields.Text) and bool(_TELLING & set(field.key.split("_")))


def unreadable(registry: Registry, plugin: str) -> Iterator[str]:
    """Yield each entity of *plugin* that no role lets anybody read."""
    granted = {grant.entity for role in registry.roles.values() for grant in role.grants if "read" in grant.verbs}
    for info in _own(registry, plugin):
        if info.host is None and info.id not in granted - {EVERY_ENTITY}:
            yield f"{info.id}: no role grants reading it"
