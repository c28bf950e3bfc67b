"""F01: an import that is killed goes on where it was: no half batch, nothing twice, nothing lost."""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from functools import partial

import pytest
import sqlalchemy as sa

from crmkit.core.policy.principal import Principal
from crmkit.core.progress import Meter
from crmkit.core.verifying.ledger import verify_ledger
from crmkit.testing import both_databases
from crmkit.transfer.importing import run_import
from crmkit.transfer.plan_file import read_plan
from crmkit.transfer.sources import open_source
from tests.transfer.crm_of_shop import import_in_small_batches
from tests.transfer.shop import SHOP

PLAN = """
name = "killed"
system = "old"
[formats]
timezone = "UTC"
[[step]]
name = "companies"
file = "companies.csv"
entity = "shop.company"
external_id = "{id}"
[step.fields]
name = "name"
founded = "founded"
parent_id = { external_id = "{parent}" }
[[step]]
name = "deals"
file = "deals.csv"
entity = "shop.deal"
external_id = "{id}"
[step.fields]
name = "name"
company_id = { external_id = "{company}" }
amount = { column = "amount", currency = "EUR" }
stage = "stage"
stage_entered_at = "entered"
"""
COMPANIES, DEALS = 150, 700


def files(folder):
    chance = random.Random(7)
    folder.mkdir()
    parents = [chance.choice(["", "", str(chance.randrange(COMPANIES))]) for _number in range(COMPANIES)]
    parents = ["" if parent and int(parent) <= number else parent for number, parent in enumerate(parents)]
    rows = [f"{n},Company {n},{1900 + n},{parent}" for n, parent in enumerate(parents)]
    (folder / "companies.csv").write_text("id,name,founded,parent\n" + "\n".join(rows))
    amounts = ["x" if n % 50 == 0 else n for n in range(DEALS)]
    rows = [
        f"{n},Deal {n},{chance.randrange(COMPANIES)},{amount},{chance.choice(['new', 'won'])},2020-01-02"
        for n, amount in enumerate(amounts)
    ]
    (folder / "deals.csv").write_text("id,name,company,amount,stage,entered\n" + "\n".join(rows))
    return folder


def run_until_done(crm, plan, source, chance, kills) -> int:
    """Start the import and kill it at a random moment, until one comes through; return how often it was killed."""
    url = crm.storage.url.render_as_string(hide_password=False)
    crm.storage.dispose()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["crmkit.core.crm", "crmkit.transfer.importing"])
    killed = 0
    while True:
        started = context.Event()
        child = context.Process(target=import_in_small_batches, args=(url, plan, source, started))
        child.start()
        assert started.wait(60)
        child.join(chance.uniform(0.0, 0.25) if killed < kills else 120)
        if child.exitcode is not None:
            assert child.exitcode == 0
            return killed
        child.kill()
        child.join()
        killed += 1


def check(crm, plan, source):
    rejected = {n for n in range(DEALS) if n % 50 == 0}
    with crm.storage.reading() as connection:
        names = connection.scalars(sa.text("SELECT name FROM shop_deal")).all()
        assert Counter(names) == Counter(f"Deal {n}" for n in range(DEALS) if n not in rejected)
        assert connection.scalar(sa.text("SELECT count(*) FROM shop_company")) == COMPANIES
        written = COMPANIES + DEALS - len(rejected)
        assert connection.scalar(sa.text("SELECT count(*) FROM core_external_id")) == written
        assert connection.scalar(sa.text("SELECT count(*) FROM core_stage_visit")) == len(names)
        assert verify_ledger(connection, crm.schema) == written
        assert (
            connection.scalar(
                sa.text("SELECT count(*) FROM core_checkpoint WHERE key <> 'core.events' AND key NOT LIKE 'search:%'")
            )
            == 0
        )
    with open_source(source / "deals.errors.csv") as errors:
        assert [row.cells[0] for row in errors.rows()] == [str(n) for n in sorted(rejected)]
    assert sorted(path.name for path in source.iterdir()) == ["companies.csv", "deals.csv", "deals.errors.csv"]
    again = run_import(crm, Principal(None, "system", "import"), read_plan(plan), source)
    assert [(step.created, step.updated) for step in again.steps] == [(0, 0), (0, 0)]


