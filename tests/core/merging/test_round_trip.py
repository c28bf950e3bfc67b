"""Merging and unmerging gives the world before; what happened in between is kept, and each difference is told."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from crmkit import Money, Target, new_id
from crmkit.testing import both_databases
from tests.core.merging.conftest import ENTITIES
from tests.oracle.extra.entities import DealExtra
from tests.oracle.trade.entities import Deal, Firm, Line, Note, Partner

_NOT_COMPARED = {"version", "updated_at", "deleted_at", "id", "stage_entered_at"}
FIRM, DEAL = "trade.firm", "trade.deal"
places = st.integers(0, 3)
maybe = st.none() | places


@st.composite
def worlds(draw):
    """What a world is made of: records, and which of the four firms or deals they refer to."""
    return {
        "firms": [
            {"city": draw(st.sampled_from([None, "Berlin"])), "secret": draw(st.sampled_from([None, "s"])),
             "has_tax": draw(st.booleans()), "parent": draw(maybe)} for _ in range(4)
        ],
        "deals": [
            {"size": draw(st.sampled_from([None, 3])), "worth": draw(st.sampled_from([None, 7])),
             "firm": draw(maybe), "backup": draw(maybe), "points": draw(st.sampled_from([None, 0, 5])),
             "sponsor": draw(maybe)} for _ in range(4)
        ],
        "lines": draw(st.lists(st.tuples(places, maybe), max_size=4)),
        "partners": draw(st.lists(st.tuples(places, places), max_size=8, unique=True)),
        "notes": draw(st.lists(st.tuples(st.sampled_from([FIRM, DEAL]), places), max_size=4)),
        "names": draw(st.lists(st.tuples(st.sampled_from([FIRM, DEAL]), places), max_size=4)),
    }  # fmt: skip


class World:
    """A world in a CRM: everything that was there before is deleted from sight by being left out of snapshots."""

    def __init__(self, db, drawn):
        self.db, self.ids = db, {cls: [] for cls in ENTITIES}
        firms = self._made(Firm, [
            Firm(name=f"Firm {n}", city=each["city"], secret=each["secret"],
                 tax=str(new_id()) if each["has_tax"] else None) for n, each in enumerate(drawn["firms"])
        ])  # fmt: skip
        for firm, each in zip(firms, drawn["firms"], strict=True):
            db.update(firm, parent_id=self._at(firms, each["parent"], but=firm))
        deals = self._made(Deal, [
            Deal(name=f"Deal {n}", size=each["size"], worth=each["worth"] and Money.of(each["worth"], "EUR"),
                 firm_id=self._at(firms, each["firm"]), backup_id=self._at(firms, each["backup"]))
            for n, each in enumerate(drawn["deals"])
        ])  # fmt: skip
        for deal, each in zip(deals, drawn["deals"], strict=True):
            if each["points"] is not None:
                db.update(deal, {"extra.points": each["points"], "extra.sponsor_id": self._at(firms, each["sponsor"])})
        self._made(Line, [Line(deal_id=deals[d].id, firm_id=self._at(firms, f)) for d, f in drawn["lines"]])
        self._made(Partner, [Partner(deal_id=deals[d].id, firm_id=firms[f].id) for d, f in drawn["partners"]])
        of = {FIRM: firms, DEAL: deals}
        self._made(Note, [Note(body="x", about=Target.of(of[entity][place])) for entity, place in drawn["notes"]])
        for number, (entity, place) in enumerate(drawn["names"]):
            record = of[entity][place]
            db.external.give("erp", type(record), {f"{record.id} {number}": record.id})

    def _made(self, cls, records):
        made = self.db.create_many(records)
        self.ids[cls] += [record.id for record in made]
        return made

    @staticmethod
    def _at(records, place, but=None):
        return None if place is None or records[place] is but else records[place].id

    def get(self, cls, place):
        return self.db.get(cls, self.ids[cls][place])

    def alive(self, cls):
        return list(self.db.get_many(cls, self.ids[cls]).values())

    def snapshot(self):
        """Return every value of every record, whether it is in the bin, and where external ids lead."""
        found = {}
        for cls, ids in self.ids.items():
            mine = set(ids)
            gone = [record for record in self.db.find(cls, deleted=True) if record.id in mine]
            alive = self.alive(cls)
            extras = self.db.extensions(DealExtra, alive) if cls is Deal else {}
            for record in (*alive, *gone):
                names = [name for name in cls.__entity__.fields if name not in _NOT_COMPARED]
                values = {name: getattr(record, name) for name in names}
                if record.id in extras:
                    values |= {f"extra.{n}": getattr(extras[record.id], n) for n in DealExtra.__entity__.fields}
                found[cls.__entity__.id, record.id] = values | {"": record in gone}
        table = self.db.model.schema.system.external_id
        names = self.db._connection.execute(sa.select(table.c.entity, table.c.value, table.c.record_id)).all()
        mine = {id_ for ids in self.ids.values() for id_ in ids}
        found["names"] = {(entity, value): id_ for entity, value, id_ in names if id_ in mine}
        return found


merges = st.tuples(st.sampled_from([Firm, Deal]), st.permutations(range(4)), st.integers(1, 2))


def _merge(world, merge):
    cls, order, many = merge
    winner, *losers = [world.get(cls, place) for place in order[: many + 1]]
    world.db.merge(winner, losers)
    return cls, losers


def _undo(world, cls, losers):
    return [left for loser in losers for left in world.db.unmerge(cls, loser.id).left]


def _examples(many):
    return settings(
        max_examples=many, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )  # fmt: skip


@pytest.fixture
def checked(crm):
    """Return a function that runs a check on a world, in a transaction that is undone."""

    class _Undo(Exception):
        pass

    def run(drawn, check):
        with pytest.raises(_Undo), crm.system("test") as db:
            check(World(db, drawn))
            raise _Undo

    return run


@pytest.mark.long
@both_databases
def test_without_changes_in_between_the_world_is_as_before(checked, database):
    @_examples(60 if database == "sqlite" else 15)
    @given(worlds(), merges)
    def merged_and_back(drawn, merge):
        def check(world):
            before = world.snapshot()
            cls, losers = _merge(world, merge)
            merged = world.snapshot()
            left = _undo(world, cls, losers)
            # Losers that refer to each other cannot come back one after the other just as they were.
            assert {each.record_id for each in left} <= {loser.id for loser in losers[1:] and losers}
            _compare(before, merged, merged, world.snapshot(), left)

        checked(drawn, check)

    merged_and_back()


# What may happen between a merge and its end: (kind of record, place, field, value or place of a firm).
changes = st.lists(
    st.tuples(
        st.sampled_from(
            [(Firm, "city"), (Firm, "secret"), (Deal, "size"), (Deal, "firm_id"), (Deal, "backup_id"),
             (Line, "firm_id"), (Deal, "extra.points"), (Note, "delete"), (Line, "delete"), (Partner, "delete")]
        ),
        places,
        places,
    ),
    max_size=5,
)  # fmt: skip
_VALUES = {"city": ["Bonn", None, "Berlin", "x"], "secret": [None, "s", "t", "u"], "size": [1, 2, 3, None],
           "extra.points": [0, 5, 6, 7]}  # fmt: skip


def _change(world, change):
    (cls, what), place, value = change
    records = sorted(world.alive(cls), key=lambda record: record.id)
    if not records:
        return
    record = records[place % len(records)]
    if what == "delete":
        world.db.delete(record)
        return
    firms = sorted(world.alive(Firm), key=lambda firm: firm.id)
    new = _VALUES[what][value] if what in _VALUES else firms[value % len(firms)].id
    world.db.update(record, {what: new})


@pytest.mark.long
@both_databases
def test_with_changes_in_between_nothing_is_lost_and_each_difference_is_told(checked, database):
    @_examples(100 if database == "sqlite" else 20)
    @given(worlds(), merges, changes)
    def merged_changed_and_back(drawn, merge, between):
        def check(world):
            before = world.snapshot()
            cls, losers = _merge(world, merge)
            merged = world.snapshot()
            for change in between:
                _change(world, change)
            changed = world.snapshot()
            left = _undo(world, cls, losers)
            _compare(before, merged, changed, world.snapshot(), left)

        checked(drawn, check)

    merged_changed_and_back()


def _compare(before, merged, changed, after, left):
    """Hold what is against what was before the merge, after it, and before it was undone."""
    told = {(each.entity, each.record_id, each.field) for each in left}
    assert after["names"] == before["names"]
    assert after.keys() == before.keys()
    for key in before.keys() - {"names"}:
        for name in before[key]:
            was, made, then, now = (world[key].get(name) for world in (before, merged, changed, after))
            where = (*key, name), was, made, then, now
            if then == made:
                assert now == was or where[0] in told, where
            else:
                assert now == then, where
                assert was in (made, now) or where[0] in told or after[key][""], where
