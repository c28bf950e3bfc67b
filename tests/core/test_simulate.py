"""Simulations: what a change of policy would do is what it does, nothing is committed, and nobody learns from it."""

import contextlib
from itertools import product
from random import Random
from uuid import UUID

import pytest

from crmkit import (
    ForbiddenError,
    Grant,
    Mask,
    NotFoundError,
    Restriction,
    Succession,
    Target,
    Team,
    User,
    offboard,
)
from crmkit.core.explaining.explain import UnknownVerbError
from crmkit.core.policy.access_cache import InactiveUserError
from crmkit.core.policy.people import Assignment, GrantRecord, MaskRecord, Membership, RoleRecord
from tests.core.atelier import Artist, Commission, Invoice
from tests.marks import both_databases_in_time

VERBS = ("read", "update", "delete")


@pytest.fixture
def boss(people):
    return people.user("Boss", roles=["core.administrator", "atelier.master"])


@pytest.fixture
def world(crm, people, boss):
    """Four people in a tree of teams, with commissions of each and what follows them."""
    people.teams({"World": {"North": {"Oslo": {}}, "South": {}}})
    people.role("reader", [Grant("atelier.commission", ["read"], "team"), Grant("atelier.invoice", ["read"], "all")])
    people.role("editor", [Grant("atelier.commission", ["read", "update"], "hours > 3")])
    users = [
        people.user(name, team=team, roles=roles)
        for name, team, roles in (
            ("Ada", "North", ["reader"]),
            ("Ben", "Oslo", ["atelier.painter"]),
            ("Cleo", "South", ["editor"]),
            ("Dora", "World", ["atelier.master"]),
        )
    ]
    with crm.system("test") as db:
        artist = db.create(Artist(name="Rosa"))
        made = db.create_many(
            [
                Commission(
                    title=("Secret" if n == 5 else f"C{n}"), hours=n, owner_id=users[n % 4].user_id, artist_id=artist.id
                )
                for n in range(12)
            ]
        )
        db.create_many([Invoice(commission_id=each.id, owner_id=each.owner_id) for each in made[::2]])
        db.share(made[0], user=users[2].user_id)
    return users, made


def allowed(crm, users, entities, verbs):
    """Return who may do what with which records, by asking each of them."""
    found = {}
    for who in users:
        for entity, verb in product(entities, verbs):
            key = (who.user_id, entity.__entity__.id, verb)
            try:
                with crm.read(who) as db:
                    found[key] = {record.id for record in db.find(entity) if db.may(verb, record)}
            except InactiveUserError:
                found[key] = set()
    return found


def shifts(before, after):
    return {
        key: (len(after[key] - before[key]), len(before[key] - after[key]))
        for key in before
        if after[key] != before[key]
    }


def _named(db, entity, name):
    return db.find(entity, entity.f.name == name)[0]


def _reparent(db, random):
    north, south = _named(db, Team, "North"), _named(db, Team, "South")
    db.update(
        *random.choice(
            [(south, {"parent_id": north.id}), (north, {"parent_id": south.id}), (south, {"parent_id": None})]
        )
    )


def _grant(db, random):
    role = _named(db, RoleRecord, random.choice(["reader", "editor"]))
    scope = random.choice(["own", "team", "subtree", "all", "rule"])
    verbs = random.choice(["read", "read update", "update delete"])
    entity = random.choice(["atelier.commission", "atelier.invoice"])
    rule = {"atelier.commission": "hours < 6", "atelier.invoice": "commission.hours > 2"}[entity]
    db.create(
        GrantRecord(role_id=role.id, entity=entity, verbs=verbs, scope=scope, rule=rule if scope == "rule" else None)
    )


def _revoke(db, random):
    grants = db.find(GrantRecord, order_by="id")
    db.delete(random.choice(grants))


def _mask(db, random):
    role = _named(db, RoleRecord, random.choice(["reader", "editor"]))
    field = random.choice(["title", "hours", "price"])
    access = random.choice(["hidden", "read_only"])
    db.create(MaskRecord(role_id=role.id, entity="atelier.commission", field_name=field, access=access))


