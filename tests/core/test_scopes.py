"""Scopes take away from what roles and shares give, behind every door, and give nothing."""

import attrs
import pytest
from hypothesis import given, strategies as st

from crmkit import Assignment, ForbiddenError, Job, NotFoundError, Principal, User, Worker
from crmkit.core.policy.roles import VERBS
from crmkit.core.policy.scopes import UnknownScopeError, checked_scopes, covers
from crmkit.testing import both_databases, plugin
from tests.core.atelier import Commission

READING = {"read", "export", "see_duplicates"}


def within(principal, *scopes):
    return attrs.evolve(principal, scopes=scopes)


@pytest.fixture
def commission(crm, painter):
    with crm.write(painter) as db:
        return db.create(Commission(title="Sea"))


# What a scope covers.


@given(
    st.sampled_from(["atelier", "sales", "core"]),
    st.sampled_from(VERBS),
    st.sets(st.sampled_from([f"{p}:{k}" for p in ("atelier", "sales", "core", "*") for k in ("read", "write")])),
)
def test_scope_covers_its_plugin_and_writing_includes_reading(plugin, verb, scopes):
    wanted = {f"{plugin}:write", "*:write"} | ({f"{plugin}:read", "*:read"} if verb in READING else set())

    assert covers(frozenset(scopes), f"{plugin}.thing", verb) == bool(wanted & scopes)


NONE = ["", "sales", "sales:", "sales:delete", "nosuch:read", "Sales:read", "sales:read\n", "**:read"]


@pytest.mark.parametrize("scope", NONE)
def test_scope_of_no_plugin_is_refused(scope):
    with pytest.raises(UnknownScopeError):
        checked_scopes([scope], ["sales"])


def test_no_scope_at_all_is_refused_where_a_token_is_made():
    with pytest.raises(UnknownScopeError):
        checked_scopes([], ["sales"])


# T16: an empty set, or what is no scope, leaves nothing.


@both_databases
@pytest.mark.parametrize("scopes", [(), ("",), ("nosuch:read",), ("sales:read",), "atelier:write"])
def test_t16_scopes_that_name_nothing_leave_nothing(crm, painter, commission, scopes):
    nobody = attrs.evolve(painter, scopes=scopes)

    with crm.write(nobody) as db:
        assert db.find(Commission) == [] == db.find(User)
        assert db.count(Commission) == 0
        with pytest.raises(NotFoundError):
            db.get(Commission, commission.id)
        with pytest.raises(ForbiddenError):
            db.create(Commission(title="Mine"))
        with pytest.raises(NotFoundError):
            db.update(commission, title="Mine")
        assert db.jobs.find() == []


# What they leave is what roles give, and no more.


@both_databases
def test_scope_to_read_lets_nobody_write(crm, painter, commission):
    reader = within(painter, "atelier:read")

    with crm.write(reader) as db:
        assert [found.id for found in db.find(Commission)] == [commission.id]
        assert db.find(User) == []
        assert db.get(Commission, commission.id).title == "Sea"
        for write in (
            lambda: db.update(commission, title="Storm"),
            lambda: db.create(Commission(title="Storm")),
            lambda: db.delete(commission),
            lambda: db.move(commission, "won"),
        ):
            with pytest.raises(ForbiddenError):
                write()


def test_scope_gives_nothing_that_no_role_gives(crm, painter, people):
    other = people.user("Eve")

    with crm.write(within(other, "*:write")) as db:
        assert db.find(Commission) == []
        with pytest.raises(ForbiddenError):
            db.create(Commission(title="Sea"))


def test_share_counts_within_the_scopes_alone(crm, painter, commission, people):
    other = people.user("Eve", team="Elsewhere", roles=["atelier.painter"])
    with crm.system("test") as db:
        db.share(commission, user=other.user_id, level="write")

    with crm.write(other) as db:
        db.update(commission, title="Storm")
    with crm.write(within(other, "atelier:read")) as db:
        found = db.get(Commission, commission.id)
        assert found.title == "Storm"
        with pytest.raises(ForbiddenError):
            db.update(found, title="Calm")
    with crm.read(within(other, "core:write")) as db:
        assert db.find(Commission) == []


