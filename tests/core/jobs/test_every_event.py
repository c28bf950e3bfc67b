"""Being told that something happened, and what events are called outside."""

import pytest

from crmkit import Event, EveryEvent, Span, Subscriber, Team, Trigger, event, event_types, translator, types_of
from crmkit.testing import People, both_databases
from tests.core.jobs.watching import Parcel, ParcelSent, post, rows

_ = translator("tests")


@event(
    "post.parcel_created", Trigger("post.parcel", kinds=["create"], where="weight > 10"), label=_("Heavy"), version=2
)
class HeavyParcel(Event):
    """A heavy parcel came in."""


@event("post.flood", Trigger("*", kinds=["delete"]), label=_("Flood"))
class Flood(Event):
    """Something went away."""


@pytest.fixture
def crm(make_crm, database, clock, diary):
    every = Subscriber("post.every", EveryEvent(but=["core.team"]), diary.note)
    return make_crm(post(every, events=[ParcelSent, HeavyParcel, Flood]), database=database, clock=clock)


@both_databases
def test_everything_is_told_of_once_in_spans_without_a_gap(crm, diary, make_worker):
    worker = make_worker(crm)
    for number in (1, 600, 1):
        with crm.system("test") as db:
            db.create_many([Parcel(name=str(n)) for n in range(number)])
        worker.run_until_idle()
    worker.run_until_idle()
    spans = diary["post.every"]
    assert (spans[0].after, spans[-1].until) == (0, 602)
    assert [span.after for span in spans[1:]] == [span.until for span in spans[:-1]]
    assert rows(crm) == []


def test_nobody_is_told_of_nothing_but_what_they_leave_out(crm, diary, make_worker):
    worker = make_worker(crm)
    with crm.system("test") as db:
        db.create(Team(name="Sorters"))
    worker.run_until_idle()
    assert diary["post.every"] == []
    with crm.system("test") as db:
        db.create(Team(name="Drivers"))
        db.create(Parcel(name="Books"))
    worker.run_until_idle()
    assert diary["post.every"] == [Span(1, 3)]


def test_who_writes_on_being_told_is_stopped(make_crm, make_worker):
    told = []

    def echo(context, span):
        told.append(span)
        with context.finish() as db:
            db.create(Parcel(name="echo"))

    crm = make_crm(post(Subscriber("post.echo", EveryEvent(), echo)))
    with crm.system("test") as db:
        db.create(Parcel(name="call"))
    make_worker(crm).run_until_idle()
    assert len(told) == 9
    assert {row.state for row in rows(crm)} == {"dead"}


def test_write_is_told_by_every_type_that_it_is(crm):
    with crm.system("test") as db:
        light = db.create(Parcel(name="light"))
        heavy = db.create(Parcel(name="heavy", weight=20))
        db.update(light, notes="fragile")
        db.move(db.get(Parcel, light.id), "sent")
        db.delete(heavy)
    with crm.system("test") as db:
        told = [(known.kind, types_of(db, known)) for known in db.events(after=0).events]
    assert told == [
        # What a plugin declares by that name takes the place of what every entity has.
        ("create", []),
        ("create", ["crm.post.parcel.created.v2"]),
        ("update", ["crm.post.parcel.updated.v1"]),
        ("move", ["crm.post.parcel.moved.v1", "crm.post.parcel.sent.v1"]),
        ("delete", ["crm.post.parcel.deleted.v1", "crm.post.flood.v1"]),
    ]


@pytest.mark.long
def test_types_are_those_of_entities_of_which_one_may_read_something(crm):
    postman = People(crm).user("Pat", roles=["post.everything"])
    with crm.read(postman) as db:
        found = {each.type: each for each in event_types(db)}
    assert found["crm.post.parcel.sent.v1"].event == "post.parcel_sent"
    assert found["crm.post.parcel.updated.v1"].event is None
    assert "crm.post.parcel.created.v2" in found
    assert not {"crm.post.parcel.created.v1", "crm.core.automation.updated.v1"} & found.keys()
    with crm.system("test") as db:
        assert "crm.core.automation.updated.v1" in {each.type for each in event_types(db)}