def _user(db, random):
    return _named(db, User, random.choice(["Ada", "Ben", "Cleo", "Dora"]))


def _assign(db, random):
    user, role = _user(db, random), random.choice(["atelier.master", "editor", "core.administrator"])
    if not db.find(Assignment, (Assignment.f.user_id == user.id) & (Assignment.f.role == role)):
        db.create(Assignment(user_id=user.id, role=role))


def _unassign(db, random):
    user = _user(db, random)
    db.delete_many(db.find(Assignment, Assignment.f.user_id == user.id))


def _join(db, random):
    user, team = _user(db, random), _named(db, Team, random.choice(["North", "South", "Oslo"]))
    if not db.find(Membership, (Membership.f.user_id == user.id) & (Membership.f.team_id == team.id)):
        db.create(Membership(user_id=user.id, team_id=team.id))


def _home(db, random):
    db.update(_user(db, random), team_id=_named(db, Team, random.choice(["North", "South"])).id)


def _switch(db, random):
    db.update(_user(db, random), is_active=False)


def _drop_role(db, random):
    db.delete(_named(db, RoleRecord, "reader"))


def _share(db, random):
    db.share(random.choice(db.find(Commission, order_by="id")), user=_user(db, random).id, level="write")


def _transfer(db, random):
    db.transfer(random.choice(db.find(Commission, order_by="id")), _user(db, random).id)


CHANGES = (
    _reparent, _grant, _revoke, _mask, _assign, _unassign, _join, _home, _switch, _drop_role, _share, _transfer
)  # fmt: skip


@both_databases_in_time
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_simulation_says_what_then_happens(crm, world, boss, database, seed):
    """Changes are drawn one after another, each on top of what those before it made."""
    users, _made = world
    entities, random = (Commission, Invoice, Artist, User), Random(seed)
    for place in range(8 if seed else 3):
        drawn = random.sample(CHANGES, random.choice([1, 1, 2]))
        _check(crm, users, entities, boss, drawn, 100 * seed + place)


def _check(crm, users, entities, boss, changes, seed):
    def change(db):
        for each in changes:
            # What a change needs may be gone by an earlier one.
            with contextlib.suppress(IndexError):
                each(db, Random(seed))

    label = f"{seed}: {[each.__name__ for each in changes]}"
    before, fields = allowed(crm, users, entities, VERBS), _fields(crm, users)
    told = crm.simulate(change, asker=boss, people=[who.user_id for who in users], verbs=VERBS)
    assert allowed(crm, users, entities, VERBS) == before
    with crm.write(boss) as db:
        change(db)
    ids = {entity.__entity__.id for entity in entities}
    found = {(s.user_id, s.entity, s.verb): (s.gained, s.lost) for s in told.records if s.entity in ids}
    assert found == shifts(before, allowed(crm, users, entities, VERBS)), label
    now = _fields(crm, users)
    shown = {s.user_id: s for s in told.fields if s.entity == "atelier.commission"}
    for who, names in now.items():
        gone, come = fields[who] - names - {"id", "version"}, names - fields[who] - {"id", "version"}
        assert (set(shown[who].hidden), set(shown[who].readable)) == (gone, come) if who in shown else not gone | come


def _fields(crm, users):
    found = {}
    for who in users:
        try:
            with crm.read(who) as db:
                found[who.user_id] = set(db.readable_fields(Commission))
        except InactiveUserError:
            found[who.user_id] = set()
    return found


def test_simulation_names_people_records_fields_and_scopes(crm, world, boss):
    users, made = world

    def change(db):
        db.create(Assignment(user_id=users[0].user_id, role="editor"))

    told = crm.simulate(change, asker=boss, verbs=["read"])
    assert told.people == {users[0].user_id: "Ada"}
    gained = [each for each in made if each.hours > 3 and each.title != "Secret" and each.owner_id != users[0].user_id]
    (records,) = told.records
    assert (records.gained, records.lost) == (len(gained), 0)
    assert set(records.gains) == {Target("atelier.commission", each.id) for each in gained}
    scopes = {(s.verb, s.before, s.after) for s in told.scopes}
    assert scopes == {("read", "team", "team + rule"), ("update", None, "rule")}
    assert told
    assert not crm.simulate(lambda db: None, asker=boss)


