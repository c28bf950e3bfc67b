"""What was written, as far as somebody may know it: nothing that is hidden leaves a trace, and nothing is left out."""

import threading

import pytest
import sqlalchemy as sa

from crmkit import Event, Grant, Mask, Principal, Role, Trigger, User, event, translator
from crmkit.core.reading.limits import LimitError
from crmkit.core.reading.ordering import CursorError
from crmkit.core.storage.prepared import Prepared
from crmkit.testing import People, both_databases
from tests.core.jobs.watching import Parcel, ParcelSent, post

_ = translator("tests")
EVERYTHING = ("read", "create", "update", "delete", "move", "transfer", "share")


@event("post.heavy", Trigger("post.parcel", where="weight > 10"), label=_("Heavy"))
class HeavyParcel(Event):
    """A parcel was written that is heavy."""


@event("post.weighed", Trigger("post.parcel", changes=["weight"]), label=_("Weighed"))
class ParcelWeighed(Event):
    """A parcel has another weight."""


ROLES = [
    Role("post.clerk", _("Clerk"), [Grant("post.parcel", EVERYTHING, "own")]),
    Role("post.reader", _("Reader"), [Grant("post.parcel", ["read"], "all")]),
    Role(
        "post.carrier",
        _("Carrier"),
        [Grant("post.parcel", ["read"], "all")],
        [Mask("post.parcel", ["weight", "stage", "stage_kind"])],
    ),
]


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm(post(events=(ParcelSent, HeavyParcel, ParcelWeighed), roles=ROLES), clock=clock, database=database)


@pytest.fixture
def users(crm):
    people = People(crm)
    return {role: people.user(role, roles=[f"post.{role}"]) for role in ("clerk", "reader", "carrier")}


@pytest.fixture
def begin(crm):
    """Where what a test writes begins; whoever is asked must have been made before."""
    with crm.system("test") as db:
        return db.events().position


def told(crm, principal, after, limit=500):
    with crm.read(principal) as db:
        return db.events(after=after, limit=limit).events


