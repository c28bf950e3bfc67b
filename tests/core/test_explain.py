from datetime import date
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from crmkit import (
    ForbiddenError,
    Grant,
    Mask,
    NotFoundError,
    Owned,
    Principal,
    Record,
    Restriction,
    Role,
    Target,
    any_ref,
    computed,
    entity,
    field,
    ref,
)
from crmkit.core.explaining.explain import UnknownVerbError
from crmkit.core.fields import Integer
from crmkit.core.policy.people import User
from crmkit.core.policy.roles import VERBS
from crmkit.core.text import Text as Label
from crmkit.testing import both_databases, plugin

SYSTEM = Principal(None, "system", "test")


@entity("shop.order", label=Label("Order"))
class Order(Owned):
    name: str = field()
    region: str = field(default="north")
    price: int = field(default=100)
    cost: int = field(default=60)
    due_on: date | None = field(default=None)
    parent_id: UUID | None = ref("shop.order", default=None)

    @computed(Integer(), needs=["price", "cost"])
    def margin(record):
        return record.price - record.cost


@entity("shop.note", label=Label("Note"))
class Note(Record):
    text: str = field()
    about: Target | None = any_ref(default=None)


@entity("shop.line", label=Label("Line"))
class Line(Record):
    text: str = field(default="line")
    order_id: UUID | None = ref("shop.order", follows=True, default=None)


ROLES = [
    Role("shop.own", Label("Own"), [Grant("shop.order", VERBS, "own")]),
    Role("shop.team", Label("Team"), [Grant("shop.order", ["read", "update"], "team")]),
    Role("shop.subtree", Label("Subtree"), [Grant("shop.order", ["read", "update"], "subtree")]),
    Role("shop.all", Label("All"), [Grant("shop.order", ["read"], "all")]),
    Role(
        "shop.north",
        Label("North"),
        [Grant("shop.order", ["read"], 'region == "north" && price >= 50')],
    ),
    Role("shop.profit", Label("Profit"), [Grant("shop.order", ["read"], "cost < 70")]),
    Role("shop.related", Label("Related"), [Grant("shop.order", ["read"], 'parent.region == "south"')]),
    Role(
        "shop.blind",
        Label("Blind"),
        [Grant("shop.order", ["read", "update"], "own")],
        [Mask("shop.order", ["cost"]), Mask("shop.order", ["region"], "read_only")],
    ),
    Role("shop.notes", Label("Notes"), [Grant("shop.note", VERBS, "all"), Grant("shop.line", VERBS, "all")]),
    Role("shop.dealer", Label("Dealer"), [Grant("shop.order", ["read", "delete"], "all")]),
]
RESTRICTIONS = [
    Restriction("shop.cheap_only", "shop.order", "price < 1000", ["delete"], unless=["core.administrator"]),
]
SHOP = plugin("shop", entities=[Order, Note, Line], roles=[*ROLES, *RESTRICTIONS])


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(SHOP, database=database, clock=clock)


@pytest.fixture
def order(crm):
    """Store an order of somebody, in a team."""

    def order(owner=None, team=None, **fields):
        with crm.system("test") as db:
            made = db.create(Order(**{"name": "Order", **fields}))
            return db.transfer(made, owner and owner.user_id, team=team and team.id)

    return order


def of_kind(explanation, kind, verb=None):
    return [f for f in explanation.findings if f.kind == kind and verb in (None, f.verb)]


def changes_of(explanation):
    return [str(change.sentence) for change in explanation.changes]


@both_databases
@pytest.mark.parametrize(
    ("role", "belongs_to", "held"),
    [
        ("shop.own", "anna", True),
        ("shop.own", "ben", False),
        ("shop.team", "ben", True),
        ("shop.team", "carl below", False),
        ("shop.subtree", "carl below", True),
        ("shop.subtree", "dora elsewhere", False),
        ("shop.all", "dora elsewhere", True),
        ("shop.north", "dora elsewhere", True),
    ],
)
def test_each_scope_is_judged_for_the_record(crm, people, order, role, belongs_to, held):
    teams = people.teams({"Sales": {"South": {}}, "Service": {}})
    anna = people.user("anna", team="Sales", roles=[role])
    others = {
        "anna": (anna, teams["Sales"]),
        "ben": (people.user("ben", team="Sales"), teams["Sales"]),
        "carl below": (people.user("carl below", team="South"), teams["South"]),
        "dora elsewhere": (people.user("dora elsewhere", team="Service"), teams["Service"]),
    }
    explanation = crm.explain(anna, "read", order(*others[belongs_to]), asker=SYSTEM)

    (finding,) = of_kind(explanation, "grant")
    assert (finding.role, finding.plugin, finding.held) == (role, "shop", held)
    assert (explanation.answer, explanation.reason) == (("yes", "allowed") if held else ("no", "not-visible"))


