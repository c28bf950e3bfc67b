from __future__ import annotations

import pytest
import sqlalchemy as sa

from crmkit import (
    ForbiddenError,
    Grant,
    Mask,
    Move,
    NotFoundError,
    Owned,
    Pipeline,
    Pipelined,
    Stage,
    Target,
    User,
    entity,
    field,
    translator,
)
from crmkit.testing import both_databases, plugin

from .. import services
from ..entities import Comment, Following, Notification, Task

_ = translator("crmkit")


@entity("ranch.horse", label=_("Team"))
class Horse(Owned, Pipelined):
    name: str = field()


RACE = Pipeline(
    "ranch.race",
    "ranch.horse",
    _("Year"),
    stages=[Stage("run", _("Open")), Stage("first", _("Won"), kind="won", probability=1)],
    moves=[Move("run", "first"), Move("first", "run")],
)


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("workspace", plugin("ranch", entities=[Horse], pipelines=[RACE]), clock=clock, database=database)


@pytest.fixture
def anna(people):
    return people.user("Anna", team=people.team("North"), roles=["workspace.member", "ranch.everything"])


@pytest.fixture
def bo(people):
    return people.user("Bo", team="North", roles=["workspace.member", "ranch.everything"])


@pytest.fixture
def horse(crm, anna):
    with crm.write(anna) as db:
        return db.create(Horse(name="Blaze"))


@pytest.fixture
def told(crm, worker):
    """What somebody is told and has not read."""

    def told(principal):
        worker.run_until_idle()
        with crm.read(principal) as db:
            return services.wording(db, services.unread(db))

    return told


def say(crm, principal, record, words):
    with crm.write(principal) as db:
        return services.comment(db, record, words)


@both_databases
def test_task_of_somebody_else_is_told_to_whom_it_is_given(crm, anna, bo, told):
    with crm.write(anna) as db:
        db.create(Task(title="Feed Blaze", owner_id=bo.user_id))
        db.create(Task(title="My own"))
    with crm.write(anna) as db:
        services.assign(db, db.create(Task(title="Ride")), bo.user_id)

    assert sorted(told(bo)) == ["Anna has assigned Task “Feed Blaze” to you.", "Anna has assigned Task “Ride” to you."]
    assert told(anna) == []


@both_databases
def test_record_that_is_transferred_is_told_to_its_new_owner(crm, anna, bo, horse, told):
    with crm.write(anna) as db:
        db.transfer(horse, bo.user_id)

    assert told(bo) == ["Anna has given you Team “Blaze”."]


@both_databases
def test_comment_is_told_to_the_owner_and_to_followers_but_not_to_its_author(crm, anna, bo, people, horse, told):
    mei = people.user("梅", roles=["workspace.member", "ranch.everything"])
    for follower in (bo, mei):
        with crm.write(follower) as db:
            services.follow(db, horse)
            assert services.follow(db, horse).user_id == follower.user_id
            assert services.is_following(db, horse)
    with crm.write(mei) as db:
        services.unfollow(db, horse)
    say(crm, bo, horse, "Fast!")

    assert told(anna) == ["Bo has commented on Team “Blaze”."]
    assert (told(bo), told(mei)) == ([], [])


def test_win_of_the_team_is_told_to_those_who_ask_for_it(crm, anna, bo, people, horse, told):
    eve = people.user("Eve", team="South", roles=["workspace.member", "ranch.everything"])
    ann = people.user("Ann", team="South", also=["North"], roles=["workspace.member", "ranch.everything"])
    for person in (eve, ann):
        with crm.write(person) as db:
            services.prefer(db, "won", True)
    with crm.write(anna) as db:
        db.move(horse, "first")

    assert told(ann) == ["Anna has won Team “Blaze”."]
    assert (told(bo), told(eve)) == ([], [])


@both_databases
def test_notification_is_seen_by_its_recipient_alone_and_not_even_by_administrators(crm, anna, bo, people, horse, told):
    boss = people.user("Boss", roles=["core.administrator"])
    say(crm, bo, horse, "Fast!")
    assert len(told(anna)) == 1

    for other in (bo, boss):
        with crm.read(other) as db:
            assert db.find(Notification) == []
    with crm.read(anna) as db:
        [mine] = db.find(Notification)
    with crm.write(boss) as db, pytest.raises(NotFoundError):
        db.delete(mine)


@both_databases
def test_notification_is_gone_while_its_target_is_hidden(crm, bo, people, told):
    grants = [Grant("ranch.horse", ["read", "create", "share", "transfer", "delete"], "own")]
    people.role("rider", grants)
    eve = people.user("Eve", team="South", roles=["workspace.member", "rider"])
    with crm.write(eve) as db:
        horse = db.create(Horse(name="Blaze"))
    comment = say(crm, bo, horse, "Fast!")
    assert told(eve) == ["Bo has commented on Team “Blaze”."]

    with crm.write(bo) as db:
        horse = db.transfer(horse, bo.user_id)
    assert told(eve) == []
    with crm.write(bo) as db:
        db.share(horse, user=eve.user_id)
    assert told(eve) == ["Bo has commented on Team “Blaze”."]
    with crm.write(bo) as db:
        db.delete(db.get(Comment, comment.id))
    assert told(eve) == []


