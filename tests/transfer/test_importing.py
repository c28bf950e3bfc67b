from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from crmkit import Assignment, Money, Target, Team, User
from crmkit.core.verifying.ledger import verify_ledger
from crmkit.testing import both_databases
from crmkit.transfer.errors import ImportRunningError, MissingColumnsError, PlanError, SourceError, SourceMissingError
from crmkit.transfer.sources import open_source
from crmkit.transfer.writers import write_rows
from tests.transfer.shop import Company, Deal, Note

COMPANIES = """
name = "demo"
system = "old"
[[step]]
name = "companies"
file = "companies.csv"
entity = "shop.company"
external_id = "{id}"
[step.fields]
name = "name"
city = "city"
founded = "founded"
parent_id = { external_id = "{parent}" }
"""
DEALS = """
name = "demo"
system = "old"
[formats]
date = "%m/%d/%Y"
timezone = "Europe/Berlin"
[[step]]
name = "deals"
file = "deals.csv"
entity = "shop.deal"
external_id = "{id}"
[step.fields]
name = "title"
company_id = { find = "name", column = "company" }
owner_id = { find = "name", column = "agent" }
amount = "value"
stage = "stage"
stage_entered_at = { first = ["closed", "opened"] }
closed_on = "closed"
"""
ROWS = "id,name,city,founded,parent\n1,Acme,Berlin,1990,\n2,Globex,上海,2001,1\n"


@pytest.fixture
def all_of(crm):
    def read(entity):
        with crm.system("test") as db:
            return db.find(entity, order_by="id")

    return read


@pytest.fixture
def ledger_rows(crm):
    def count():
        with crm.storage.reading() as connection:
            return verify_ledger(connection, crm.schema)

    return count


def counts(report, step=0):
    found = report.steps[step]
    return (found.rows, found.created, found.updated, found.unchanged, found.skipped, found.rejected)


def reasons(path):
    with open(path, encoding="utf-8-sig") as file:
        return [line.split(",", 2)[:2] for line in file.read().splitlines()[1:]]


# What a run does


@both_databases
def test_rows_become_records(load, folder, all_of):
    report = load(COMPANIES, folder(companies=ROWS))

    acme, globex = all_of(Company)
    assert (acme.name, acme.city, acme.founded, acme.rating) == ("Acme", "Berlin", 1990, "low")
    assert globex.parent_id == acme.id
    assert counts(report) == (2, 2, 0, 0, 0, 0)
    assert report.as_dict()["files"][0] | {"path": ""} == {
        "file": "companies.csv",
        "path": "",
        "facts": {"format": "csv", "encoding": "utf-8", "delimiter": ","},
        "created": 2,
        "updated": 0,
        "rejected": 0,
        "errors": None,
    }


@both_databases
def test_a_second_run_writes_nothing(load, folder, ledger_rows):
    source = folder(companies=ROWS)
    load(COMPANIES, source)
    before = ledger_rows()

    report = load(COMPANIES, source)

    assert counts(report) == (2, 0, 0, 2, 0, 0)
    assert ledger_rows() == before


def test_a_second_run_leaves_the_file_of_the_database_alone(load, folder, crm):
    source = folder(companies=ROWS)
    load(COMPANIES, source)

    with crm.storage.reading() as connection:
        version = connection.scalar(sa.text("PRAGMA data_version"))
        load(COMPANIES, source)
        assert connection.scalar(sa.text("PRAGMA data_version")) == version


@both_databases
def test_a_changed_row_changes_its_record_alone(load, folder, all_of, ledger_rows):
    load(COMPANIES, folder(companies=ROWS))
    before = ledger_rows()

    report = load(COMPANIES, folder(companies=ROWS.replace("上海", "北京")))

    assert counts(report) == (2, 0, 1, 1, 0, 0)
    assert [company.city for company in all_of(Company)] == ["Berlin", "北京"]
    assert ledger_rows() == before + 1


def test_an_empty_cell_empties_the_field_and_fields_outside_the_plan_stay(load, folder, all_of, crm):
    load(COMPANIES, folder(companies=ROWS))
    with crm.system("test") as db:
        db.update(db.find(Company, Company.f.name == "Acme")[0], rating="high")

    load(COMPANIES, folder(companies=ROWS.replace("Berlin", "")))

    acme = all_of(Company)[0]
    assert (acme.city, acme.rating) == (None, "high")