def test_access_of_one_token_is_never_that_of_another(crm, painter, commission):
    """Accesses and statements are kept: those with other scopes are others."""
    for _round in range(2):
        for scopes, seen in ((None, 1), (("atelier:read",), 1), (("core:read",), 0), ((), 0), (None, 1)):
            with crm.read(attrs.evolve(painter, scopes=scopes)) as db:
                assert len(db.find(Commission)) == seen == db.count(Commission)


# What rests on no grant.


def test_job_has_the_scopes_of_who_enqueued_it(make_crm, clock):
    seen = []

    def look(context, _nothing):
        seen.append(context.principal)
        with context.read(context.principal) as db:
            seen.append(len(db.find(User)))

    crm = make_crm(plugin("hall", jobs=[Job("hall.look", look)]), clock=clock)
    with crm.system("test") as db:
        user = db.create(User(name="Anna"))
        db.create(Assignment(user_id=user.id, role="core.member"))
    anna = Principal(user.id, "Anna")
    for scopes in (None, ("core:read",), ("hall:read",), ()):
        with crm.write(attrs.evolve(anna, scopes=scopes)) as db:
            db.enqueue("hall.look")
        Worker(crm).run_until_idle()

    assert [who.scopes for who in seen[::2]] == [None, {"core:read"}, {"hall:read"}, frozenset()]
    assert seen[1::2] == [1, 1, 0, 0]


def test_limited_administrator_lets_nothing_act_without_the_limits(crm, people):
    boss = people.user("Boss", roles=["core.administrator"])

    limits = [(None, True), (("*:write",), True), (("core:write",), False), (("*:read",), False), ((), False)]
    for scopes, free in limits:
        with crm.read(attrs.evolve(boss, scopes=scopes)) as db:
            assert db.access.is_administrator is free
            assert db.access.may_act_as(boss.user_id) is free
            assert db.access.reads_everything is (free or scopes == ("*:read",))


# T15: nobody grants a role past their scopes.


@pytest.mark.long
@both_databases
def test_t15_token_grants_no_role_beyond_its_scopes(crm, people, painter):
    boss = people.user("Boss", roles=["core.administrator"])
    with crm.system("test") as db:
        held = db.find(Assignment, Assignment.f.user_id == painter.user_id)[0]

    for principal in (within(boss, "atelier:write"), within(boss, "core:read"), within(painter, "*:write"), painter):
        with crm.write(principal) as db:
            with pytest.raises(ForbiddenError):
                db.create(Assignment(user_id=painter.user_id, role="core.administrator"))
            for write in (lambda: db.update(held, role="core.administrator"), lambda: db.delete(held)):
                with pytest.raises((ForbiddenError, NotFoundError)):
                    write()
    with crm.read(boss) as db:
        assert db.find(Assignment, "role == 'core.administrator'") != []
        assert {a.user_id for a in db.find(Assignment, "role == 'core.administrator'")} == {boss.user_id}


# Explaining.


def test_explanation_names_the_scope_that_decided(crm, painter, commission):
    told = crm.explain(within(painter, "atelier:read"), "update", commission, asker=painter)

    assert (told.answer, told.reason) == ("no", "out-of-scope")
    assert [(f.verb, f.held) for f in told.findings if f.kind == "scope"] == [("read", True), ("update", False)]
    assert [str(change.sentence) for change in told.changes] == ["a token with the scope atelier:write is used"]
    assert crm.explain(within(painter, "atelier:write"), "update", commission, asker=painter).answer == "yes"
    assert not [f for f in crm.explain(painter, "update", commission, asker=painter).findings if f.kind == "scope"]
