from __future__ import annotations

import pytest

from crmkit import (
    Grant,
    Mask,
    NotFoundError,
    Owned,
    RuleError,
    UnknownEntityError,
    UnknownFieldError,
    entity,
    field,
    translator,
)
from crmkit.testing import both_databases, plugin

from .. import services
from ..entities import View

_ = translator("tests")


@entity("ranch.horse", label=_("Horse"))
class Horse(Owned):
    name: str = field()
    colour: str = field(default="bay")
    price: int | None = field(default=None)


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("workspace", plugin("ranch", entities=[Horse]), clock=clock, database=database)


@pytest.fixture
def anna(people):
    return people.user("Anna", team=people.team("North"), roles=["workspace.member", "ranch.everything"])


@pytest.fixture
def horses(crm, anna):
    made = [("Amber", "bay", 3), ("Blaze", "grey", 2), ("Comet", "bay", 1)]
    with crm.write(anna) as db:
        return db.create_many([Horse(name=name, colour=colour, price=price) for name, colour, price in made])


def view(**more):
    return View(**{"name": "Bays", "listed": "ranch.horse", "rule": 'colour == "bay"', **more})


@both_databases
def test_view_lists_by_rule_order_and_columns_page_by_page(crm, anna, horses):
    with crm.write(anna) as db:
        saved = services.save_view(db, view(columns="name price", order_by="-price", group_by="colour", kind="board"))
        first = services.show_view(db, saved, limit=1)
        rest = services.show_view(db, saved, limit=1, after=first.page.next)

    assert [horse.name for horse in (*first.page.records, *rest.page.records)] == ["Amber", "Comet"]
    assert rest.page.next is None
    assert (first.columns, first.order_by, first.left_out) == (("name", "price"), ("-price",), ())
    assert first.groups == [{"colour": "bay", "count": 2}]


@both_databases
def test_view_is_shown_to_its_audience_alone(crm, anna, people, horses):
    bo = people.user("Bo", team="North", roles=["workspace.member", "ranch.everything"])
    eve = people.user("Eve", team="South", roles=["workspace.member", "ranch.everything"])
    with crm.write(anna) as db:
        for audience in ("own", "team", "everybody"):
            services.save_view(db, view(name=audience, audience=audience))

    def names(principal):
        with crm.read(principal) as db:
            return [each.name for each in services.views_of(db, Horse)]

    assert names(anna) == ["everybody", "own", "team"]
    assert names(bo) == ["everybody", "team"]
    assert names(eve) == ["everybody"]


def test_shared_view_answers_for_a_hidden_field_as_for_one_that_does_not_exist(crm, anna, people, horses):
    grants = [Grant("ranch.horse", ["read"], "all")]
    people.role("desk", grants, [Mask("ranch.horse", ["price"])])
    desk = people.user("Desk", roles=["desk", "workspace.viewer"])
    parts = {"audience": "everybody", "rule": None, "columns": "name {}", "order_by": "-{} name", "group_by": "{}"}
    with crm.write(anna) as db:
        hidden, unknown = (
            db.create(view(**{key: text and text.format(name) for key, text in parts.items()}))
            for name in ("price", "nosuch")
        )
        rules = [db.create(view(audience="everybody", rule=f"{name} > 1")) for name in ("price", "nosuch")]
        assert services.show_view(db, hidden).left_out == ()

    with crm.read(desk) as db:
        one, other = services.show_view(db, hidden), services.show_view(db, unknown)
        assert (one.left_out, other.left_out) == (("price",), ("nosuch",))
        assert one.page == other.page
        assert (one.columns, one.order_by, one.groups) == (other.columns, other.order_by, other.groups)
        messages = []
        for saved in rules:
            with pytest.raises(RuleError) as caught:
                services.show_view(db, saved)
            messages.append(str(caught.value).replace("nosuch", "price"))
        assert messages[0] == messages[1]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"listed": "ranch.nosuch"}, UnknownEntityError),
        ({"rule": "nosuch == 1"}, RuleError),
        ({"rule": "colour =="}, RuleError),
        ({"columns": "name nosuch"}, UnknownFieldError),
        ({"order_by": "-nosuch"}, UnknownFieldError),
        ({"group_by": "nosuch"}, UnknownFieldError),
    ],
)
def test_view_that_shows_nothing_to_its_author_is_not_saved(crm, anna, wrong, error):
    with crm.write(anna) as db:
        with pytest.raises(error):
            services.save_view(db, view(**wrong))
        assert db.find(View, View.f.listed == "ranch.horse") == []


@both_databases
def test_everybody_has_a_default_view_of_their_own_for_each_entity(crm, anna, people):
    bo = people.user("Bo", roles=["workspace.member", "ranch.everything"])
    with crm.write(anna) as db:
        shared = services.save_view(db, view(audience="everybody"))
        own = services.save_view(db, view(name="Own"))
        services.set_default_view(db, own)
        services.set_default_view(db, shared)
        assert services.default_view(db, Horse) == shared
        services.set_default_view(db, own)
    with crm.write(bo) as db:
        assert services.default_view(db, Horse) is None
        services.set_default_view(db, shared)
        with pytest.raises(NotFoundError):
            db.get(View, own.id)
    with crm.read(anna) as db:
        assert services.default_view(db, Horse) == own
    with crm.write(anna) as db:
        db.update(db.get(View, shared.id), audience="own")
    with crm.read(bo) as db:
        assert services.default_view(db, Horse) is None