@both_databases
def test_a_dry_run_tells_the_same_and_writes_nothing(load, folder, all_of, ledger_rows):
    source = folder(companies=ROWS + "3,Initech,Bonn,soon,\n")

    report = load(COMPANIES, source, dry_run=True)

    assert report.dry_run
    assert counts(report) == (3, 2, 0, 0, 0, 1)
    assert [problem.value for problem in report.problems] == ["soon"]
    assert all_of(Company) == []
    assert ledger_rows() == 0
    assert [path.name for path in source.iterdir()] == ["companies.csv"]
    assert counts(load(COMPANIES, source)) == counts(report)


@pytest.mark.parametrize("batch", [7, 1000])
def test_a_record_may_stand_before_the_one_it_belongs_to(load, folder, all_of, monkeypatch, batch):
    monkeypatch.setattr("crmkit.transfer.batches._MOST", batch)
    monkeypatch.setattr("crmkit.transfer.batches._LEAST", batch)
    rows = [f"{n},Company {n},,,{n + 1 if n < 60 else ''}" for n in range(1, 61)]

    report = load(COMPANIES, folder(companies="id,name,city,founded,parent\n" + "\n".join(rows)))

    assert counts(report) == (60, 60, 0, 0, 0, 0)
    by_name = {company.name: company for company in all_of(Company)}
    assert all(by_name[f"Company {n}"].parent_id == by_name[f"Company {n + 1}"].id for n in range(1, 60))


@both_databases
def test_a_refused_record_takes_only_those_that_belong_to_it(load, folder, all_of):
    source = folder(
        companies="id,name,city,founded,parent\n1,A,,,2\n2,B,Atlantis,,\n3,C,,,4\n4,D,,,5\n5,E,,,\n6,F,,,1\n"
    )

    report = load(COMPANIES, source)

    assert counts(report) == (6, 3, 0, 0, 0, 3)
    assert {company.name for company in all_of(Company)} == {"C", "D", "E"}


def test_records_that_wait_for_each_other_are_refused(load, folder, all_of):
    source = folder(companies="id,name,city,founded,parent\n1,A,,,2\n2,B,,,1\n3,C,,,3\n4,D,,,9\n5,E,,,\n")

    report = load(COMPANIES, source)

    assert counts(report) == (5, 1, 0, 0, 0, 4)
    assert reasons(source / "companies.errors.csv") == [
        ["2", "parent"],
        ["3", "parent"],
        ["4", "parent"],
        ["5", "parent"],
    ]
    assert "there is no Company with old id '2'" in report.problems[0].why()


def test_distinct_makes_one_record_for_each_value(load, folder, all_of):
    plan = """
    system = "old"
    [[step]]
    name = "offices"
    file = "people.csv"
    entity = "core.team"
    external_id = "office:{office}"
    distinct = "office"
    fields = { name = "office" }
    [[step]]
    name = "teams"
    file = "people.csv"
    entity = "core.team"
    external_id = "team:{manager}"
    distinct = "manager"
    skip_empty = "manager"
    [step.fields]
    name = { text = "Team {manager}" }
    parent_id = { external_id = "office:{office}" }
    [[step]]
    name = "people"
    file = "people.csv"
    entity = "core.user"
    external_id = "{name}"
    [step.fields]
    name = "name"
    team_id = { external_id = "team:{manager}" }
    """
    people = "name,manager,office\nAnn,Mo,West\nBob,Mo,West\nCid,Lu,East\nDan,,East\n"

    report = load(plan, folder(people=people))

    assert [counts(report, step)[:5] for step in range(3)] == [(4, 2, 0, 0, 2), (4, 2, 0, 0, 2), (4, 4, 0, 0, 0)]
    teams = {team.id: team for team in all_of(Team)}
    homes = {user.name: user.team_id and teams[user.team_id].name for user in all_of(User)}
    assert homes == {"Ann": "Team Mo", "Bob": "Team Mo", "Cid": "Team Lu", "Dan": None}
    assert {t.name: t.parent_id and teams[t.parent_id].name for t in teams.values()} == {
        "West": None,
        "East": None,
        "Team Mo": "West",
        "Team Lu": "East",
    }


