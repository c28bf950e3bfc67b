from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from crmkit import ForbiddenError, Money, NotFoundError, Refusal, ValidationError, WriteRefusedError
from crmkit.plugins.commerce.entities import Product
from crmkit.plugins.customers.entities import Company
from crmkit.plugins.workspace.entities import Task
from crmkit.testing import both_databases

from .. import services
from ..entities import Deal


def moved(db, deal, *stages):
    for stage in stages:
        deal = db.move(deal, stage)
    return deal


def test_deal_begins_in_prospecting_with_a_number(crm, anna):
    with crm.write(anna) as db:
        deal = db.create(Deal(name="Pilot"))

    assert (deal.pipeline, deal.stage, deal.stage_kind, deal.number) == (
        "sales.default",
        "prospecting",
        "open",
        "D-000001",
    )
    assert (deal.engaged_on, deal.closed_on) == (None, None)


@both_databases
def test_deal_goes_from_prospecting_to_won(crm, anna, new_deal, clock):
    with crm.write(anna) as db:
        deal = moved(db, new_deal(db), "engaging", "proposal")
    clock.advance(days=10)
    with crm.write(anna) as db:
        deal = services.win(db, deal)

    assert (deal.stage, deal.stage_kind) == ("won", "won")
    assert (deal.engaged_on, deal.closed_on) == (date(2026, 3, 2), date(2026, 3, 12))


def test_days_are_those_of_the_zone_of_whoever_moves_the_deal(crm, staff, new_deal, clock):
    clock.travel(datetime(2026, 3, 2, 22, tzinfo=UTC))
    with crm.write(staff.mei) as db:
        assert moved(db, new_deal(db), "engaging").engaged_on == date(2026, 3, 3)


def test_day_that_somebody_gave_is_kept(crm, anna, new_deal):
    with crm.write(anna) as db:
        deal = moved(db, new_deal(db, engaged_on=date(2026, 2, 1)), "engaging")
        deal = services.win(db, deal, closed_on=date(2026, 2, 27), amount=Money.of(900, "EUR"))

    assert (deal.engaged_on, deal.closed_on, str(deal.amount)) == (date(2026, 2, 1), date(2026, 2, 27), "900.00 EUR")


def test_proposal_needs_a_company_and_an_amount(crm, anna):
    with crm.write(anna) as db:
        deal = moved(db, db.create(Deal(name="Pilot")), "engaging")
        with pytest.raises(Refusal, match="fields are missing") as caught:
            db.move(deal, "proposal")

    assert caught.value.missing == ("company_id", "amount")
    assert caught.value.allowed == ("prospecting", "proposal", "won", "lost")


def test_proposal_needs_an_amount_above_nothing(crm, anna, new_deal):
    with crm.write(anna) as db:
        deal = moved(db, new_deal(db, amount=0), "engaging")
        with pytest.raises(Refusal, match="a guard refuses") as caught:
            db.move(deal, "proposal")

    assert caught.value.guards == ("amount > 0",)


def test_deal_cannot_be_won_from_prospecting(crm, anna, new_deal):
    with crm.write(anna) as db, pytest.raises(Refusal, match="there is no such move") as caught:
        services.win(db, new_deal(db))

    assert caught.value.allowed == ("engaging", "lost")


def test_losing_asks_for_a_reason(crm, anna, new_deal):
    with crm.write(anna) as db:
        deal = new_deal(db)
        with pytest.raises(Refusal, match=r"fields are missing.*lost_reason"):
            db.move(deal, "lost")

        deal = services.lose(db, deal, "competitor", description="They were cheaper")
    assert (deal.stage, deal.lost_reason, deal.closed_on) == ("lost", "competitor", date(2026, 3, 2))


def test_refusals_are_said_in_the_language_of_the_reader(crm, anna, new_deal, clock):
    with crm.write(anna) as db:
        deal = new_deal(db)
        with pytest.raises(Refusal) as refused:
            db.move(deal, "lost")
        with pytest.raises(WriteRefusedError) as refused_by_hook:
            services.lose(db, deal, "price", closed_on=clock.now().date() + timedelta(days=1))

    assert "有字段未填写" in refused.value.localized("zh_CN")
    assert "商机的关闭日期不能是将来的日期" in refused_by_hook.value.localized("zh_CN")


def test_unknown_reason_for_losing_is_refused(crm, anna, new_deal):
    with (
        crm.write(anna) as db,
        pytest.raises(ValidationError, match="lost_reason: .* the reasons are price, competitor"),
    ):
        services.lose(db, new_deal(db), "bad weather")


def test_deal_that_other_systems_lost_needs_no_reason(crm, anna):
    with crm.write(anna) as db:
        deal = db.create(
            Deal(name="Old", stage="lost", engaged_on=date(2016, 11, 4), closed_on=date(2016, 12, 1), amount=None)
        )

    assert (deal.stage_kind, deal.closed_on, deal.lost_reason) == ("lost", date(2016, 12, 1), None)


