"""Shares: with users and teams, for a time, of many records at once; who is told of them and who may give them."""

from datetime import timedelta

import pytest

from crmkit import ForbiddenError, Grant, NotFoundError, SharedWith, Team, User, ValidationError
from crmkit.core.policy.people import Membership, Share
from crmkit.testing import both_databases
from tests.core.atelier import Commission

pytestmark = both_databases


@pytest.fixture
def friend(people):
    return people.user("Gustave", team="Guests", roles=["atelier.painter"])


@pytest.fixture
def stranger(people):
    return people.user("Paul", roles=["atelier.painter"])


@pytest.fixture
def sea(crm, master):
    with crm.write(master) as db:
        return db.create(Commission(title="Sea"))


def seen(crm, who):
    with crm.read(who) as db:
        return [commission.title for commission in db.find(Commission, order_by="title")]


def team_of(crm, who):
    with crm.system("test") as db:
        return db.get(User, who.user_id).team_id


def test_share_counts_until_its_end_and_without_any_job(crm, master, friend, sea, clock):
    with crm.write(master) as db:
        db.share(sea, user=friend.user_id, level="write", until=crm.clock.now() + timedelta(hours=2))
    assert seen(crm, friend) == ["Sea"]
    with crm.write(friend) as db:
        changed = db.update(db.get(Commission, sea.id), title="Sea at dawn")

    clock.advance(hours=2)
    assert seen(crm, friend) == []
    with crm.read(friend) as db:
        assert db.count(Commission) == 0
        with pytest.raises(NotFoundError):
            db.get(Commission, sea.id)
    with pytest.raises(NotFoundError), crm.write(friend) as db:
        db.update(changed, title="Mine")
    with crm.read(master) as db:
        assert db.shares(changed) == []


def test_share_may_be_given_again_with_another_end(crm, master, friend, sea, clock):
    with crm.write(master) as db:
        first = db.share(sea, user=friend.user_id, until=crm.clock.now() + timedelta(hours=1))
    clock.advance(days=1)
    with crm.write(master) as db:
        assert db.share(sea, user=friend.user_id).id == first.id
    assert seen(crm, friend) == ["Sea"]


@pytest.mark.long
def test_share_does_not_begin_after_its_end(crm, master, friend, sea):
    with pytest.raises(ValidationError, match="ends_at: lies in the past"), crm.write(master) as db:
        db.share(sea, user=friend.user_id, until=crm.clock.now())


def test_share_with_a_team_reaches_its_people_and_nobody_below(crm, people, master, friend, sea):
    people.team("Inner circle", parent="Guests")
    inner = people.user("Ines", team="Inner circle", roles=["atelier.painter"])
    guests = team_of(crm, friend)
    with crm.write(master) as db:
        db.share(sea, team=guests)
    assert (seen(crm, friend), seen(crm, inner)) == (["Sea"], [])


def test_whoever_leaves_a_team_loses_what_is_shared_with_it_and_whoever_joins_gets_it(
    crm, master, friend, stranger, sea
):
    guests = team_of(crm, friend)
    with crm.write(master) as db:
        db.share(sea, team=guests)
    with crm.system("test") as db:
        db.update(db.get(User, friend.user_id), team_id=None)
        joined = db.create(Membership(user_id=stranger.user_id, team_id=guests))
    assert (seen(crm, friend), seen(crm, stranger)) == ([], ["Sea"])
    with crm.system("test") as db:
        db.delete(joined)
    assert seen(crm, stranger) == []


def test_moving_a_team_in_the_tree_moves_no_share(crm, people, master, friend, sea):
    guests = team_of(crm, friend)
    with crm.write(master) as db:
        db.share(sea, team=guests)
    other = people.team("Elsewhere")
    with crm.system("test") as db:
        db.update(db.get(Team, guests), parent_id=other.id)
    assert seen(crm, friend) == ["Sea"]