def test_a_home_team_is_a_plain_field_of_a_user(load, folder, all_of, crm):
    teams = "[[step]]\nname = 'teams'\nfile = 'people.csv'\nentity = 'core.team'\nexternal_id = 'team:{team}'\n"
    teams += "distinct = 'team'\nfields = { name = 'team' }\n"
    people = "[[step]]\nname = 'people'\nfile = 'people.csv'\nentity = 'core.user'\nexternal_id = '{name}'\n"
    people += "fields = { name = 'name', team_id = { external_id = 'team:{team}' } }\n"
    plan = "system = 'old'\n" + teams + people
    load(plan, folder(people="name,team\nAnn,West\n"))

    report = load(plan, folder(people="name,team\nAnn,East\n"))

    assert counts(report, 1)[:5] == (1, 0, 1, 0, 0)
    (ann,) = all_of(User)
    with crm.system("test") as db:
        assert db.get(Team, ann.team_id).name == "East"
        assert [entry.kind for entry in db.history(ann)] == ["create", "update"]


def test_values_are_mapped_before_anything_reads_them(load, folder, all_of):
    plan = COMPANIES + "[step.values.city]\n'沪' = '上海'\nn = ''\n[step.values.parent]\nACME = '1'\n"

    load(plan, folder(companies="id,name,city,founded,parent\n1,Acme,n,,\n2,Globex, 沪 ,,ACME\n"))

    acme, globex = all_of(Company)
    assert (acme.city, globex.city, globex.parent_id) == (None, "上海", acme.id)


@both_databases
def test_any_reference_is_looked_up_in_the_entity_that_the_plan_names(load, folder, all_of):
    plan = (
        COMPANIES
        + """
    [[step]]
    name = "notes"
    file = "notes.csv"
    entity = "shop.note"
    external_id = "{id}"
    [step.fields]
    text = "text"
    about = { external_id = "{company}", entity = "shop.company" }
    """
    )

    load(plan, folder(companies=ROWS, notes="id,text,company\n1,Hello,2\n"))

    globex = all_of(Company)[1]
    assert all_of(Note)[0].about == Target("shop.company", globex.id)


# Stages, owners


@pytest.fixture
def agents(person, load, folder):
    load(COMPANIES, folder(companies=ROWS))
    return [person("Ann", team="West"), person("Bob", team="East")]


DEAL_ROWS = (
    "id,title,company,agent,value,stage,opened,closed\n"
    "a,First,Acme,Ann,100,Won,1/2/2017,3/1/2017\n"
    "b,Second,,Bob,,New one,,\n"
)


@both_databases
def test_deals_come_with_stage_date_owner_and_team(load, folder, all_of, crm, agents, clock):
    report = load(DEALS, folder(deals=DEAL_ROWS))

    assert counts(report) == (2, 2, 0, 0, 0, 0)
    first, second = all_of(Deal)
    assert (first.stage, first.stage_kind, first.amount, first.number) == (
        "won",
        "won",
        Money.of(100, "EUR"),
        "D-000001",
    )
    assert first.stage_entered_at == datetime(2017, 2, 28, 23, tzinfo=UTC)
    assert first.closed_on == date(2017, 3, 1)
    assert (second.stage, second.stage_entered_at, second.company_id) == ("new", clock.now(), None)
    teams = {team.id: team.name for team in all_of(Team)}
    assert [teams[deal.team_id] for deal in (first, second)] == ["West", "East"]
    visit = crm.schema.system.stage_visit
    with crm.storage.reading() as connection:
        entered = connection.scalars(sa.select(visit.c.entered_at).where(visit.c.record_id == first.id)).all()
    assert entered == [first.stage_entered_at]


