"""Records as JSON objects: one generated function for each entity and set of fields that are shown.

Fields of extensions stand in an object under the name of their plugin, fields made at run time under ``custom``, and
the records behind a reference under the name of the relation.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import msgspec

from crmkit.core.entity import EntityInfo, FieldInfo, Record, computed, entity_info, value_of
from crmkit.core.errors import UnknownFieldError
from crmkit.core.fields import FieldType, Json, Target
from crmkit.core.money import Money
from crmkit.core.policy.credentials import check_portable, portable_fields
from crmkit.core.reading.extensions import extension_values
from crmkit.core.reading.links import end_of
from crmkit.core.representing.plain import plain, plain_money, plain_target

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["Representation", "check_shown", "represent", "represented"]

_CUSTOM = "custom"
# What an encoder of JSON writes by itself as everywhere.
_BY_ITSELF: tuple[type[Any], ...] = (str, int, bool, UUID, date, datetime)


@attrs.frozen(eq=False)
class Representation:
    """How records of one entity become objects for all who may read the same fields.

    *signature* tells this form from others of the same record.
    """

    signature: str
    _extensions: tuple[EntityInfo, ...]
    _make: Callable[[Sequence[Any], Sequence[Mapping[UUID, Any]]], list[dict[str, Any]]]

    @classmethod
    def of(cls, db: Reader, info: EntityInfo, fields: tuple[str, ...] | None, *, credentials: bool) -> Representation:
        """Return the form of *info* with *fields* beside the id, or with all that may be read, *credentials* or not.

        Raises:
            UnknownFieldError: a field does not exist, or is hidden.
            CredentialError: a field proves who somebody is.
        """
        key = Representation, info, db.access.entity(info).readable, fields, credentials
        return db.model.loaders.get(key, lambda: _compiled(db, info, _shown(db, info, fields, credentials)))

    def objects(self, db: Reader, records: Sequence[Record]) -> list[dict[str, Any]]:
        """Return *records* as objects, in their order."""
        if not self._extensions:
            return self._make(records, ())
        ids = list(dict.fromkeys(record.id for record in records))
        return self._make(records, [extension_values(db, info, ids) for info in self._extensions])


def represent(
    db: Reader,
    records: Sequence[Record],
    *,
    fields: Iterable[str] | None = None,
    expand: Iterable[str] = (),
    credentials: bool = False,
) -> list[dict[str, Any]]:
    """Return *records*, which *db* has read or written, as objects of JSON: what the principal of *db* may read.

    *fields* names what is shown beside the id: fields, ``plugin.field``, ``custom`` or a plugin for all of its own.
    *expand* names relations, such as ``company`` or ``company.owner``, behind which the record is shown as well, or a
    list of records for a many-to-many link; ``company.name`` among *fields* then picks from those.

    With *credentials* the records show what proves who somebody is: that is for whoever asked for these very records,
    not for lists, messages, or what stands beside other records.

    Raises:
        UnknownFieldError: a field or a relation does not exist, or is hidden; the words are the same.
        CredentialError: a field proves who somebody is, and is not to be told here.
    """
    objects: list[dict[str, Any]] = msgspec.to_builtins(
        represented(db, records, fields=fields, expand=expand, credentials=credentials)
    )
    return objects


def represented(
    db: Reader,
    records: Sequence[Record],
    *,
    fields: Iterable[str] | None = None,
    expand: Iterable[str] = (),
    credentials: bool = False,
) -> list[dict[str, Any]]:
    """Return what :func:`represent` does, with ids and times that an encoder of JSON has still to write."""
    own, relations = _parts(fields, expand)
    found: list[dict[str, Any]] = [{}] * len(records)
    places: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        places.setdefault(entity_info(type(record)).id, []).append(place)
    for entity, mine in places.items():
        info, some = db.model.registry.entities[entity], [records[place] for place in mine]
        made = Representation.of(db, info, own, credentials=credentials).objects(db, some)
        for relation, (inner, further) in relations.items():
            _expand(db, info, some, made, relation, inner, further)
        for place, shown in zip(mine, made, strict=True):
            found[place] = shown
    return found


def check_shown(
    db: Reader,
    info: EntityInfo,
    *,
    fields: Iterable[str] | None = None,
    expand: Iterable[str] = (),
    credentials: bool = False,
) -> None:
    """Return if records of *info* can be shown as :func:`represent` shows them, also where there are none.

    Raises:
        UnknownFieldError: a field or a relation does not exist, or is hidden; the words are the same.
        CredentialError: a field proves who somebody is, and is not to be told here.
    """
    own, relations = _parts(fields, expand)
    Representation.of(db, info, own, credentials=credentials)
    for relation, (inner, further) in relations.items():
        check_shown(db, end_of(db, info, relation), fields=inner, expand=further)


_Fields = tuple[str, ...] | None


def _parts(
    fields: Iterable[str] | None, expand: Iterable[str]
) -> tuple[_Fields, dict[str, tuple[_Fields, Sequence[str]]]]:
    """Return which of *fields* are a record's own, and for each relation those behind it and what is expanded there."""
    wanted, relations = None if fields is None else tuple(dict.fromkeys(fields)), _relations(expand)
    heads = [_head(name) for name in wanted or ()]
    behind = {name: tuple(rest for head, rest in heads if head == name and rest) or None for name in relations}
    own = wanted and tuple(name for name, (head, _rest) in zip(wanted, heads, strict=True) if head not in relations)
    return own, {name: (behind[name], further) for name, further in relations.items()}


