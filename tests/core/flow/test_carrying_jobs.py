"""Carrying records over is work for a worker: it tells how far it is, and what dies half-way is gone on with."""

import pytest

from crmkit import ForbiddenError, UnknownPipelineError, carry_over, plan_carry_over
from crmkit.core.publishing.carrying import CARRY_OVER
from crmkit.testing import both_databases
from tests.core.flow.carrying_killed import carry
from tests.core.flow.shop import Bid
from tests.core.flow.test_publishing import EURO, admin, home, publish, shorter  # noqa: F401
from tests.faults.processes import run


@pytest.fixture
def offered(shop, staff, admin, home):  # noqa: F811
    """Seven bids in a stage that the newest version does not have."""
    with shop.write(staff.anna) as db:
        made = db.create_many([Bid(stage="offered", price=EURO) for _each in range(7)])
    publish(shop, admin, shorter(home), mapping={"offered": "sent"})
    return made


def stages(crm, who):
    with crm.read(who) as db:
        found = [bid.stage for bid in db.find(Bid)]
    return {slug: found.count(slug) for slug in found}


@both_databases
def test_worker_carries_over_what_was_planned_and_tells_how_far_it_is(shop, staff, admin, offered, make_worker):  # noqa: F811
    with shop.write(admin) as db:
        job = plan_carry_over(db, "shop.home")
    assert stages(shop, staff.anna) == {"offered": 7}
    make_worker(shop).run_until_idle()

    assert stages(shop, staff.anna) == {"sent": 7}
    with shop.read(admin) as db:
        done = db.jobs.get(job)
        assert (done.state, done.progress) == ("done", {"done": 7, "total": 7, "note": ""})
    with shop.system("look") as db:
        assert CARRY_OVER.id in db.history(offered[0])[-1].cause


@both_databases
def test_worker_that_is_killed_half_way_leaves_the_rest_to_the_next(shop, staff, admin, offered, clock, make_worker):  # noqa: F811
    with shop.write(admin) as db:
        job = plan_carry_over(db, "shop.home")
    assert run(carry, shop.config.database.url, 2) == -9
    assert stages(shop, staff.anna) == {"sent": 4, "offered": 3}
    with shop.read(admin) as db:
        assert db.jobs.get(job).progress == {"done": 4, "total": 7, "note": ""}

    # The lease of the dead one comes to its end first.
    clock.advance(minutes=2)
    make_worker(shop).run_until_idle()

    assert stages(shop, staff.anna) == {"sent": 7}
    with shop.read(admin) as db:
        assert (db.jobs.get(job).state, db.jobs.get(job).progress["done"]) == ("done", 7)
        assert [len(db.visits(bid)) for bid in offered] == [2] * 7
    assert carry_over(shop, "shop.home").moved == 0


def test_only_who_edits_pipelines_plans_it_and_only_for_one_that_there_is(shop, staff, admin):  # noqa: F811
    with shop.write(staff.anna) as db, pytest.raises(ForbiddenError):
        plan_carry_over(db, "shop.home")
    with shop.write(admin) as db, pytest.raises(UnknownPipelineError, match=r"shop\.home"):
        plan_carry_over(db, "shop.nosuch")