@both_databases
def test_a_second_export_moves_and_transfers_without_asking_guards(load, folder, all_of, crm, agents):
    load(DEALS, folder(deals=DEAL_ROWS))

    later = DEAL_ROWS.replace("b,Second,,Bob,,New one,,", "b,Second,,Ann,,lost,,4/1/2017")
    report = load(DEALS, folder(deals=later))

    assert counts(report) == (2, 0, 1, 1, 0, 0)
    second = all_of(Deal)[1]
    assert (second.stage, second.stage_entered_at) == ("lost", datetime(2017, 3, 31, 22, tzinfo=UTC))
    assert {team.id: team.name for team in all_of(Team)}[second.team_id] == "West"
    visit = crm.schema.system.stage_visit
    with crm.storage.reading() as connection:
        visits = connection.execute(
            sa.select(visit.c.stage, visit.c.left_at).where(visit.c.record_id == second.id).order_by(visit.c.id)
        ).all()
    assert visits == [("new", second.stage_entered_at), ("lost", None)]
    assert counts(load(DEALS, folder(deals=later))) == (2, 0, 0, 2, 0, 0)


@both_databases
def test_a_second_export_may_empty_what_only_the_stage_before_required(load, folder, all_of, agents):
    load(DEALS, folder(deals=DEAL_ROWS))

    later = DEAL_ROWS.replace("100,Won,1/2/2017,3/1/2017", ",Open,1/2/2017,")
    report = load(DEALS, folder(deals=later))

    assert counts(report) == (2, 0, 1, 1, 0, 0)
    assert (all_of(Deal)[0].stage, all_of(Deal)[0].amount) == ("open", None)


def test_a_second_export_moves_nothing_into_a_stage_whose_fields_are_missing(load, folder, all_of, agents):
    load(DEALS, folder(deals=DEAL_ROWS))

    report = load(DEALS, folder(deals=DEAL_ROWS.replace("Bob,,New one", "Bob,,Won").replace("Ann,100,Won", "Ann,,Won")))

    assert counts(report) == (2, 0, 0, 0, 0, 2)
    assert all("amount" in problem.why() for problem in report.problems)
    assert [deal.stage for deal in all_of(Deal)] == ["won", "new"]


def test_an_unknown_stage_or_a_missing_field_of_a_stage_is_a_problem(load, folder, agents):
    source = folder(
        deals="id,title,company,agent,value,stage,opened,closed\na,A,,,,Wonn,,\nb,B,,,,won,,\nc,C,,,,open,,\n"
    )

    report = load(DEALS, source)

    assert counts(report) == (3, 1, 0, 0, 0, 2)
    assert "'Wonn' is none of new, open, won, lost" in report.problems[0].why()
    assert "amount" in report.problems[1].why()


def test_only_the_system_and_administrators_may_date_a_stage_back(load, folder, agents, person):
    with pytest.raises(PlanError, match=r"stage_entered_at: 'stage_entered_at' is set by crmkit"):
        load(DEALS, folder(deals=DEAL_ROWS), person("Boss", "shop.clerk"))

    assert load(DEALS, folder(deals=DEAL_ROWS), person("Ada", "core.administrator")).rejected == 0


# Rows that are refused


def test_every_fault_of_a_row_is_told_with_its_cell(load, folder, all_of):
    source = folder(
        companies="id,name,city,founded,parent\n"
        "1,Acme,Berlin,1990,\n"
        ",Globex,Bonn,,\n"
        "3,,Bonn,,\n"
        f"4,{'x' * 70},Bonn,nineteen,77\n"
        "5,Hooli\n"
        "6,Initech,Atlantis,,\n"
    )

    report = load(COMPANIES, source)

    assert counts(report) == (6, 1, 0, 0, 0, 5)
    assert reasons(source / "companies.errors.csv") == [
        ["3", "id"],
        ["4", "name"],
        ["5", "founded"],
        ["6", ""],
        ["7", ""],
    ]
    text = (source / "companies.errors.csv").read_text("utf-8-sig")
    for part in ("external id is empty", "a value is required", "'nineteen' is no number", "has 2 cells", "Atlantis"):
        assert part in text
    assert report.files[0].errors == str(source / "companies.errors.csv")


@both_databases
def test_one_bad_row_costs_none_of_its_batch(load, folder, all_of, ledger_rows):
    rows = [f"{n},Company {n % 90},Berlin,{n},," for n in range(100)]
    source = folder(companies="id,name,city,founded,parent,x\n" + "\n".join(rows))

    report = load(COMPANIES, source)

    assert counts(report) == (100, 90, 0, 0, 0, 10)
    assert ledger_rows() == 90
    assert len(reasons(source / "companies.errors.csv")) == 10