def _expand(
    db: Reader,
    info: EntityInfo,
    records: Sequence[Record],
    objects: Sequence[dict[str, Any]],
    relation: str,
    fields: tuple[str, ...] | None,
    further: Sequence[str],
) -> None:
    """Put into each of *objects* what stands behind the *relation* of its record, as far as it is visible."""
    ends = db.expand(records, relation)
    fields_ = (*info.fields.values(), *info.custom.values())
    leading = next((field for field in fields_ if field.relation == relation), None)
    targets = list(
        {id(end): end for found in ends.values() for end in (found if leading is None else [found])}.values()
    )
    shown = dict(zip(map(id, targets), represented(db, targets, fields=fields, expand=further), strict=True))
    for record, made in zip(records, objects, strict=True):
        if leading is None:
            made[relation] = [shown[id(end)] for end in ends[record.id]]
            continue
        behind = ends.get(value_of(record, leading))
        holder = made.setdefault(_CUSTOM, {}) if leading.slot else made
        holder[leading.key.removesuffix("_id")] = None if behind is None else shown[id(behind)]


def _relations(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the relations that *names* begin with, each with the further ones behind it."""
    found: dict[str, list[str]] = {}
    for head, rest in map(_head, names):
        found.setdefault(head, []).extend([rest] if rest else [])
    return found


def _head(name: str) -> tuple[str, str]:
    """Return the relation that *name* begins with, and what comes behind it."""
    head, _dot, rest = name.partition(".")
    if head == _CUSTOM:
        key, _dot, rest = rest.partition(".")
        head = f"{head}.{key}"
    return head, rest


def _shown(db: Reader, info: EntityInfo, fields: tuple[str, ...] | None, credentials: bool) -> frozenset[str]:
    """Return the names of what is shown: of what may be read, that which *fields* name."""
    readable = db.access.entity(info).readable if credentials else portable_fields(db.access, info)
    if fields is None:
        return readable
    groups = {_CUSTOM: frozenset(info.custom)}
    for plugin, extension in db.model.registry.extensions.get(info.id, {}).items():
        groups[plugin] = frozenset(f"{plugin}.{name}" for name in (*extension.fields, *extension.computed))
    found = {"id"}
    for name in fields:
        names = groups.get(name, frozenset({name})) & readable
        if not names and name != _CUSTOM:
            check_portable(db.access, info, name)
            raise UnknownFieldError(info.id, name)
        found |= names
    return frozenset(found)


def _compiled(db: Reader, info: EntityInfo, shown: frozenset[str]) -> Representation:
    extensions = [
        (plugin, extension)
        for plugin, extension in db.model.registry.extensions.get(info.id, {}).items()
        if any(f"{plugin}.{name}" in shown for name in (*extension.fields, *extension.computed))
    ]
    source = _Source()
    cells = [source.cell(each, f"record.{each.name}") for each in _own(info) if each.name in shown]
    custom = [field for field in info.custom.values() if field.name in shown]
    if custom or _CUSTOM in shown:
        cells.append(source.group(_CUSTOM, [source.cell(field, f"custom[{field.key!r}]") for field in custom]))
    for place, (plugin, extension) in enumerate(extensions):
        mine = [each for each in _own(extension) if f"{plugin}.{each.name}" in shown]
        cells.append(source.group(plugin, [source.cell(each, f"beside_{place}.{each.name}") for each in mine]))
    lines = ["custom = record.custom"] if custom else []
    lines += [f"beside_{place} = beside[{place}][record.id]" for place in range(len(extensions))]
    signature = f"{zlib.crc32(','.join(sorted(shown)).encode()):08x}"
    return Representation(signature, tuple(each for _plugin, each in extensions), source.function(lines, cells))


def _own(info: EntityInfo) -> list[FieldInfo | computed[Any]]:
    return [*(field for field in info.fields.values() if field.name != _CUSTOM), *info.computed.values()]


class _Source:
    """The source of a function that makes objects of records."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {}

    def cell(self, field: FieldInfo | computed[Any], value: str) -> str:
        """Return the key of *field* and the expression of its *value*."""
        key = field.key if isinstance(field, FieldInfo) else field.name
        maker = _maker(field)
        if maker is None:
            return f"{key!r}: {value}"
        name = f"make_{len(self._names)}"
        self._names[name] = maker
        return f"{key!r}: None if (value := {value}) is None else {name}(value)"

    def group(self, name: str, cells: Sequence[str]) -> str:
        """Return the key *name* and the expression of an object of *cells*."""
        return f"{name!r}: {{{', '.join(cells)}}}"

    def function(self, lines: Sequence[str], cells: Sequence[str]) -> Callable[..., list[dict[str, Any]]]:
        body = [*lines, f"append({{{', '.join(cells)}}})"]
        head = ["def make(records, beside):", "    made = []", "    append = made.append", "    for record in records:"]
        exec("\n".join([*head, *(f"        {line}" for line in body), "    return made"]), self._names)
        make: Callable[..., list[dict[str, Any]]] = self._names["make"]
        return make


def _maker(field: FieldInfo | computed[Any]) -> Callable[[Any], Any] | None:
    """Return what makes of a value of *field* what an encoder of JSON writes; ``None`` where it does so by itself."""
    kind: FieldType = field.type
    by_itself = kind.python in _BY_ITSELF or isinstance(kind, Json)
    return None if by_itself else _MAKERS.get(kind.python, plain)


_MAKERS: dict[Any, Callable[[Any], Any]] = {
    Decimal: lambda number: format(number, "f"),
    Money: plain_money,
    Target: plain_target,
}