def test_deal_may_be_created_won_with_what_won_requires(crm, anna):
    with crm.write(anna) as db:
        company = db.create(Company(name="Cancity"))
        won = {"stage": "won", "company_id": company.id, "amount": Money.of(1054, "EUR")}
        deal = db.create(Deal(name="GTX", engaged_on=date(2016, 10, 20), closed_on=date(2017, 3, 1), **won))
        with pytest.raises(Refusal, match="company_id"):
            db.create(Deal(name="GTX", stage="won", amount=Money.of(1, "EUR")))

    assert (deal.engaged_on, deal.closed_on) == (date(2016, 10, 20), date(2017, 3, 1))


def test_reopened_deal_forgets_how_it_was_closed(crm, anna, new_deal):
    with crm.write(anna) as db:
        deal = services.reopen(db, services.lose(db, moved(db, new_deal(db), "engaging"), "price"))

    assert (deal.stage, deal.closed_on, deal.lost_reason, deal.engaged_on) == (
        "engaging",
        None,
        None,
        date(2026, 3, 2),
    )


def test_won_deal_is_reopened_only_by_whoever_leads(crm, staff, new_deal):
    with crm.write(staff.anna) as db:
        deal = services.win(db, moved(db, new_deal(db), "engaging"))
        with pytest.raises(Refusal, match="a role is required") as caught:
            services.reopen(db, deal)

    assert "sales.manager" in caught.value.guards
    with crm.write(staff.chief) as db:
        assert services.reopen(db, db.get(Deal, deal.id)).stage == "engaging"


def test_hook_check_move_refuses_a_closing_day_still_to_come(crm, anna, new_deal, clock):
    with crm.write(anna) as db:
        deal = moved(db, new_deal(db), "engaging")
        tomorrow = clock.now().date() + timedelta(days=1)
        with pytest.raises(WriteRefusedError, match="sales: a deal is not closed on a day still to come"):
            services.win(db, deal, closed_on=tomorrow)


def test_hook_check_write_refuses_a_closing_day_still_to_come_however_it_is_written(crm, anna, clock):
    today = clock.now().date()
    with crm.write(anna) as db:
        company = db.create(Company(name="Cancity"))
        won = {"name": "GTX", "stage": "won", "company_id": company.id, "amount": Money.of(1054, "EUR")}
        with pytest.raises(WriteRefusedError, match="sales: a deal is not closed on a day still to come"):
            db.create(Deal(**won, closed_on=today + timedelta(days=1)))
        deal = db.create(Deal(**won, closed_on=today))
        with pytest.raises(WriteRefusedError, match="sales: a deal is not closed on a day still to come"):
            db.update(deal, closed_on=today + timedelta(days=1))
        assert db.update(deal, closed_on=today - timedelta(days=1), name="GTX 2").version == 2


@both_databases
def test_proposal_asks_the_owner_to_send_it_in_the_owners_language(crm, staff, new_deal):
    with crm.write(staff.mei) as db:
        deal = moved(db, new_deal(db), "engaging", "proposal")

        [task] = db.find(Task)
    assert (task.title, task.due_on) == ("发送报价方案", date(2026, 3, 5))
    assert (task.owner_id, task.regarding.id) == (staff.mei.user_id, deal.id)


def test_deal_names_the_product_it_is_about(crm, anna, staff):
    with crm.system("catalogue") as db:
        pump = db.create(Product(name="Pump"))
    with crm.write(anna) as db:
        deal = db.create(Deal(name="Pilot", product_id=pump.id))

        assert db.find(Deal, 'product.name == "Pump"') == [deal]


def test_agent_sees_own_deals_and_manager_those_of_all_teams_below(crm, staff, new_deal):
    for person in (staff.anna, staff.bo, staff.mei):
        with crm.write(person) as db:
            new_deal(db, person.name)

    seen = {}
    for name, person in vars(staff).items():
        with crm.read(person) as db:
            seen[name] = [deal.name for deal in db.find(Deal, order_by="id")]
    assert seen == {
        "anna": ["Anna"],
        "bo": ["Bo"],
        "mei": ["梅"],
        "chief": ["Anna", "Bo"],
        "admin": ["Anna", "Bo", "梅"],
    }


def test_agent_neither_deletes_nor_gives_away_a_deal(crm, staff, new_deal):
    with crm.write(staff.anna) as db:
        deal = new_deal(db)
        with pytest.raises(ForbiddenError, match="you may not delete"):
            db.delete(deal)
        with pytest.raises(ForbiddenError, match="you may not transfer"):
            db.transfer(deal, staff.bo.user_id)


def test_manager_gives_a_deal_to_another_of_the_team(crm, staff, new_deal):
    with crm.write(staff.anna) as db:
        deal = new_deal(db)
    with crm.write(staff.chief) as db:
        db.transfer(db.get(Deal, deal.id), staff.bo.user_id)

    with crm.read(staff.anna) as db, pytest.raises(NotFoundError):
        db.get(Deal, deal.id)
    with crm.read(staff.bo) as db:
        assert db.get(Deal, deal.id).owner_id == staff.bo.user_id


def test_shared_deal_is_seen_by_whom_it_is_shared_with(crm, staff, new_deal):
    with crm.write(staff.anna) as db:
        deal = new_deal(db)
        db.share(deal, user=staff.mei.user_id)

    with crm.read(staff.mei) as db:
        assert db.get(Deal, deal.id).name == "Pilot"