def test_a_corrected_error_file_is_imported_alone(load, folder, all_of):
    source = folder(companies=ROWS + "3,Initech,Bonn,soon,1\n4,Hooli,=1+1,later,2\n")
    load(COMPANIES, source)
    errors = source / "companies.errors.csv"
    errors.write_text(errors.read_text("utf-8-sig").replace("soon", "1999"), encoding="utf-8-sig")

    report = load(COMPANIES, errors)

    assert counts(report) == (2, 1, 0, 0, 0, 1)
    assert reasons(errors) == [["5", "founded"]]
    errors.write_text(errors.read_text("utf-8-sig").replace(",later,", ",2000,"), encoding="utf-8-sig")
    assert counts(load(COMPANIES, errors)) == (1, 1, 0, 0, 0, 0)
    assert [c.city for c in all_of(Company)] == ["Berlin", "上海", "Bonn", "=1+1"]
    assert not errors.exists()


def test_two_rows_with_one_external_id_are_refused_unless_they_say_the_same(load, folder, all_of):
    source = folder(companies=ROWS + "1,Acme,Berlin,1990,\n2,Globex,Bonn,2001,1\n")

    report = load(COMPANIES, source)

    assert counts(report) == (4, 2, 0, 0, 1, 1)
    assert report.problems[0].why() == "line 3 has the same external id and other values"
    assert counts(load(COMPANIES, source))[1:3] == (0, 0)


def test_a_look_up_that_is_not_unique_is_refused(load, folder, crm, agents):
    with crm.system("test") as db:
        db.create(User(name="Ann"))

    report = load(DEALS, folder(deals=DEAL_ROWS))

    assert "several User have name 'Ann'" in report.problems[0].why()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("on_new = 'skip'", (2, 0, 0, 0, 2, 0)),
        ("on_new = 'refuse'", (2, 0, 0, 0, 0, 2)),
    ],
)
def test_the_plan_says_what_becomes_of_new_rows(load, folder, line, expected):
    plan = COMPANIES.replace("[step.fields]", f"{line}\n[step.fields]")

    assert counts(load(plan, folder(companies=ROWS.replace(",1\n", ",\n")))) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [("on_existing = 'skip'", (2, 0, 0, 0, 2, 0)), ("on_existing = 'refuse'", (2, 0, 0, 0, 0, 2))],
)
def test_the_plan_says_what_becomes_of_rows_that_are_there(load, folder, line, expected):
    load(COMPANIES, folder(companies=ROWS))
    plan = COMPANIES.replace("[step.fields]", f"{line}\n[step.fields]")

    assert counts(load(plan, folder(companies=ROWS.replace("Berlin", "Bonn")))) == expected


@both_databases
def test_a_deleted_record_is_refused_unless_the_plan_restores(load, folder, crm, all_of):
    source = folder(companies=ROWS)
    load(COMPANIES, source)
    with crm.system("test") as db:
        db.delete(db.find(Company, Company.f.name == "Globex")[0])

    report = load(COMPANIES, source)
    assert counts(report) == (2, 0, 0, 1, 0, 1)
    assert "on_deleted = 'restore'" in report.problems[0].why()

    restore = COMPANIES.replace("[step.fields]", "on_deleted = 'restore'\n[step.fields]")
    assert counts(load(restore, source)) == (2, 0, 1, 1, 0, 0)
    assert [company.name for company in all_of(Company)] == ["Acme", "Globex"]


# The wall


def test_an_import_as_somebody_writes_what_that_person_may(load, folder, person, crm):
    clerk = person("Ann", "shop.clerk")

    assert counts(load(COMPANIES, folder(companies=ROWS), clerk)) == (2, 2, 0, 0, 0, 0)
    reader = person("Bob", "shop.reader")
    report = load(COMPANIES, folder(companies=ROWS.replace("Berlin", "Bonn")), reader)
    assert counts(report)[2] == 0
    assert report.steps[0].rejected >= 1


@pytest.mark.parametrize(
    "field", ["id", "version", "created_at", "updated_at", "created_by", "deleted_at", "custom", "number", "stage_kind"]
)
def test_what_crmkit_sets_is_not_imported(load, folder, field):
    plan = DEALS.replace('name = "title"', f'name = "title"\n{field} = "title"')

    with pytest.raises(PlanError, match=f"{field!r} is set by crmkit"):
        load(plan, folder(deals=DEAL_ROWS))


