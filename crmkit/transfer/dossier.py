"""Everything that is kept about a person, as far as somebody may hand it out, in one archive for machines and people.

The archive is a ZIP file: ``index.html`` to read, ``manifest.json`` with what there is, ``records/<entity>.jsonl`` with
a record in each line, its history beside it, and ``files/`` with the content of files.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import UUID

import attrs
import msgspec
import sqlalchemy as sa

from crmkit.core.content.errors import ContentDamagedError, ContentMissingError
from crmkit.core.content.kinds import plain_name
from crmkit.core.content.store import ContentStore
from crmkit.core.entity import EntityInfo, Record, entity_info, loaded_values
from crmkit.core.errors import ForbiddenError
from crmkit.core.fields import ContentHash
from crmkit.core.money import Money
from crmkit.core.policy.credentials import credentials_of
from crmkit.core.privacy.belonging import about, by_entity
from crmkit.core.privacy.extent import seen_ids
from crmkit.core.reading.reader import Reader
from crmkit.core.text import Text, gettext as _, translate

__all__ = ["Dossier", "export_person"]

_BATCH = 200
_CHUNK = 1 << 16
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto}"
    "th{text-align:left;vertical-align:top;padding-right:1em}"
)
_encode = msgspec.json.Encoder(decimal_format="string").encode


@attrs.frozen
class Dossier:
    """What an archive holds: how many records of each entity, and how many files.

    *left_out* counts the records that the principal sees and may not export; of what it does not see nothing is told.
    *lost* are the names of files whose content is not to be had.
    """

    records: Mapping[str, int]
    files: int
    left_out: int
    lost: tuple[str, ...]


def export_person(reader: Reader, person: Record, contents: ContentStore, file: Path) -> Dossier:
    """Write what is kept about *person* to *file*, and return what that is; memory stays as it is.

    Written is what the principal may both read and ``export``: the person, records about the person and what was merged
    into it, with fields of plugins and those made at run time, histories with old values, shares, external ids, and
    the content of files. The file is complete or not there.

    Raises:
        NotFoundError: the principal does not see the person.
        ForbiddenError: the principal may not export the person.
    """
    info = entity_info(type(person))
    found = reader.get(type(person), person.id)
    if not reader.may("export", found):
        raise ForbiddenError(info.id, "export", person.id)
    draft = file.with_name(f".{file.name}.draft")
    try:
        with open(draft, "xb") as opened, zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED) as archive:
            made = _Archive(reader, contents, archive).write(info, found)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return made


@attrs.define
class _Archive:
    reader: Reader
    contents: ContentStore
    archive: zipfile.ZipFile
    counts: dict[str, int] = attrs.field(factory=dict)
    files: list[tuple[str, str]] = attrs.field(factory=list)
    left_out: int = 0
    lost: list[str] = attrs.field(factory=list)

    def write(self, info: EntityInfo, person: Record) -> Dossier:
        """Write everything."""
        with TemporaryFile("w+", encoding="utf-8") as page:
            keys = by_entity(about(self.reader, [(info.id, person.id)]))
            # The person comes first.
            for entity in sorted(keys, key=lambda entity: (entity != info.id, entity)):
                self._entity(self.reader.model.registry.entities[entity], keys[entity], page)
            self._page(page)
        copied = sum(self._file(name, hash_) for name, hash_ in self.files)
        made = Dossier(self.counts, copied, self.left_out, tuple(self.lost))
        facts = {"crmkit": "person", "version": 1, "person": {"entity": info.id, "id": person.id}, **attrs.asdict(made)}
        self.archive.writestr("manifest.json", msgspec.json.format(msgspec.json.encode(facts)))
        return made

    def _entity(self, info: EntityInfo, ids: Sequence[UUID], page: IO[str]) -> None:
        with TemporaryFile() as lines:
            for start in range(0, len(ids), _BATCH):
                for told in self._told(info, list(ids[start : start + _BATCH])):
                    lines.write(_encode(told) + b"\n")
                    _show(info, told, page)
                    self.counts[info.id] = self.counts.get(info.id, 0) + 1
            if info.id in self.counts:
                lines.seek(0)
                with self.archive.open(f"records/{info.id}.jsonl", "w") as target:
                    while chunk := lines.read(_CHUNK):
                        target.write(chunk)

    def _told(self, info: EntityInfo, ids: list[UUID]) -> Iterator[dict[str, Any]]:
        """Yield what may be told of those of *ids* that may be exported."""
        seen, allowed = seen_ids(self.reader, info, ids), seen_ids(self.reader, info, ids, "export")
        self.left_out += len(seen - allowed)
        if not allowed:
            return
        withheld = credentials_of(self.reader.model.registry, info.id)
        alive = self.reader.get_many(info.cls, sorted(allowed))
        sides = [
            (plugin, self.reader.extensions(side.cls, list(alive.values())))
            for plugin, side in self.reader.model.registry.extensions.get(info.id, {}).items()
        ]
        for id_, record in alive.items():
            fields = _fields(record)
            for plugin, by_id in sides:
                fields |= {f"{plugin}.{name}": _plain(value) for name, value in loaded_values(by_id[id_]).items()}
            yield {
                "fields": _without(fields, withheld),
                "external_ids": self._names(info, id_),
                "shares": [_plain_share(share) for share in self.reader.shares(record)],
                "history": self.reader.history(record),
                "file": self._content(info, record),
            }
        if gone := sorted(allowed - alive.keys()):
            for record in self.reader.find(info.cls, info.cls.f.id.in_(gone), deleted=True):
                yield {
                    "fields": _without(_fields(record), withheld),
                    "in_bin": True,
                    "file": self._content(info, record),
                }

    def _names(self, info: EntityInfo, id_: UUID) -> dict[str, list[str]]:
        table, found = self.reader.model.schema.system.external_id, dict[str, list[str]]()
        mine = sa.select(table.c.system, table.c.value).where(table.c.record_id == id_, table.c.entity == info.id)
        for system, value in self.reader.connection.execute(mine):
            found.setdefault(system, []).append(value)
        return found

    def _content(self, info: EntityInfo, record: Record) -> str | None:
        """Return where the archive has the content of *record*, if it has any that may be read."""
        values = loaded_values(record)
        hash_ = next((values.get(f.name) for f in info.fields.values() if isinstance(f.type, ContentHash)), None)
        if not hash_:
            return None
        name = f"files/{record.id.hex}-{plain_name(str(values.get('name') or 'file'))}"
        self.files.append((name, hash_))
        return name

    def _file(self, name: str, hash_: str) -> bool:
        try:
            chunks = self.contents.read(hash_)
        except (ContentMissingError, ContentDamagedError):
            self.lost.append(name)
            return False
        with self.archive.open(name, "w", force_zip64=True) as target:
            for chunk in chunks:
                target.write(chunk)
        return True

    def _page(self, page: IO[str]) -> None:
        page.seek(0)
        title = escape(translate(_("What is kept about you")))
        with self.archive.open("index.html", "w") as target:
            head = f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
            target.write(head.encode())
            while chunk := page.read(_CHUNK):
                target.write(chunk.encode())


def _fields(record: Record) -> dict[str, Any]:
    values = {name: _plain(value) for name, value in loaded_values(record).items() if name != "custom"}
    custom = loaded_values(record).get("custom") or {}
    return values | {f"custom.{key}": _plain(value) for key, value in custom.items()}


def _without(fields: Mapping[str, Any], withheld: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in withheld}


def _plain(value: Any) -> Any:
    return {"amount": str(value.amount), "currency": value.currency} if isinstance(value, Money) else value


def _plain_share(share: Any) -> dict[str, Any]:
    return {field.name: getattr(share, field.name) for field in attrs.fields(type(share))}


def _show(info: EntityInfo, told: Mapping[str, Any], page: IO[str]) -> None:
    """Write one record for people: what has a value, by its label."""
    page.write(f"<h2>{escape(translate(info.label))}</h2><table>")
    for name, value in told["fields"].items():
        field = info.fields.get(name)
        if value is not None and not (field and field.is_system and name != "created_at"):
            label: Text | str = field.label if field else name
            page.write(f"<tr><th>{escape(translate(label))}<td>{escape(_words(value))}")
    if told.get("file"):
        label, place = escape(translate(_("File"))), escape(told["file"])
        page.write(f'<tr><th>{label}<td><a href="{place}">{place}</a>')
    page.write("</table>")


def _words(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"amount", "currency"}:
        return f"{value['amount']} {value['currency']}"
    return str(value)