@pytest.fixture
def statements(monkeypatch):
    """Return the statements that are run from now on, prepared ones and others."""
    seen, run = [], Prepared._run

    def spy(self, *given, **more):
        seen.append(self.sql)
        return run(self, *given, **more)

    def see(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    monkeypatch.setattr(Prepared, "_run", spy)
    sa.event.listen(sa.Engine, "before_cursor_execute", see)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", see)


@both_databases
def test_every_write_is_told_with_what_changed_and_the_events_it_is(crm, users, begin):
    with crm.write(users["clerk"], cause="desk") as db:
        parcel = db.create(Parcel(name="a"))
    with crm.write(users["clerk"], cause="desk") as db:
        db.move(db.update(parcel, weight=20), "sent")

    created, updated, moved = told(crm, users["clerk"], begin)

    assert [each.kind for each in (created, updated, moved)] == ["create", "update", "move"]
    assert [each.position - begin for each in (created, updated, moved)] == [1, 2, 3]
    assert {each.record_id for each in (created, updated, moved)} == {parcel.id}
    assert (updated.entity, updated.changed) == ("post.parcel", ("weight",))
    assert {"name", "weight", "stage"} <= set(created.changed)
    assert updated.events == ("post.heavy", "post.weighed")
    assert moved.events == ("post.parcel_sent", "post.heavy")
    assert (updated.principal_id, updated.cause, updated.depth) == (users["clerk"].user_id, "desk", 0)


@both_databases
def test_writes_of_what_is_not_visible_are_not_told(crm, users, begin):
    other = People(crm).user("other", roles=["post.clerk"])
    with crm.write(other) as db:
        db.create(Parcel(name="of somebody else"))
    with crm.write(users["clerk"]) as db:
        mine = db.create(Parcel(name="mine"))

    assert [each.record_id for each in told(crm, users["clerk"], begin) if each.entity == "post.parcel"] == [mine.id]
    assert len([each for each in told(crm, users["reader"], begin) if each.entity == "post.parcel"]) == 2


def test_what_hidden_fields_hold_is_told_neither_by_name_nor_by_event(crm, users, begin):
    with crm.write(users["clerk"]) as db:
        parcel = db.create(Parcel(name="a", weight=20))
        db.move(db.update(parcel, weight=30, name="b"), "sent")

    created, updated, moved = told(crm, users["carrier"], begin)

    assert not {"weight", "stage", "stage_kind"} & {*created.changed, *updated.changed, *moved.changed}
    assert "name" in updated.changed
    assert (created.events, updated.events, moved.events) == ((), (), ())


@both_databases
def test_deletion_is_told_to_who_finds_the_record_in_the_bin(crm, users, begin):
    with crm.write(users["clerk"]) as db:
        parcel = db.create(Parcel(name="a"))
        db.delete(parcel)

    assert [each.kind for each in told(crm, users["clerk"], begin)] == ["create", "delete"]
    assert told(crm, users["reader"], begin) == []


def test_who_lost_sight_of_a_record_is_told_of_nothing_that_ever_happened_to_it(crm, users, begin):
    other = People(crm).user("other", roles=["post.clerk"])
    with crm.write(users["clerk"]) as db:
        parcel = db.create(Parcel(name="a"))
    with crm.system("test") as db:
        db.transfer(db.get(Parcel, parcel.id), other.user_id)

    assert [each for each in told(crm, users["clerk"], begin) if each.entity == "post.parcel"] == []
    assert [each.kind for each in told(crm, other, begin) if each.entity == "post.parcel"] == ["create", "transfer"]


def test_reason_of_the_system_and_of_who_is_hidden_stays_with_them(make_crm, clock):
    crm = make_crm(post(roles=ROLES), clock=clock)
    alone = People(crm).user("alone", roles=["post.reader"], member=False)
    clerk = People(crm).user("clerk", roles=["post.clerk"])
    with crm.system("test") as db:
        begin = db.events().position
        db.create(Parcel(name="a"))
    with crm.write(clerk, cause="because") as db:
        db.create(Parcel(name="b"))

    assert [each.cause for each in told(crm, alone, begin)] == ["system", ""]
    assert [each.cause for each in told(crm, clerk, begin)] == ["because"]
    with crm.system("test") as db:
        assert [each.cause for each in db.events(after=begin).events] == ["system: test", "because"]


@both_databases
def test_page_is_so_many_writes_whoever_may_know_them_and_the_position_goes_on(crm, users, begin):
    with crm.write(users["clerk"]) as db:
        db.create_many([Parcel(name=str(n)) for n in range(7)])

    position, pages = begin, []
    with crm.read(users["clerk"]) as db:
        while (page := db.events(after=position, limit=3)).position > position:
            position = page.position
            pages.append([each.position - begin for each in page.events])
        assert db.events().events == []
        assert db.events().position == position
        # A position that was given out by a database that a backup has replaced.
        assert db.events(after=position + 1000).position == position
    assert pages == [[1, 2, 3], [4, 5, 6], [7]]


@pytest.mark.parametrize("after", [-1, 2**63, "1", 1.5, True])
def test_what_is_no_position_is_refused(crm, users, after):
    with crm.read(users["clerk"]) as db, pytest.raises(CursorError):
        db.events(after=after)


def test_page_of_no_writes_is_refused(crm, users):
    with crm.read(users["clerk"]) as db, pytest.raises(LimitError):
        db.events(after=0, limit=0)


@both_databases
def test_page_costs_as_many_statements_whether_it_is_short_or_long(crm, users, begin, statements):
    counts = []
    for number in (1, 100):
        with crm.write(users["clerk"]) as db:
            db.create_many([Parcel(name=str(n), weight=20) for n in range(number)])
        told(crm, users["clerk"], begin)
        del statements[:]
        found = told(crm, users["clerk"], begin)
        counts.append(len(statements))
        begin = found[-1].position
    assert counts[0] == counts[1]


@both_databases
def test_many_are_told_at_once_what_each_of_them_would_be_told_alone(crm, users, begin):
    people = People(crm)
    twins = [people.user(f"twin {n}", roles=["post.reader"]) for n in range(2)]
    with crm.write(users["clerk"]) as db:
        db.move(db.create(Parcel(name="a", weight=20)), "sent")
    everybody = [*users.values(), *twins]

    broadcast = crm.events_for(everybody, after=begin)

    assert broadcast.told == {each: told(crm, each, begin) for each in everybody}
    with crm.system("test") as db:
        assert broadcast.position == db.events().position


@both_databases
def test_many_with_the_same_view_cost_no_more_statements_than_one(crm, users, begin, statements):
    twins = [People(crm).user(f"twin {n}", roles=["post.reader"], member=False) for n in range(20)]
    with crm.write(users["clerk"]) as db:
        db.create(Parcel(name="a"))
    crm.events_for(twins, after=begin)
    del statements[:]
    crm.events_for(twins[:1], after=begin)
    one = len(statements)
    del statements[:]
    crm.events_for(twins, after=begin)
    # What everybody begins with: the numbers that tell whether policy has changed.
    assert len(statements) - one <= len(twins) - 1


def test_who_is_no_active_user_is_told_nothing(crm, users, begin):
    with crm.system("test") as db:
        db.update(db.get(User, users["reader"].user_id), is_active=False)
    nobody = Principal(users["clerk"].user_id.__class__(int=7), "nobody")

    assert set(crm.events_for([*users.values(), nobody], after=begin).told) == {users["clerk"], users["carrier"]}


@both_databases
def test_reader_that_asks_again_and_again_misses_nothing_that_others_commit_meanwhile(crm, users, begin):
    def write():
        for n in range(15):
            with crm.write(users["clerk"]) as db:
                db.create_many([Parcel(name=str(n)), Parcel(name=str(n))])

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    position, found = begin, []
    while any(writer.is_alive() for writer in writers) or len(found) < 90:
        with crm.read(users["reader"]) as db:
            page = db.events(after=position, limit=20)
        position, found = page.position, [*found, *page.events]
    for writer in writers:
        writer.join()

    assert [each.position for each in found] == list(range(begin + 1, begin + 91))
