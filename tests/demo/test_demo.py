"""The demo company: made by all plugins together, through their people's own rights."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from crmkit import FixedClock, Money, Principal, Team, User
from crmkit.cli.demo.history import create_demo
from crmkit.core.verifying.ledger import verify_ledger
from crmkit.plugins.customers.entities import Company, Contact, Interaction
from crmkit.plugins.sales.entities import Deal, Lead
from crmkit.plugins.sales.services import funnel
from crmkit.plugins.workspace.entities import Attendance, Comment, Meeting, MeetingSubject, Task, View

END = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLUGINS = ("workspace", "customers", "commerce", "sales")


def small_company(make_crm, seed=7):
    clock = FixedClock(END)
    crm = make_crm(*PLUGINS, clock=clock)
    return crm, create_demo(crm, clock, until=END, seed=seed, scale=0.05)


@pytest.fixture(scope="module")
def demo(_crm_maker):
    yield small_company(_crm_maker)
    _crm_maker.clear()


def as_person(person):
    return Principal(person.user.id, person.user.name)


@pytest.mark.long
def test_company_has_forty_people_in_teams_on_three_levels(demo):
    crm, people = demo
    with crm.system("look") as db:
        teams = {team.id: team for team in db.find(Team)}
        assert db.count(User) == 40

    def level(team):
        return 1 if team.parent_id is None else 1 + level(teams[team.parent_id])

    assert Counter(map(level, teams.values())) == {1: 1, 2: 3, 3: 9}
    assert Counter(person.job for person in people) == {"manager": 13, "agent": 26}


def test_every_kind_of_record_has_come_about(demo):
    crm, _people = demo
    with crm.system("look") as db:
        kinds = (Company, Contact, Interaction, Deal, Lead, Task, Comment, Meeting, MeetingSubject, Attendance, View)
        counts = {cls.__name__: db.count(cls) for cls in kinds}
        stages = {stage.slug: stage.count for stage in funnel(db).stages}

    assert all(counts.values()), counts
    assert min(stages["won"], stages["lost"], stages["prospecting"]) > 0


def test_history_is_two_years_long_and_made_by_people(demo):
    crm, _people = demo
    with crm.system("look") as db:
        deals = db.find(Deal, order_by="created_at")
        won = next(deal for deal in deals if deal.stage == "won")
        history = db.history(won)

    assert END - timedelta(days=730) <= deals[0].created_at < END - timedelta(days=365) < deals[-1].created_at <= END
    assert all(deal.created_by == deal.owner_id for deal in deals)
    assert {entry.kind for entry in history} >= {"create", "move"}
    assert len({entry.at for entry in history}) > 1


def test_what_people_see_adds_up(demo):
    crm, people = demo
    seen = {}
    for person in people:
        with crm.read(as_person(person)) as db:
            seen[person.user.name] = db.count(Deal)
    with crm.system("look") as db:
        everything = db.count(Deal)

    agents = [person.user.name for person in people if person.job == "agent"]
    berlin = ["Anna Lindner", "Tobias Krause", "Miriam Scholz"]
    assert seen["Helen Brandt"] == everything == sum(seen[name] for name in agents)
    assert seen["Franziska Vogel"] == sum(seen[name] for name in berlin)


def test_ledger_of_the_demo_verifies(demo):
    crm, _people = demo
    with crm.storage.reading() as connection:
        assert verify_ledger(connection, crm.schema) > 700


@pytest.mark.slow
def test_same_seed_makes_the_same_company_and_another_seed_another(make_crm):
    def story(seed):
        crm, _people = small_company(make_crm, seed)
        with crm.system("look") as db:
            deals = [(d.number, d.name, d.stage, str(d.amount), d.created_at) for d in db.find(Deal, order_by="number")]
            talks = [(talk.kind, talk.subject, talk.started_at) for talk in db.find(Interaction, order_by="started_at")]
        return deals, sorted(talks)

    first = story(1)
    assert first == story(1)
    assert first != story(2)


def test_company_that_counts_in_another_currency_sells_in_that_one(make_crm):
    from crmkit import Company as Business

    clock = FixedClock(END)
    crm = make_crm("sales", clock=clock, company=Business(currency="JPY"))
    create_demo(crm, clock, until=END, scale=0.01)

    with crm.system("look") as db:
        assert {deal.amount.currency for deal in db.find(Deal)} == {"JPY"}
        assert isinstance(db.find(Deal)[0].amount, Money)
