"""What the README promises to somebody who just installed crmkit, command by command."""

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

PLAN = Path(__file__).parents[2] / "examples" / "sales-opportunities" / "plan.toml"
FILES = {
    "sales_teams": """\
        sales_agent,manager,regional_office
        Anna Snelling,Dustin Brinkmann,Central
        Cecily Lampkin,Dustin Brinkmann,Central
        王芳,Celia Rouche,West""",
    "accounts": """\
        account,sector,year_established,revenue,employees,office_location,subsidiary_of
        Acme Corporation,technolgy,1996,1100.04,2822,United States,
        Warephase,retail,1997,2041.73,5276,United States,Acme Corporation""",
    "products": """\
        product,series,sales_price
        GTX Basic,GTX,550
        GTX Pro,GTX,4821""",
    "sales_pipeline": """\
        opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value
        A1,Anna Snelling,GTX Basic,Acme Corporation,Won,10/20/2016,3/1/2017,1054
        A2,Anna Snelling,GTXPro,Acme Corporation,Engaging,10/25/2016,,
        A3,Cecily Lampkin,GTX Pro,Warephase,Lost,10/25/2016,3/11/2017,0
        A4,王芳,GTX Basic,Warephase,Won,10/25/2016,3/11/2017,500
        A5,王芳,GTX Basic,,Prospecting,,,""",
}


@pytest.fixture(scope="module")
def _acme(tmp_path_factory):
    from crmkit.cli.project import Project, make_project, plugins_without
    from crmkit.core.configuration.config import Company

    folder = tmp_path_factory.mktemp("newcomer") / "acme"
    make_project(folder, Project(Company("Acme"), plugins_without([]), "Administrator"))
    source = folder / "old"
    source.mkdir()
    for name, text in FILES.items():
        (source / f"{name}.csv").write_text("\n".join(map(str.strip, text.splitlines())) + "\n", "utf-8")
    return folder


@pytest.fixture
def acme(_acme, elsewhere, monkeypatch):
    """Stand in the folder of a new CRM with all plugins, beside the files of an old one."""
    shutil.copytree(_acme, elsewhere / "acme")
    monkeypatch.chdir(elsewhere / "acme")


def test_new_company_is_healthy_with_every_plugin(crmkit, acme):
    assert {row["status"] for row in crmkit("doctor", "--json").json} == {"ok"}


@pytest.mark.long
def test_export_of_another_crm_comes_in_once_and_everybody_sees_their_part(crmkit, acme):
    plan = ("import", "--plan", PLAN, "--source", "old", "--json")
    assert crmkit(*plan, "--dry-run").json["created"] > 0
    assert crmkit("sales", "funnel", "--json").json["count"] == 0
    report = crmkit(*plan).json
    assert (report["rejected"], report["files"][-1]["created"]) == (0, 5)
    ledger = crmkit("ledger", "verify", "--json").json

    again = crmkit(*plan).json
    assert [(file["created"], file["updated"]) for file in again["files"]] == [(0, 0)] * 4
    assert crmkit("ledger", "verify", "--json").json == ledger

    def funnel(person):
        shown = crmkit("sales", "funnel", "--json", "--as", person).json
        return shown["count"], {stage["stage"]: stage["count"] for stage in shown["stages"] if stage["count"]}

    assert funnel("Administrator") == (5, {"prospecting": 1, "engaging": 1, "won": 2, "lost": 1})
    assert funnel("Anna Snelling") == (2, {"engaging": 1, "won": 1})
    assert funnel("Cecily Lampkin") == (1, {"lost": 1})
    assert funnel("Dustin Brinkmann") == (3, {"engaging": 1, "won": 1, "lost": 1})
    assert funnel("王芳") == funnel("Celia Rouche") == (2, {"prospecting": 1, "won": 1})


@pytest.mark.long
def test_record_is_explained_by_its_number(crmkit, acme):
    crmkit("import", "--plan", PLAN, "--source", "old")
    lines = crmkit("export", "sales.deal", "--fields", "number,owner.name", "--order-by", "number").stdout.split()
    first = lines[1].partition(",")[0]
    assert first == "D-000001"

    yes = crmkit("explain", "Dustin Brinkmann", "read", first).stdout.splitlines()
    assert yes[0] == "Yes: Dustin Brinkmann may read sales.deal D-000001."
    for typed in ("d-000001", "D-1", "sales.deal/d-000001"):
        assert crmkit("explain", "Dustin Brinkmann", "read", typed).stdout.splitlines() == yes
    assert "sales.deal: there is no record 'd-9'." in crmkit("explain", "王芳", "read", "d-9", code=1).stderr
    no = crmkit("explain", "王芳", "read", first, "--json").json
    assert (no["answer"], no["record"]) == ("no", "D-000001")
    assert {change["kind"] for change in no["changes"]} >= {"own", "role", "grant", "share"}


def test_move_that_is_refused_names_the_deal(crmkit, acme):
    crmkit("shell", "-c", "with write() as db: db.create(Deal(name='Pumps'))")
    move = "with write() as db: db.move(db.get(Deal, 'D-000001'), 'won')"
    error = crmkit("shell", "-c", move, code=1).stderr
    assert error.startswith("Error [move-refused]: sales.default: cannot move 'D-000001 Pumps' from 'prospecting'")


@pytest.mark.long
def test_history_shows_money_as_people_write_it(crmkit, acme):
    crmkit("shell", "-c", "with write() as db: db.create(Deal(name='Pumps', amount=crmkit.Money.of('1234.50', 'EUR')))")
    assert "  amount: 1,234.50 EUR" in crmkit("history", "D-000001").stdout.splitlines()


@pytest.mark.long
def test_demo_shows_a_company_and_what_three_people_see(crmkit, elsewhere):
    shown = crmkit("demo", "demo", "--scale", "0.01", "--until", "2026-03-02")
    assert "deals in sales.default" in shown.stdout
    assert "What three different people see:" in shown.stdout
    assert "crmkit sales funnel --as" in shown.stdout

    assert "holds a CRM already, which is shown as it is." in crmkit("demo", "demo").stderr
    again = crmkit("demo", "demo", "--json").json
    assert len(again["people"]) == 3
    for row in again["sees"]:
        bottom, middle, top = (row[name] for name in again["people"])
        assert bottom <= middle <= top <= row["all"]


@pytest.mark.slow
def test_demo_of_today_is_the_same_all_day(crmkit, elsewhere):
    made = crmkit("demo", "one", "--scale", "0.01", "--json").json
    today = datetime.now(UTC).date().isoformat()
    assert crmkit("demo", "two", "--scale", "0.01", "--until", today, "--json").json["sees"] == made["sees"]


@pytest.mark.long
def test_demo_without_sales_suggests_nothing_of_sales(crmkit, elsewhere):
    shown = crmkit("demo", "demo", "--scale", "0.01", "--without", "sales").stdout
    assert "What to try next:" in shown
    assert "crmkit sales" not in shown


def test_demo_says_where_the_command_is_that_the_shell_does_not_find(crmkit, elsewhere, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    lines = crmkit("demo", "demo", "--scale", "0.001", "--no-plugins").stdout.splitlines()
    source, folder = lines[lines.index("What to try next:") + 1 :][:2]
    assert folder == "  cd demo"
    assert Path(source.removeprefix("  source ")).samefile(Path(sys.prefix) / "bin" / "activate")