def test_what_is_hidden_is_not_in_the_sentence(crm, bo, people, told):
    grants = [Grant("ranch.horse", ["read"], "all"), Grant("core.user", ["read"], "id == me()")]
    people.role("blind", grants, [Mask("ranch.horse", ["name"])])
    mute = people.user("Mute", roles=["workspace.member", "blind"], member=False)
    with crm.write(bo) as db:
        horse = db.create(Horse(name="Secret"))
    with crm.write(mute) as db:
        services.follow(db, horse)
    say(crm, bo, horse, "Fast!")

    assert told(mute) == ["Somebody has commented on Team."]


def test_notification_is_read_in_the_language_of_its_reader(crm, anna, bo, people, horse, told):
    with crm.system("test") as db:
        db.update(db.get(User, anna.user_id), locale="zh_CN")
    say(crm, bo, horse, "快")

    assert told(anna) == ["Bo 评论了团队“Blaze”。"]


def test_what_is_not_wanted_is_not_told(crm, anna, bo, horse, told):
    with crm.write(anna) as db:
        services.prefer(db, "comment_made", False)
    say(crm, bo, horse, "Fast!")
    assert told(anna) == []

    with crm.write(anna) as db:
        services.prefer(db, "comment_made", True)
    say(crm, bo, horse, "Slow!")
    assert len(told(anna)) == 1


def test_the_same_within_minutes_is_told_once_until_it_is_read(crm, anna, bo, horse, told, clock):
    for words in ("Fast!", "Very fast!"):
        say(crm, bo, horse, words)
    assert len(told(anna)) == 1

    with crm.write(anna) as db:
        services.mark_read(db, services.unread(db))
    assert told(anna) == []
    say(crm, bo, horse, "Fastest!")
    assert len(told(anna)) == 1
    clock.advance(minutes=6)
    say(crm, bo, horse, "Still")
    assert len(told(anna)) == 2


@both_databases
def test_flood_is_counted_on_the_last_notification(crm, anna, bo, told):
    with crm.write(anna) as db:
        horses = db.create_many([Horse(name=str(place)) for place in range(25)])
        db.transfer_many(horses, bo.user_id)

    shown = told(bo)
    assert len(shown) == 20
    assert shown[0].endswith("And 5 more.")


def test_notifications_are_made_by_the_system_alone(crm, anna, bo):
    with crm.write(anna) as db, pytest.raises(ForbiddenError):
        services.notify(db, bo.user_id, "message", note="You have won")
    with crm.write(anna) as db, pytest.raises(ForbiddenError):
        services.notify(db, anna.user_id, "message", note="You have won")


def test_message_says_what_it_is_given(crm, bo, told):
    with crm.system("test") as db:
        services.notify(db, bo.user_id, "message", note="A {lead} waits")

    assert told(bo) == ["A {lead} waits"]


def test_old_notifications_are_cleared_away_at_night(crm, anna, bo, horse, told, clock, worker):
    worker.run_until_idle()
    say(crm, bo, horse, "Fast!")
    assert len(told(anna)) == 1
    clock.advance(days=89)
    assert len(told(anna)) == 1
    clock.advance(days=2)
    assert told(anna) == []


def test_somebody_who_left_is_told_nothing(crm, anna, bo, horse, told):
    with crm.system("test") as db:
        db.update(db.get(User, anna.user_id), is_active=False)
    say(crm, bo, horse, "Fast!")
    told(bo)

    with crm.system("test") as db:
        assert db.count(Notification) == 0


@pytest.fixture
def statements():
    seen = []

    def see(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", see)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", see)


@both_databases
def test_wording_costs_the_same_for_one_and_for_many(crm, anna, bo, statements):
    with crm.system("test") as db:
        horses = db.create_many([Horse(name=str(place)) for place in range(30)])
        facts = {"recipient_id": bo.user_id, "kind": "won", "by_id": anna.user_id}
        db.create_many([Notification(regarding=Target.of(each), **facts) for each in horses])
    counts = []
    for limit in (1, 1, 50):
        with crm.read(bo) as db:
            statements.clear()
            said = services.wording(db, services.unread(db, limit=limit))
            counts.append(len(statements))

    assert len(said) == 30
    assert counts[1] == counts[2]


def test_nobody_makes_somebody_else_follow(crm, anna, bo, horse):
    with pytest.raises(ForbiddenError), crm.write(anna) as db:
        db.create(Following(user_id=bo.user_id, record=Target.of(horse)))