def test_failed_ladder_says_what_would_let_the_person_in(crm, people, order):
    teams = people.teams({"Sales": {}, "Service": {}})
    anna = people.user("Anna", team="Sales", roles=["shop.subtree"])
    dora = people.user("Dora", team="Service")
    made = order(dora, teams["Service"])

    explanation = crm.explain(anna, "read", made, asker=SYSTEM)

    assert list(explanation.lines())[:2] == [
        f"No: for Anna there is no shop.order {made.id}.",
        "  ✗ the role shop.subtree grants read on shop.order, scope subtree: the owner is Dora, the team Service",
    ]
    assert changes_of(explanation)[:2] == [
        "the record is transferred to Anna",
        "Anna becomes a member of the team Service, or of one above it",
    ]
    assert "Anna is given the role shop.all" in changes_of(explanation)
    assert "Anna is given the role shop.own" not in changes_of(explanation)
    assert "a role of Anna grants read on shop.order, scope all" in changes_of(explanation)
    assert "the record is shared with Anna or with a team of theirs" in changes_of(explanation)


def test_suggested_changes_do_change_the_answer(crm, people, order):
    anna = people.user("Anna", team="Sales")
    made = order(people.user("Dora", team="Service"))
    explanation = crm.explain(anna, "read", made, asker=SYSTEM)
    roles = [change.role for change in explanation.changes if change.kind == "role"]

    assert set(roles) == {"core.administrator", "shop.all", "shop.north", "shop.profit", "shop.dealer"}
    for role in roles:
        helped = people.user(f"Anna with {role}", roles=[role])
        assert crm.explain(helped, "read", made, asker=SYSTEM).answer == "yes"


def test_rule_shows_which_of_its_conditions_failed(crm, people, order):
    anna = people.user("Anna", roles=["shop.north"])
    explanation = crm.explain(anna, "read", order(price=10), asker=SYSTEM)

    (finding,) = of_kind(explanation, "grant")
    assert (finding.scope, finding.rule) == ("rule", 'region == "north" && price >= 50')
    assert [(part.text, part.held) for part in finding.parts] == [('region == "north"', True), ("price >= 50", False)]
    assert "      ✗ price >= 50" in list(explanation.lines())
    assert changes_of(explanation)[0] == (
        'the rule of the role shop.north comes to hold: region == "north" && price >= 50'
    )


def test_role_made_at_run_time_has_no_plugin(crm, people, order):
    people.role("Night shift", [Grant("shop.order", ["read"], "all")])
    anna = people.user("Anna", roles=["Night shift"])

    (finding,) = of_kind(crm.explain(anna, "read", order(), asker=SYSTEM), "grant")

    assert (finding.role, finding.plugin, finding.held) == ("Night shift", None, True)


@pytest.mark.parametrize("level", ["read", "write"])
@pytest.mark.parametrize("to_team", [False, True])
def test_share_gives_read_and_with_level_write_update(crm, people, order, level, to_team):
    anna = people.user("Anna", team="Sales")
    made = order()
    with crm.system("test") as db:
        who = {"team": people_team(db, anna)} if to_team else {"user": anna.user_id}
        db.share(made, **who, level=level)

    read = crm.explain(anna, "read", made, asker=SYSTEM)
    update = crm.explain(anna, "update", made, asker=SYSTEM)

    assert (read.answer, [f.held for f in of_kind(read, "share")]) == ("yes", [True])
    assert update.answer == ("yes" if level == "write" else "no")
    assert [f.held for f in of_kind(update, "share", "update")] == [level == "write"]
    name = "the team Sales" if to_team else "Anna"
    assert str(of_kind(read, "share")[0].sentence) == f"the record is shared with {name}, level {level}"
    assert changes_of(read)[0] == f"without this it would be no: the record is shared with {name}, level {level}"


def people_team(db, principal):
    return db.get(User, principal.user_id).team_id


