"""Dry runs: writers each of which sees what those before it wrote, and of which nothing is kept."""

import pytest

from crmkit import Grant, Membership
from crmkit.testing import both_databases
from tests.core.atelier import Commission


@both_databases
def test_dry_run_uses_up_no_number_and_keeps_nothing(crm, master):
    with crm.dry_run(master) as dry:
        with dry.write() as db:
            made = db.create(Commission(title="Portrait"))
        with dry.write() as db:
            assert db.get(Commission, made.id).number == made.number
    with crm.write(master) as db:
        assert db.count(Commission) == 0
        assert db.create(Commission(title="Portrait")).number == "K-000001"


@both_databases
def test_writer_of_a_dry_run_has_the_rights_that_those_before_it_gave_and_loses_them_at_its_end(crm, people, master):
    people.role(
        "reader", [Grant("atelier.commission", ["read"], "team"), Grant("core.membership", ["read", "create"], "all")]
    )
    anna = people.user("Anna", team="North", roles=["reader"])
    south = people.team("South")
    with crm.system("test") as db:
        db.create(Commission(title="Theirs", team_id=south.id))
    with crm.dry_run(anna) as dry:
        with dry.write() as db:
            assert db.count(Commission) == 0
            db.create(Membership(user_id=anna.user_id, team_id=south.id))
        with dry.write() as db:
            assert db.count(Commission) == 1
    with crm.read(anna) as db:
        assert db.count(Commission) == 0


@both_databases
def test_others_write_beside_a_dry_run(crm, master):
    with crm.dry_run(master) as dry, dry.write() as trying:
        trying.create(Commission(title="Tried"))
        with crm.write(master) as db:
            db.create(Commission(title="Kept"))
    with crm.read(master) as db:
        assert [commission.title for commission in db.find(Commission)] == ["Kept"]


@both_databases
def test_two_dry_runs_wait_for_each_other_no_more_than_others_do(crm, master):
    with crm.dry_run(master) as one, crm.dry_run(master) as other:
        with one.write() as db:
            db.create(Commission(title="One"))
        with other.write() as db:
            db.create(Commission(title="Other"))
            assert [commission.title for commission in db.find(Commission)] == ["Other"]


def test_dry_run_ends_with_the_error_of_its_writer(crm, master):
    with pytest.raises(ZeroDivisionError), crm.dry_run(master) as dry, dry.write() as db:
        db.create(Commission(title="Tried"))
        raise ZeroDivisionError
    with crm.read(master) as db:
        assert db.count(Commission) == 0
