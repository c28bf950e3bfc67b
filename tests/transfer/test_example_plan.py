"""The example plan imports an export of the shape that its files describe."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest
import sqlalchemy as sa

from crmkit.core.verifying.ledger import verify_ledger
from crmkit.testing import People
from crmkit.transfer.importing import run_import
from crmkit.transfer.plan_file import parse_plan, read_plan

PLAN = Path(__file__).parents[2] / "examples" / "sales-opportunities" / "plan.toml"
PRODUCTS = ("GTX Basic", "GTX Pro", "MG Special")


@pytest.fixture
def sales(make_crm):
    return make_crm("sales", "workspace")


@pytest.fixture
def export(tmp_path):
    """An export of 3 offices, 4 managers, 8 agents, 6 companies, 3 products and 90 deals."""
    chance = random.Random(3)
    agents = [(f"Agent {n}", f"Manager {n % 4}", f"Office {n % 4 % 3}") for n in range(8)]
    lines = {
        "sales_teams": ["sales_agent,manager,regional_office", *map(",".join, agents)],
        "products": ["product,series,sales_price", *(f"{name},{name.split()[0]},550" for name in PRODUCTS)],
        "accounts": [
            "account,sector,year_established,revenue,employees,office_location,subsidiary_of",
            "Zero,technolgy,1996,1100.04,2822,Philipines,Five",
            *(f"{name},retail,2001,{n}.5,12,Kenya," for n, name in enumerate(("One", "Two", "Three", "Four", "Five"))),
        ],
        "sales_pipeline": [
            "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value",
            *(deal(chance, n) for n in range(90)),
        ],
    }
    for name, rows in lines.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def deal(chance: random.Random, number: int) -> str:
    stage = ("Won", "Lost", "Engaging", "Prospecting")[number % 4]
    product = ("GTX Basic", "GTXPro", "MG Special")[number % 3]
    engaged = "" if stage == "Prospecting" else f"10/{chance.randint(1, 28)}/2016"
    closed, value = (
        (f"3/{chance.randint(1, 28)}/2017", "100" if stage == "Won" else "0") if number % 4 < 2 else ("", "")
    )
    account = "" if number % 8 == 3 else chance.choice(("Zero", "One", "Five"))
    return f"ID{number},Agent {number % 8},{product},{account},{stage},{engaged},{closed},{value}"


def test_the_example_plan_imports_its_export_and_a_second_run_writes_nothing(sales, export, system):
    report = run_import(sales, system, read_plan(PLAN), export)

    assert {step.name: step.created for step in report.steps} == {
        "regional offices": 3,
        "managers' teams": 4,
        "managers": 4,
        "agents": 8,
        "managers' role": 4,
        "agents' role": 8,
        "managers are members": 4,
        "agents are members": 8,
        "companies": 6,
        "products": 3,
        "prices": 3,
        "deals": 90,
    }
    assert report.rejected == 0
    with sales.storage.reading() as connection:
        ledger = verify_ledger(connection, sales.schema)
        stages = dict(connection.execute(sa.text("SELECT stage, count(*) FROM sales_deal GROUP BY stage")).all())
        won = connection.scalar(sa.text("SELECT sum(amount_minor) FROM sales_deal WHERE stage = 'won'"))
        parents = connection.scalar(sa.text("SELECT count(*) FROM customers_company WHERE parent_id IS NOT NULL"))
        revenue = connection.scalar(sa.text("SELECT revenue_minor FROM customers_company WHERE name = 'Zero'"))
    assert (stages, won, parents) == ({"won": 23, "lost": 23, "engaging": 22, "prospecting": 22}, 230_000, 1)
    assert revenue == 110_004_000_000

    again = run_import(sales, system, read_plan(PLAN), export).as_dict()

    assert {(file["created"], file["updated"]) for file in again["files"]} == {(0, 0)}
    with sales.storage.reading() as connection:
        assert verify_ledger(connection, sales.schema) == ledger


def test_an_administrator_imports_the_history_of_deals_as_the_system_does(sales, export):
    ada = People(sales).user("Ada", roles=["core.administrator"])

    report = run_import(sales, ada, read_plan(PLAN), export)

    assert report.rejected == 0
    with sales.storage.reading() as connection:
        won = connection.scalar(sa.text("SELECT max(stage_entered_at) FROM sales_deal WHERE stage = 'won'"))
    assert str(won) < "2017-04"


def test_agents_managers_and_administrators_see_numbers_that_add_up(sales, export, system):
    run_import(sales, system, read_plan(PLAN), export)
    deal = sales.registry.entity("sales.deal").cls

    def count(name: str) -> int:
        with sales.read(sales.principal(name)) as db:
            return db.count(deal)

    agents = [count(f"Agent {number}") for number in range(8)]
    assert sum(agents) == 90
    assert [count(f"Manager {number}") for number in range(4)] == [agents[n] + agents[n + 4] for n in range(4)]


def test_without_the_value_map_the_rows_are_refused_and_their_error_file_is_imported_alone(sales, export, system):
    text = PLAN.read_text("utf-8")
    without = parse_plan(text.replace('GTXPro = "GTX Pro"', ""), PLAN)

    report = run_import(sales, system, without, export)

    (file,) = (file for file in report.files if file.file == "sales_pipeline.csv")
    assert (file.created, file.rejected) == (60, 30)
    assert report.problems[0].place() == "sales_pipeline.csv, line 3, column 'product'"
    assert report.problems[0].why() == "there is no Product with sales-export id 'GTXPro'"
    alone = run_import(sales, system, parse_plan(text, PLAN), Path(file.errors))
    assert [(step.name, step.created) for step in alone.steps] == [("deals", 30)]
    assert not Path(file.errors).exists()


def test_the_example_plan_names_every_step():
    steps = tomllib.loads(PLAN.read_text("utf-8"))["step"]

    assert all("name" in step for step in steps)
