"""Faults in what leads from one record to another."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from crmkit.core import ledger
from crmkit.core.fields import Target
from crmkit.core.policy.rule_sources import VisibleSource
from crmkit.core.reading import links
from crmkit.core.reading.reader import Reader
from tests.oracle.mutants.seeding import mutant


@mutant("find", "count", "stream", "find_deleted", steps=["wait"] * 6)
def filters_look_behind_the_wall():
    def related(self, entity):
        info = self.visibility.registry.entities[entity]
        table = self.visibility.schema.table(info)
        seen = sa.select(table).where(table.c.deleted_at.is_(None)).subquery()
        return attrs.evolve(self, entity=info, columns=seen.c)

    yield VisibleSource, "related", related


@mutant("expand")
def expansion_shows_invisible_records():
    original = Reader.expand

    def expand(self, records, relation):
        found = original(self, records, relation)
        name = f"{relation}_id"
        if not records or name not in records[0].__entity__.fields:
            return found
        cls = self.model.registry.entities[records[0].__entity__.fields[name].type.entity].cls
        trusted = Reader(self.model, self._held, self.model.system_access)
        return {**trusted.get_many(cls, [i for r in records if (i := getattr(r, name))]), **found}

    yield Reader, "expand", expand


@mutant("expand", steps=["wait"] * 6)
def expansion_ignores_the_policy_of_links():
    original = links._expand_link

    def expand(reader, info, records, relation):
        trusted = Reader(reader.model, reader._held, reader.model.system_access)
        found = original(trusted, info, records, relation)
        return {
            near: list(reader.get_many(type(far[0]), [f.id for f in far]).values()) if far else []
            for near, far in found.items()
        }

    yield links, "_expand_link", expand


@mutant("extensions")
def extension_of_an_invisible_record_is_shown():
    original = Reader.extensions

    def extensions(self, cls, records):
        trusted = Reader(self.model, self._held, self.model.system_access)
        seen = self.get_many(type(records[0]), [r.id for r in records]) if records else {}
        hidden = [r for r in records if r.id not in seen]
        return original(trusted if hidden else self, cls, records)

    yield Reader, "extensions", extensions


@mutant("history")
def history_of_an_invisible_record_is_told():
    def history(self, record):
        info = record.__entity__
        target = Target(info.id, record.id)
        readable, visibility = self.access.entity(info).readable, self._visibility(named=False)
        return ledger.read_history(self._connection, self.model.schema, target, readable, visibility)

    yield Reader, "history", history