def test_nothing_of_a_simulation_is_kept(crm, world, boss):
    users, _made = world

    def rows():
        with crm.storage.reading() as connection:
            return {t.name: sorted(map(str, connection.execute(t.select()))) for t in crm.schema.tables.values()}

    before = rows()
    crm.simulate(lambda db: offboard(db, users[1].user_id, Succession(users[0].user_id)), asker=boss)
    with pytest.raises(ZeroDivisionError):
        crm.simulate(lambda db: 1 / 0, asker=boss)
    assert rows() == before
    with crm.read(users[1]) as db:
        assert db.count(Commission) == 2


def test_restriction_is_tried_before_it_is_declared(crm, world, boss):
    users, _made = world
    late = Restriction("atelier.no_late", "atelier.commission", "hours < 6", unless=["core.administrator"])
    told = crm.simulate(lambda db: None, asker=boss, people=[users[2].user_id], restrictions=[late])
    (shift,) = told.records
    assert (shift.entity, shift.gained, shift.lost) == ("atelier.commission", 0, 6)
    assert "atelier.no_late" not in crm.registry.restrictions


def test_whoever_may_not_know_what_others_may_do_simulates_nothing(crm, people, world):
    _users, _made = world
    people.role("half", [Grant("core.assignment", ["read", "create"], "all")])
    half = people.user("Half", roles=["half"])
    with pytest.raises(ForbiddenError):
        crm.simulate(lambda db: None, asker=half)


def test_whoever_may_not_make_a_change_does_not_simulate_it(crm, people, world):
    users, _made = world
    people.role("auditor", [Grant(entity, ["read"], "all") for entity in ("core.assignment", "core.role")])
    auditor = people.user("Auditor", roles=["auditor"])
    assert not crm.simulate(lambda db: None, asker=auditor)
    with pytest.raises(ForbiddenError):
        crm.simulate(lambda db: db.create(Assignment(user_id=users[0].user_id, role="editor")), asker=auditor)
    with pytest.raises(NotFoundError):
        crm.simulate(lambda db: None, asker=auditor, people=[UUID(int=7)])
    with pytest.raises(UnknownVerbError):
        crm.simulate(lambda db: None, asker=auditor, verbs=["haunt"])


@pytest.fixture
def half_blind(people):
    """May assign roles, sees the first six commissions, and not their titles."""
    people.role(
        "hr",
        [
            Grant("core.assignment", ["read", "create"], "all"),
            Grant("core.role", ["read"], "all"),
            Grant("atelier.commission", ["read"], "hours < 6"),
        ],
        [Mask("atelier.commission", ["title"])],
    )
    return people.user("Hedy", roles=["hr"])


@pytest.mark.long
def test_asker_is_told_of_what_they_see_and_two_worlds_are_one_to_them(crm, world, half_blind):
    users, made = world

    def answer():
        change = lambda db: db.create(Assignment(user_id=users[0].user_id, role="atelier.master"))  # noqa: E731
        return crm.simulate(change, asker=half_blind, verbs=VERBS).as_dict()

    one = answer()
    records = [shift for shift in one["records"] if shift["verb"] == "read"]
    assert {shift["entity"] for shift in records} == {"atelier.commission"}
    assert all(int(made_hours(made, target)) < 6 for shift in records for target in shift["gains"])
    assert "title" not in str(one["fields"])
    with crm.system("test") as db:
        db.create_many([Commission(title="Hidden", hours=9, owner_id=users[0].user_id) for _ in range(3)])
        db.update(db.get(Commission, made[7].id), title="Other")
        db.delete_many(db.find(Invoice))
    assert answer() == one


def made_hours(made, target):
    return next(each.hours for each in made if f"atelier.commission/{each.id}" == target)