def test_visible_record_without_a_grant_of_the_verb_is_refused_for_that(crm, people, order):
    anna = people.user("Anna", roles=["shop.all"])
    explanation = crm.explain(anna, "delete", order(), asker=SYSTEM)

    assert (explanation.answer, explanation.reason) == ("no", "no-grant")
    assert [f.held for f in of_kind(explanation, "grant", "read")] == [True]
    assert of_kind(explanation, "grant", "delete") == []
    assert "Anna is given the role shop.dealer" in changes_of(explanation)


def test_restriction_is_named_and_no_grant_helps(crm, people, order):
    anna = people.user("Anna", roles=["shop.dealer"])
    explanation = crm.explain(anna, "delete", order(price=2000), asker=SYSTEM)

    (restriction,) = of_kind(explanation, "restriction")
    assert (explanation.answer, explanation.reason) == ("no", "restricted")
    assert (restriction.held, restriction.plugin, restriction.rule) == (False, "shop", "price < 1000")
    assert changes_of(explanation) == [
        "this comes to hold: the restriction shop.cheap_only allows delete only where: price < 1000"
    ]


def test_exemption_from_a_restriction_is_named(crm, people, order):
    boss = people.user("Boss", roles=["core.administrator"])
    explanation = crm.explain(boss, "delete", order(price=2000), asker=SYSTEM)

    assert explanation.answer == "yes"
    assert [str(f.sentence) for f in of_kind(explanation, "exemption")] == [
        "the role core.administrator is exempt from the restriction shop.cheap_only of delete"
    ]


def test_inactive_user_may_do_nothing_until_made_active(crm, people, order):
    anna = people.user("Anna", roles=["shop.all"], is_active=False)
    explanation = crm.explain(anna, "read", order(), asker=SYSTEM)

    assert (explanation.answer, explanation.reason) == ("no", "inactive")
    assert [change.kind for change in explanation.changes] == ["activate"]


def test_record_in_the_bin_is_there_for_nobody_until_restored(crm, people, order):
    anna, made = people.user("Anna", roles=["shop.all"]), order()
    with crm.system("test") as db:
        db.delete(made)
    explanation = crm.explain(anna, "read", made, asker=SYSTEM)

    assert (explanation.answer, explanation.reason) == ("no", "in-bin")
    assert [change.kind for change in explanation.changes] == ["restore"]


@pytest.mark.parametrize(
    "make", [lambda id: Note(text="x", about=Target("shop.order", id)), lambda id: Line(order_id=id)]
)
def test_record_that_hangs_on_an_invisible_one_says_on_which_field(crm, people, order, make):
    anna = people.user("Anna", roles=["shop.notes", "shop.own"])
    invisible = order()
    with crm.system("test") as db:
        hanging = db.create(make(invisible.id))
    explanation = crm.explain(anna, "read", hanging, asker=SYSTEM)

    assert (explanation.answer, explanation.reason) == ("no", "not-visible")
    assert [f.held for f in of_kind(explanation, "follows")] == [False]
    assert [change.kind for change in explanation.changes] == ["follows"]


def test_masks_name_the_field_the_role_and_what_is_computed_from_it(crm, people, order):
    anna = people.user("Anna", roles=["shop.blind"])
    explanation = crm.explain(anna, "update", order(anna), asker=SYSTEM)

    assert explanation.answer == "yes"
    assert [(f.field, f.access, f.roles, f.needs) for f in explanation.fields] == [
        ("cost", "hidden", ("shop.blind",), ()),
        ("margin", "hidden", (), ("cost",)),
        ("region", "read_only", ("shop.blind",), ()),
    ]
    assert "  cost: by shop.blind" in list(explanation.lines())


@pytest.mark.parametrize(
    ("roles", "verb", "answer"),
    [
        ([], "read", "no"),
        (["shop.own"], "read", "depends"),
        (["shop.all"], "read", "yes"),
        (["shop.all"], "delete", "no"),
        (["shop.dealer"], "delete", "depends"),
        (["shop.own"], "create", "depends"),
        (["core.administrator"], "create", "yes"),
    ],
)
def test_entity_without_a_record_is_answered_as_far_as_possible(crm, people, roles, verb, answer):
    anna = people.user("Anna", roles=roles)
    explanation = crm.explain(anna, verb, Order, asker=SYSTEM)

    assert explanation.answer == answer
    assert {finding.held for finding in explanation.findings} <= {None, True}
    assert list(explanation.lines())


