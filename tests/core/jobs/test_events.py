"""Events: who is told what, when, and what is never told."""

import pytest

from crmkit import (
    DeclarationError,
    Event,
    LoopError,
    PluginError,
    RecordChanged,
    Subscriber,
    Trigger,
    event,
    translator,
)  # fmt: skip
from crmkit.testing import both_databases
from tests.core.jobs.watching import Parcel, ParcelSent, noting, post, rows

_ = translator("tests")


def sent(db, name="Books"):
    return db.move(db.create(Parcel(name=name)), "sent")


@both_databases
def test_event_is_told_once_after_the_commit_with_ids_and_no_values(
    make_crm, database, clock, diary, make_worker, request
):
    crm = make_crm(post(noting(diary)), database=database, clock=clock)
    worker = make_worker(crm)
    # Schedules are written now, and not while somebody else is writing.
    worker.run_until_idle()
    with crm.system("test") as db:
        parcel = sent(db)
        worker.run_until_idle()
        assert diary.entries == []
    worker.run_until_idle()
    worker.run_until_idle()

    (told,) = diary["post.note"]
    assert type(told) is ParcelSent
    assert told == ParcelSent(
        position=2,
        entity="post.parcel",
        record_id=parcel.id,
        kind="move",
        at=clock.now(),
        principal_id=None,
        cause="system: test",
        depth=0,
    )
    assert told.id == "2.post.parcel_sent"
    assert rows(crm) == []


@both_databases
def test_what_is_rolled_back_is_told_to_nobody(make_crm, database, diary, make_worker):
    crm = make_crm(post(noting(diary)), database=database)
    with pytest.raises(ZeroDivisionError), crm.system("test") as db:
        sent(db)
        raise ZeroDivisionError
    make_worker(crm).run_until_idle()
    assert diary.entries == []


@both_databases
def test_trigger_picks_by_kind_by_what_changes_and_by_a_rule(make_crm, database, diary, make_worker):
    crm = make_crm(
        post(
            noting(diary, Trigger("post.parcel", kinds=["create"]), "post.created"),
            noting(diary, Trigger("post.parcel", changes=["weight"]), "post.weighed"),
            noting(diary, Trigger("post.parcel", kinds=["update"], where="weight > 5"), "post.heavy"),
            noting(diary, Trigger("post.parcel", stages=["lost"]), "post.lost"),
            noting(diary, Trigger("*", kinds=["delete"]), "post.anything_gone"),
        ),
        database=database,
    )
    with crm.system("test") as db:
        light, heavy = db.create_many([Parcel(name="a"), Parcel(name="b", weight=3)])
        light = db.update(light, weight=2)
        heavy = db.update(heavy, weight=9)
        heavy = db.update(heavy, notes="fragile")
        db.move(heavy, "lost")
        db.delete(light)
    make_worker(crm, threads=1).run_until_idle()

    told = {name: [given.record_id for given in diary[name]] for name in sorted(diary.times())}
    assert told == {
        "post.created": [light.id, heavy.id],
        "post.weighed": [light.id, heavy.id, light.id, heavy.id],
        "post.heavy": [heavy.id, heavy.id],
        "post.lost": [heavy.id],
        "post.anything_gone": [light.id],
    }
    assert all(type(given) is RecordChanged for _name, given in diary.entries)


@both_databases
def test_subscriber_is_told_in_the_order_of_commits(make_crm, database, diary, make_worker):
    crm = make_crm(post(noting(diary)), database=database)
    for place in range(20):
        with crm.system("test") as db:
            sent(db, str(place))
    make_worker(crm, threads=1).run_until_idle()
    positions = [told.position for told in diary["post.note"]]
    assert positions == sorted(positions)
    assert len(positions) == 20


