"""The views and the automation that the plugin ships."""

from __future__ import annotations

from datetime import date

import pytest

from crmkit import Reader, find_automation, settle_shipped, switch_automation
from crmkit.plugins.workspace.entities import View
from crmkit.plugins.workspace.services import default_view, set_default_view, show_view, views_of

from ..entities import Deal, Lead


@pytest.fixture
def shipped(crm):
    with crm.system("test") as db:
        return settle_shipped(db)


def named(db: Reader, entity: type, name: str) -> View:
    return next(view for view in views_of(db, entity) if view.name == name)


def test_everybody_gets_the_views_with_what_they_may_see(crm, staff, shipped):
    with crm.write(staff.anna) as db:
        later = db.create(Deal(name="Later", expected_close_on=date(2026, 9, 1)))
        sooner = db.create(Deal(name="Sooner", expected_close_on=date(2026, 7, 1)))
        set_default_view(db, named(db, Deal, "My open deals"))
    with crm.read(staff.anna) as db:
        mine = default_view(db, Deal)
        assert mine is not None
        page = show_view(db, mine)
        assert ([deal.id for deal in page.page.records], page.left_out) == ([sooner.id, later.id], ())
        board = show_view(db, named(db, Deal, "Open deals by stage"))
        assert board.groups == [{"stage": "prospecting", "count": 2}]
        assert show_view(db, named(db, Lead, "Open leads")).left_out == ()
    with crm.read(staff.bo) as db:
        assert show_view(db, named(db, Deal, "My open deals")).page.records == []


def test_views_are_named_in_the_companys_language(make_crm, clock):
    from crmkit import Company

    crm = make_crm("sales", "workspace", clock=clock, company=Company(locale="zh_CN"))
    with crm.system("test") as db:
        settle_shipped(db)
        assert {view.name for view in views_of(db, Deal)} == {"我的未结商机", "按阶段查看未结商机"}


def test_without_a_workspace_there_are_no_views(make_crm):
    with make_crm("sales").system("test") as db:
        assert settle_shipped(db) == []


def test_forgotten_lead_would_be_given_up_once_that_is_switched_on(crm, people, staff, clock):
    boss = people.user("Boss", roles=["core.administrator"])
    with crm.write(staff.anna) as db:
        lead = db.create(Lead(name="Nobody"))
    with crm.system("test") as db:
        assert not find_automation(db, "sales.give_up_forgotten_leads").is_active
        switch_automation(db, "sales.give_up_forgotten_leads", on=True)
    before = clock.now()
    clock.advance(days=91)

    (tried,) = crm.try_automation("sales.give_up_forgotten_leads", asker=boss, since=before)

    assert (tried.record_id, tried.outcome) == (lead.id, "done")
