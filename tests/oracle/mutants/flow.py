"""Faults in what is told of records that flow through pipelines."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.flow import cycles, funnels, standing
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading import past_money, reader, visits
from crmkit.core.reading.reader import Reader
from tests.oracle.mutants.seeding import mutant

_MOVES = ["move"] * 4


@mutant("cycles", "conversions")
def visits_of_hidden_records_are_counted():
    def relation(visibility, info):
        visit, told = visibility.schema.system.stage_visit, visits.visit_columns(visibility, info)
        ends = [end for end in ("entered", "left") if f"{end}_at" in told]
        columns = [column.label(name) for name, column in told.items()]
        columns += [visits._EpochSecond(told[f"{end}_at"]).label(f"{end}_epoch") for end in ends]
        return sa.select(visit.c.id, visit.c.record_id, *columns).where(visit.c.entity == info.id).subquery()

    yield reader, "visits_relation", relation


@mutant("cycles", "conversions", "funnels_of_the_past")
def visits_tell_hidden_times():
    yield visits, "_TOLD_BY", visits._TOLD_BY | {"entered_at": "stage", "left_at": "stage"}
    yield cycles, "require", lambda db, entity, fields: None


@mutant("funnels_of_the_past", steps=_MOVES)
def past_stage_is_the_one_of_today():
    original = standing._standing
    yield standing, "_standing", lambda db, entity, at: original(db, entity, at.replace(year=at.year + 1))


@mutant("funnels_of_the_past", steps=["wait"] * 4)
def past_money_tells_a_hidden_field():
    yield funnels, "require", lambda db, entity, fields: None
    yield Reader, "visible_money", _unmasked_money


def _unmasked_money(self, entity, field, at):
    info = self.model.registry.entity(entity)
    everything = Visibility(self.model.registry, self.model.schema, self.model.system_access, self.moment)
    relation = past_money.money_relation(everything, info, field, at)
    self._issued[relation] = None
    return relation


@mutant("cycles", steps=_MOVES)
def cycle_times_are_told_by_a_hidden_owner():
    original = Reader.visible

    def visible(self, entity):
        relation = original(self, entity)
        if "owner_id" in relation.c and "team_id" in relation.c:
            return relation
        table = self.model.schema.table(self.model.registry.entity(entity))
        made = sa.select(table).where(table.c.id.in_(sa.select(relation.c.id))).subquery()
        self._issued[made] = self._issued.pop(relation)
        return made

    yield Reader, "visible", visible
    yield cycles, "require", lambda db, entity, fields: None