def test_system_has_no_limits(crm, order):
    assert crm.explain(SYSTEM, "delete", order(), asker=SYSTEM).answer == "yes"


def test_unknown_verb_is_refused_with_those_there_are(crm):
    with pytest.raises(UnknownVerbError, match="no verb 'see'. The verbs are read, create"):
        crm.explain(SYSTEM, "see", Order, asker=SYSTEM)


# What the asker learns.


def test_asker_may_ask_about_herself_for_records_that_she_sees(crm, people, order):
    anna = people.user("Anna", roles=["shop.own"])
    assert crm.explain(anna, "update", order(anna), asker=anna).answer == "yes"


def test_invisible_record_is_not_found_for_the_asker(crm, people, order):
    anna = people.user("Anna", roles=["shop.own"])
    with pytest.raises(NotFoundError):
        crm.explain(anna, "read", order(), asker=anna)


def test_asking_about_others_needs_the_right_to_read_assignments_and_roles(crm, people, order):
    anna, made = people.user("Anna", roles=["shop.all"]), order()
    ben = people.user("Ben", roles=["shop.all"])
    with pytest.raises(ForbiddenError, match="core.assignment: you may not read 'Anna'"):
        crm.explain(anna, "read", made, asker=ben)

    boss = people.user("Boss", roles=["core.administrator"])
    assert crm.explain(anna, "read", made, asker=boss).answer == "yes"


def test_user_whom_the_asker_does_not_see_is_not_found(crm, people, order):
    anna = people.user("Anna", roles=["shop.all"])
    ben = people.user("Ben", roles=["shop.all"], member=False)
    with pytest.raises(NotFoundError, match="core.user"):
        crm.explain(anna, "read", order(), asker=ben)


def test_roles_that_one_lacks_are_named_only_to_who_may_read_roles(crm, people, order):
    anna = people.user("Anna", roles=["shop.own"])
    mine = crm.explain(anna, "delete", Note, asker=anna)
    assert {change.kind for change in mine.changes} == {"grant"}
    assert "role" in [c.kind for c in crm.explain(anna, "delete", Note, asker=SYSTEM).changes]


def test_rule_on_a_field_that_is_hidden_from_the_asker_is_not_shown(crm, people, order):
    anna = people.user("Anna", roles=["shop.blind", "shop.profit"])
    made = order(anna)
    crm_knows = [f.rule for f in of_kind(crm.explain(anna, "read", made, asker=SYSTEM), "grant")]
    assert "cost < 70" in crm_knows
    # Two roles grant read, and shop.profit does not hide the cost: nothing is hidden from her.
    assert "cost < 70" in [f.rule for f in of_kind(crm.explain(anna, "read", made, asker=anna), "grant")]

    masked = people.role("Masked", [Grant("shop.order", ["read"], "cost < 70")], [Mask("shop.order", ["cost"])])
    ben = people.user("Ben", roles=[masked])
    (finding,) = of_kind(crm.explain(ben, "read", made, asker=ben), "grant")
    assert (finding.rule, finding.held, finding.parts) == (None, None, ())
    assert "a rule on fields that you may not read" in str(finding.sentence)
    assert "cost" not in str(crm.explain(ben, "read", made, asker=ben).as_dict())


def test_what_a_rule_found_behind_a_reference_is_told_to_the_system_alone(crm, people, order):
    parent = order(region="south")
    anna = people.user("Anna", roles=["shop.related"])
    made = order(parent_id=parent.id)

    assert [f.held for f in of_kind(crm.explain(anna, "read", made, asker=SYSTEM), "grant")] == [True]
    assert [f.held for f in of_kind(crm.explain(anna, "read", made, asker=anna), "grant")] == [None]


def test_hidden_fields_are_not_named_to_whom_they_are_hidden(crm, people, order):
    anna = people.user("Anna", roles=["shop.blind"])
    explanation = crm.explain(anna, "read", order(anna), asker=anna)
    assert [f.field for f in explanation.fields] == ["region"]


def asking_with(people, *masked):
    """Return somebody who reads all orders, users and roles, but not the fields *masked*."""
    everything = [Grant(e, ["read"], "all") for e in ("shop.order", "core.user", "core.assignment", "core.role")]
    role = people.role("Desk", everything, [Mask("shop.order", masked)])
    return people.user("Desk", roles=[role], member=False)