def test_a_hidden_field_is_refused_like_one_that_does_not_exist(load, folder, person):
    clerk = person("Ann", "shop.clerk")
    said = []
    for name in ("secret", "secrex"):
        with pytest.raises(PlanError) as caught:
            load(COMPANIES.replace('city = "city"', f'{name} = "city"'), folder(companies=ROWS), clerk)
        said.append(str(caught.value).replace(name, "…"))

    assert said[0] == said[1]


def test_a_hidden_entity_is_refused_like_one_that_does_not_exist(load, folder, person):
    reader = person("Rob", "shop.reader")
    said = []
    for name in ("shop.deal", "shop.deam"):
        with pytest.raises(PlanError) as caught:
            load(DEALS.replace("shop.deal", name), folder(deals=DEAL_ROWS), reader)
        said.append(str(caught.value).replace(name, "…"))

    assert said[0] == said[1]
    assert "shop.note" not in said[0]


def test_a_reference_to_a_hidden_record_is_refused_like_one_to_nothing(load, folder, person, crm):
    load(COMPANIES, folder(companies=ROWS))
    clerk = person("Ann", "shop.clerk")
    plan = COMPANIES.replace('"{id}"', '"x{id}"')
    said = []
    for parent in ("1", "9"):
        report = load(plan, folder(companies=f"id,name,city,founded,parent\n8,Mine,,,{parent}\n"), clerk)
        said.append(report.problems[0].why().replace(parent, "…"))

    assert said[0] == said[1]


# Other kinds of files