def test_many_records_are_shared_together_or_not_at_all(crm, people, master, friend):
    with crm.write(master) as db:
        mine = db.create_many([Commission(title=f"Sketch {n}") for n in range(40)])
    with crm.write(people.user("Rival", roles=["atelier.master"], team="Rivals")) as db:
        theirs = db.create(Commission(title="Theirs"))
    with pytest.raises(NotFoundError), crm.write(master) as db:
        db.share_many([*mine, theirs], user=friend.user_id)
    assert seen(crm, friend) == []

    with crm.write(master) as db:
        db.share_many(mine, user=friend.user_id, level="write")
    assert len(seen(crm, friend)) == 40
    with crm.write(master) as db:
        assert db.unshare_many(mine, user=friend.user_id) == 40
    assert seen(crm, friend) == []


def test_whoever_may_share_is_told_of_everybody_and_others_of_themselves(crm, people, master, friend, stranger, sea):
    guests = team_of(crm, friend)
    with crm.write(master) as db:
        with_guests = SharedWith(db.share(sea, team=guests).id, None, guests, "read", None)
        made = db.share(sea, user=stranger.user_id, level="write")
        with_stranger = SharedWith(made.id, stranger.user_id, None, "write", None)
    with crm.read(master) as db:
        assert db.shares(sea) == [with_guests, with_stranger]
        assert db.shares(sea, limit=1) == [with_guests]
        assert db.shares(sea, limit=1, after=with_guests.id) == [with_stranger]
        assert db.shares(sea, limit=1, after=with_stranger.id) == []
    with crm.read(friend) as db:
        assert db.shares(sea) == [with_guests]
        assert db.shares(sea, after=with_guests.id) == []
    with crm.read(people.user("Nobody")) as db, pytest.raises(NotFoundError):
        db.shares(sea)


def test_shares_with_those_who_are_not_seen_are_not_told(crm, people, friend, stranger, sea):
    people.role("blind", [Grant("atelier.commission", ["read", "share"], "all")])
    blind = people.user("Blind", roles=["blind"], member=False)
    with crm.system("test") as db:
        for user in (friend, stranger, blind):
            db.share(sea, user=user.user_id)
    with crm.read(blind) as db:
        assert [share.user_id for share in db.shares(sea)] == [blind.user_id]


def test_nobody_shares_above_their_own_level(crm, people, friend, stranger, sea):
    """T12."""
    people.role("lender", [Grant("atelier.commission", ["read", "share"], "all")])
    lender = people.user("Lena", roles=["lender"])
    with crm.write(lender) as db:
        db.share(sea, user=friend.user_id)
    with pytest.raises(ForbiddenError), crm.write(lender) as db:
        db.share_many([sea], user=stranger.user_id, level="write")
    with crm.system("test") as db:
        db.share(sea, user=friend.user_id, level="write")
    for take in (lambda db: db.share(sea, user=friend.user_id), lambda db: db.unshare(sea, user=friend.user_id)):
        with pytest.raises(ForbiddenError), crm.write(lender) as db:
            take(db)


def test_share_that_let_somebody_write_binds_nobody_after_its_end(crm, people, friend, sea, clock):
    people.role("lender", [Grant("atelier.commission", ["read", "share"], "all")])
    lender = people.user("Lena", roles=["lender"])
    with crm.system("test") as db:
        db.share(sea, user=friend.user_id, level="write", until=crm.clock.now() + timedelta(days=1))
    clock.advance(days=2)
    with crm.write(lender) as db:
        assert db.unshare(sea, user=friend.user_id) == 0
        db.share(sea, user=friend.user_id)
    assert seen(crm, friend) == ["Sea"]


def test_share_with_somebody_who_is_not_active_waits_for_them(crm, master, friend, sea):
    with crm.system("test") as db:
        gustave = db.update(db.get(User, friend.user_id), is_active=False)
    with crm.write(master) as db:
        db.share(sea, user=friend.user_id)
    with crm.system("test") as db:
        db.update(gustave, is_active=True)
    assert seen(crm, friend) == ["Sea"]


def test_end_of_a_share_is_explained_and_kept_in_its_history(crm, master, friend, sea):
    end = crm.clock.now() + timedelta(days=1)
    with crm.write(master) as db:
        made = db.share(sea, user=friend.user_id, until=end)
    explanation = crm.explain(friend, "read", sea, asker=friend)
    assert f"the record is shared with Gustave, level read, until {end}" in "\n".join(explanation.lines())
    with crm.system("test") as db:
        (entry,) = db.history(db.get(Share, made.id))
    assert entry.changes["ends_at"][1].startswith(end.isoformat()[:19])