def roles_named(explanation):
    return {change.role for change in explanation.changes if change.kind == "role"}


def test_role_is_not_suggested_for_what_its_rule_says_of_a_hidden_field(crm, people, order):
    desk, anna = asking_with(people, "cost"), people.user("Anna")
    cheap, dear = order(cost=60, region="north"), order(cost=80, region="north")

    assert "shop.profit" in roles_named(crm.explain(anna, "read", cheap, asker=SYSTEM))
    told = [crm.explain(anna, "read", made, asker=desk) for made in (cheap, dear)]
    assert [roles_named(explanation) & {"shop.profit", "shop.all"} for explanation in told] == [{"shop.all"}] * 2


def test_scope_is_not_judged_where_the_owner_is_hidden_from_the_asker(crm, people, order):
    desk, anna, ben = asking_with(people, "owner_id"), people.user("Anna", roles=["shop.own"]), people.user("Ben")

    told = [crm.explain(anna, "read", order(owner), asker=desk) for owner in (anna, ben)]
    assert [f.held for explanation in told for f in of_kind(explanation, "grant")] == [None, None]
    told = [crm.explain(ben, "read", order(owner), asker=desk) for owner in (anna, ben)]
    assert roles_named(told[0]) == roles_named(told[1])
    assert "shop.own" not in roles_named(told[1])


# The explanation and the wall agree.


@given(
    roles=st.sets(st.sampled_from([role.id for role in ROLES if role.id.startswith("shop.")])),
    owner=st.sampled_from(["me", "mate", "below", "else", None]),
    price=st.sampled_from([10, 100, 2000]),
    cost=st.sampled_from([60, 80]),
    share=st.sampled_from([None, "read", "write"]),
    verb=st.sampled_from([verb for verb in VERBS if verb != "create"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_answer_is_that_of_the_wall_and_the_findings_account_for_it(world, roles, owner, price, cost, share, verb):
    crm, people, place = world
    me = people.user("me", team="Sales", roles=roles)
    with crm.system("test") as db:
        made = db.create(Order(name="x", price=price, cost=cost))
        holder, team = place[owner] if owner != "me" else (me, place["mate"][1])
        made = db.transfer(made, holder and holder.user_id, team=team and team.id)
        if share:
            db.share(made, user=me.user_id, level=share)

    explanation = crm.explain(me, verb, made, asker=SYSTEM)

    with crm.read(me) as db:
        assert (explanation.answer == "yes") == db.may(verb, made)
    for each in {"read", verb}:
        ways = [f.held for f in explanation.findings if f.verb == each and f.kind in ("grant", "share")]
        bars = [f.held for f in explanation.findings if f.verb == each and f.kind in ("restriction", "follows")]
        if explanation.answer == "yes":
            assert any(ways)
            assert all(bars)
    if explanation.answer == "no":
        accounted = [
            any(f.held for f in explanation.findings if f.verb == each and f.kind in ("grant", "share"))
            and all(f.held for f in explanation.findings if f.verb == each and f.kind in ("restriction", "follows"))
            for each in {"read", verb}
        ]
        assert not all(accounted)
        assert explanation.changes


@pytest.fixture
def world(make_crm, clock):
    from crmkit.testing import People

    crm = make_crm(SHOP, clock=clock)
    people = People(crm)
    teams = people.teams({"Sales": {"South": {}}, "Service": {}})
    mate, below = people.user("mate", team="Sales"), people.user("below", team="South")
    other = people.user("else", team="Service")
    place = {
        "mate": (mate, teams["Sales"]),
        "below": (below, teams["South"]),
        "else": (other, teams["Service"]),
        None: (None, None),
    }
    return crm, people, place


def test_an_explanation_names_nobody_whose_name_is_hidden(crm, people, order):
    names = [Mask(entity, ["name"]) for entity in ("core.user", "core.team")]
    grants = [Grant(entity, ["read"], "all") for entity in ("shop.order", "core.user", "core.team")]
    role = people.role("nameless", [*grants, Grant("shop.order", ["update"], "team")], names)
    blind, owner = people.user("Blanche", roles=[role], member=False), people.user("Otto", team="North")
    told = str([str(f.sentence) for f in crm.explain(blind, "update", order(owner), asker=blind).findings])

    assert "the owner is –, the team –" in told
    assert "Otto" not in told