@both_databases
def test_what_happened_before_events_were_told_for_the_first_time_is_not_told(make_crm, database, diary, make_worker):
    import sqlalchemy as sa

    from crmkit.core.storage.database_objects import create_objects

    crm = make_crm(post(noting(diary)), database=database)
    with crm.system("test") as db:
        sent(db)
    with crm.storage.writing() as connection:
        connection.execute(sa.delete(crm.schema.system.checkpoint))
        assert create_objects(connection, crm.registry, crm.schema) == ["row core.events of core_checkpoint"]
    with crm.system("test") as db:
        later = sent(db)
    make_worker(crm).run_until_idle()
    assert [told.record_id for told in diary["post.note"]] == [later.id]


@both_databases
def test_writes_of_a_subscriber_say_what_caused_them(make_crm, database, make_worker, people):
    def weigh(context, told):
        with context.write() as db:
            db.update(db.get(Parcel, told.record_id), weight=7)

    crm = make_crm(post(Subscriber("post.weigher", ParcelSent, weigh)), database=database)
    with crm.system("test") as db:
        parcel = sent(db)
    make_worker(crm).run_until_idle()
    with crm.system("look") as db:
        last = db.history(parcel)[-1]
    assert (last.kind, last.cause, last.depth) == ("update", "post.weigher < post.parcel_sent #2", 1)


@both_databases
def test_loop_is_stopped_and_the_chain_is_shown(make_crm, database, make_worker):
    def heavier(context, told):
        with context.write() as db:
            parcel = db.get(Parcel, told.record_id)
            db.update(parcel, weight=parcel.weight + 1)

    on = Trigger("post.parcel", changes=["weight"])
    crm = make_crm(post(Subscriber("post.heavier", on, heavier)), database=database)
    with crm.system("test") as db:
        parcel = db.create(Parcel(name="a", weight=1))
    make_worker(crm).run_until_idle()

    (parked,) = rows(crm)
    assert (parked.state, parked.error, parked.attempts) == ("dead", LoopError.code, 1)
    assert "system: test → create post.parcel → post.heavier < core.record_changed #1 → update" in parked.details
    with crm.system("look") as db:
        assert db.get(Parcel, parcel.id).weight == 1 + 8


def test_subscriber_of_an_event_that_nobody_tells_is_refused(make_crm, diary):
    with pytest.raises(
        PluginError, match="post.note: wants to know of post.parcel_sent, which no enabled plugin tells"
    ):
        make_crm(post(noting(diary), events=()))


def test_two_plugins_cannot_declare_the_same_event(make_crm, diary):
    with pytest.raises(PluginError, match="event post.parcel_sent: is claimed by 'post' and by 'post'"):
        make_crm(post(events=[ParcelSent, ParcelSent]))


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        (Trigger("post.letter"), "there is no entity 'post.letter'"),
        (Trigger("post.parcel", changes=["colour"]), "names the unknown field 'post.parcel.colour'"),
        (Trigger("post.parcel", where="colour == 1"), "colour"),
        (Trigger("core.user", enters="won"), "'core.user' is no Pipelined entity"),
    ],
)
def test_trigger_on_what_is_not_there_is_refused(make_crm, diary, trigger, message):
    with pytest.raises(PluginError, match=message):
        make_crm(post(noting(diary, trigger)))


def test_trigger_that_makes_no_sense_is_refused():
    for wrong in (
        lambda: Trigger("post.parcel", kinds=["explode"]),
        lambda: Trigger("post.parcel", enters="maybe"),
        lambda: Trigger("*", changes=["name"]),
    ):
        with pytest.raises(DeclarationError):
            wrong()


def test_event_is_a_subclass_without_fields_and_has_an_id_of_its_plugin():
    with pytest.raises(DeclarationError, match="an event's id is"):
        event("Sent", Trigger("post.parcel"), label=_("Sent"))
    with pytest.raises(DeclarationError, match="without fields of its own"):

        @event("post.weighed", Trigger("post.parcel"), label=_("Weighed"))
        class Weighed(Event):
            weight: int