@both_databases
@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_f01_an_import_killed_at_any_moment_goes_on_where_it_was(tmp_path, make_crm, database, kills):
    chance = random.Random(kills)
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    killed = round_number = 0
    while killed < kills:
        round_number += 1
        source = files(tmp_path / f"source{round_number}")
        crm = make_crm(SHOP, database=database)
        killed += run_until_done(crm, plan, source, chance, kills - killed)
        check(crm, plan, source)


@pytest.fixture
def step_by_step(monkeypatch):
    """Small batches, and progress is shown after each, however fast they are: where a run is stopped is no chance."""
    monkeypatch.setattr("crmkit.transfer.batches._MOST", 50)
    monkeypatch.setattr("crmkit.transfer.importing.Meter", partial(Meter, interval=0))


@pytest.mark.usefixtures("step_by_step")
def test_a_resumed_run_reports_the_whole_import(tmp_path, crm):
    source = files(tmp_path / "source")
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)

    for where in (("companies", 60), ("deals", 100), ("deals", 200)):

        def stop(state, where=where):
            if state.step == where[0] and state.rows >= where[1]:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_import(crm, Principal(None, "system", "import"), read_plan(plan), source, show=stop)
    report = run_import(crm, Principal(None, "system", "import"), read_plan(plan), source)

    assert report.resumed
    assert [(s.rows, s.created, s.unchanged, s.rejected) for s in report.steps] == [
        (COMPANIES, COMPANIES, 0, 0),
        (DEALS, DEALS - 14, 0, 14),
    ]
    assert report.files[1].rejected == 14
    check(crm, plan, source)


@pytest.mark.usefixtures("step_by_step")
def test_other_files_begin_from_the_start(tmp_path, crm):
    source = files(tmp_path / "source")
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)

    def stop(state):
        if state.step == "deals" and state.rows >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_import(crm, Principal(None, "system", "import"), read_plan(plan), source, show=stop)
    with (source / "deals.csv").open("a") as file:
        file.write("\nlast,Last,1,1,new,2020-01-02\n")
    report = run_import(crm, Principal(None, "system", "import"), read_plan(plan), source)

    assert not report.resumed
    assert report.steps[1].rows == DEALS + 1
    assert report.steps[1].unchanged > 0


@pytest.fixture
def interrupted(tmp_path, crm, step_by_step):
    """Stop an import in the middle, with rejected rows behind it; return what starts it again."""
    source = files(tmp_path / "source")
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()

    def run(errors, show=None):
        return run_import(crm, Principal(None, "system", "import"), read_plan(plan), source, errors=errors, show=show)

    def stop(state):
        if state.step == "deals" and state.rows >= 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "first", stop)
    return run


def refused(folder):
    with open_source(folder / "deals.errors.csv") as errors:
        return [row.cells[0] for row in errors.rows()]


def test_another_folder_for_error_files_gets_every_rejected_row(tmp_path, interrupted):
    report = interrupted(tmp_path / "second")

    assert refused(tmp_path / "second") == [str(n) for n in range(0, DEALS, 50)]
    assert (report.resumed, report.steps[1].rejected, report.files[1].rejected) == (False, 14, 14)
    assert list((tmp_path / "first").iterdir()) == []


def test_rejected_rows_that_somebody_removed_are_rejected_again(tmp_path, interrupted):
    for path in (tmp_path / "first").iterdir():
        path.unlink()
    report = interrupted(tmp_path / "first")

    assert refused(tmp_path / "first") == [str(n) for n in range(0, DEALS, 50)]
    assert (report.resumed, report.steps[1].rejected) == (False, 14)


def test_the_same_folder_under_another_name_is_the_same(tmp_path, interrupted):
    assert interrupted(tmp_path / "second" / ".." / "first").resumed
    assert refused(tmp_path / "first") == [str(n) for n in range(0, DEALS, 50)]