def test_a_workbook_is_imported_and_its_error_file_read_as_the_plan_says(load, folder, all_of, agents):
    plan = DEALS.replace("deals.csv", "deals.xlsx").replace("[formats]", "[formats]\ndecimal = ','\nthousands = '.'")
    source = folder()
    rows = [
        ["a", "First", "Acme", "Ann", Decimal("1100.5"), "won", date(2017, 1, 2), date(2017, 3, 1)],
        ["b", "Second", "Nobody", "Bob", Decimal("2200.75"), "open", date(2017, 1, 3), None],
    ]
    write_rows(source / "deals.xlsx", "id title company agent value stage opened closed".split(), rows)

    report = load(plan, source)

    assert counts(report) == (2, 1, 0, 0, 0, 1)
    errors = source / "deals.errors.csv"
    assert "2200,75" in errors.read_text("utf-8-sig")
    errors.write_text(errors.read_text("utf-8-sig").replace(",Nobody,", ",Globex,"), encoding="utf-8-sig")
    assert counts(load(plan, errors)) == (1, 1, 0, 0, 0, 0)
    assert [(deal.amount, deal.closed_on) for deal in all_of(Deal)] == [
        (Money.of("1100.50", "EUR"), date(2017, 3, 1)),
        (Money.of("2200.75", "EUR"), None),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_a_file_in_any_encoding_gives_the_same_records(load, folder, all_of, encoding):
    source = folder()
    rows = "id,name,city,founded,parent\n1,华夏科技,北京,1990,\n2,浦东贸易,上海,2001,1\n"
    (source / "companies.csv").write_text(rows, encoding=encoding)

    report = load(COMPANIES, source)

    assert [company.city for company in all_of(Company)] == ["北京", "上海"]
    assert report.files[0].facts["encoding"] == encoding


# The plan and the CRM


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("shop.company", "shop.compani"), r"there is no entity 'shop\.compani'; did you mean 'shop\.company'\?"),
        (
            ('city = "city"', 'citty = "city"'),
            r"fields\.citty: shop\.company has no field 'citty'; did you mean 'city'\?",
        ),
        (('name = "name"\n', ""), r"new records of shop\.company need name"),
        (('city = "city"', 'city = { external_id = "{city}" }'), "'city' is no reference"),
        (('"{parent}" }', '"{parent}", entity = "shop.deal" }'), r"'parent_id' refers to shop\.company"),
        (('{ external_id = "{parent}" }', '{ find = "nam", column = "parent" }'), "did you mean 'name'"),
        (('founded = "founded"', "founded = { value = 'old' }"), "'old' is no number"),
        (('city = "city"', "rating = { value = 'middle' }"), "'middle' is none of low, high"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_before_anything_is_read(load, folder, change, message):
    plan = COMPANIES.replace(*change)

    with pytest.raises(PlanError, match=message):
        load(plan, folder())


def test_missing_columns_and_files_are_refused_before_anything_is_written(load, folder, all_of):
    plan = COMPANIES + DEALS[DEALS.index("[[step]]") :]

    with pytest.raises(SourceMissingError, match=r"deals\.csv"):
        load(plan, folder(companies=ROWS))
    with pytest.raises(MissingColumnsError, match="agent, value"):
        load(plan, folder(companies=ROWS, deals="id,title,company,stage,opened,closed\n"))

    assert all_of(Company) == []


def test_a_source_that_is_no_file_of_the_plan_is_refused(load, folder):
    source = folder(other="a\n1\n")

    with pytest.raises(SourceMissingError, match=r"the plan reads no file of this name.*companies\.csv"):
        load(COMPANIES, source / "other.csv")
    with pytest.raises(SourceMissingError, match="no such file or folder"):
        load(COMPANIES, source / "none")


def test_a_fault_of_the_file_found_late_keeps_the_rows_before(load, folder, all_of):
    rows = "".join(f"{n},Company {n},,,\n" for n in range(300)) + 'x,"y"z,,,\n' * 150
    source = folder(companies="id,name,city,founded,parent\n" + rows)

    with pytest.raises(SourceError, match="quotation mark"):
        load(COMPANIES, source)

    assert len(all_of(Company)) >= 100


def test_progress_is_shown_for_each_step(load, folder):
    seen = []

    load(COMPANIES, folder(companies=ROWS), show=seen.append)

    assert (seen[-1].step, seen[-1].rows, seen[-1].fraction, seen[-1].done) == ("companies", 2, 1.0, True)


def test_a_report_accounts_for_every_row(load, folder):
    rows = ROWS + "1,Acme,Berlin,1990,\n3,,,,\n4,Hooli,,x,\n"

    report = load(COMPANIES, folder(companies=rows))

    step = report.steps[0]
    assert step.rows == step.created + step.updated + step.unchanged + step.skipped + step.rejected
    assert report.as_dict()["problems"][0] == {
        "file": "companies.csv",
        "line": 5,
        "column": "name",
        "value": "",
        "reason": "name: a value is required",
        "accepted": None,
    }


def test_no_rejects_are_left_beside_the_source(load, folder):
    source = folder(companies=ROWS + "3,,,,\n")

    load(COMPANIES, source)

    assert sorted(path.name for path in source.iterdir()) == ["companies.csv", "companies.errors.csv"]
    with open_source(source / "companies.errors.csv") as errors:
        assert [row.line for row in errors.rows()] == [4]


@both_databases
def test_a_second_run_of_the_same_plan_is_refused_while_the_first_goes_on(load, folder, all_of, tmp_path):
    source = folder(companies=ROWS + "3,,,,\n")
    refused = []

    def meanwhile(_state):
        with pytest.raises(ImportRunningError, match="The import 'demo' is running already") as caught:
            load(COMPANIES, source)
        load(COMPANIES, source, dry_run=True)
        load(COMPANIES.replace('"demo"', '"other"'), source, errors=tmp_path)
        refused.append(caught.value.code)

    report = load(COMPANIES, source, show=meanwhile)

    assert set(refused) == {"import-running"}
    assert (report.steps[0].rejected, report.files[0].rejected, len(all_of(Company))) == (1, 1, 2)
    load(COMPANIES, source)


@both_databases
def test_row_that_gives_a_role_of_a_plugin_that_is_away_is_reported_and_the_others_go_in(load, folder, all_of, person):
    plan = """
name = "roles"
system = "old"
[[step]]
name = "roles"
file = "roles.csv"
entity = "core.assignment"
external_id = "{id}"
[step.fields]
user_id = { find = "name", column = "person" }
role = "role"
"""
    ann = person("Ann")
    report = load(plan, folder(roles="id,person,role\n1,Ann,garage.mechanic\n2,Ann,shop.clerk\n"))
    (step,) = report.steps
    assert (step.created, step.rejected) == (1, 1)
    held = {each.role for each in all_of(Assignment) if each.user_id == ann.user_id}
    assert held == {"core.member", "shop.clerk"}
