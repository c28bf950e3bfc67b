"""F01: an import that is a job goes on where its worker was killed: nothing twice, nothing lost, errors and report."""

import attrs
import pytest

from crmkit.core.configuration.config import Files
from crmkit.core.passing.files import files_of_job, note_file
from crmkit.core.passing.work import IMPORT, ImportWork
from crmkit.plugins.customers.entities import Company
from crmkit.testing import both_databases
from tests.faults.processes import run
from tests.transfer.job_killed import do_import

PLAN = """
system = "old"
[[step]]
file = "companies.csv"
entity = "customers.company"
external_id = "{id}"
[step.fields]
name = "name"
"""
# Every fiftieth row has no name, and is refused.
ROWS = "id,name\n" + "".join(f"{n},{f'Company {n}' if n % 50 else ''}\n" for n in range(1, 201))


@pytest.fixture
def crm(make_crm, database, clock, tmp_path):
    made = make_crm("customers", database=database, clock=clock)
    made.config = attrs.evolve(made.config, files=Files(str(tmp_path / "files")))
    return made


@both_databases
def test_f01_import_goes_on_where_its_worker_was_killed(crm, people, clock, make_worker):
    anna = people.user("Anna", team="North", roles=["customers.agent"])
    content = crm.contents.keep("companies.csv", [ROWS.encode()])
    with crm.write(anna) as db:
        file = note_file(db, content, "upload", content.type)
        job = db.enqueue(IMPORT, ImportWork(PLAN, {"companies.csv": file.id}))
    assert run(do_import, crm.config.database.url, crm.config.files.folder, 2) == -9
    with crm.read(anna) as db:
        assert 0 < db.count(Company) < 196

    # The lease of the dead one comes to its end first.
    clock.advance(minutes=2)
    make_worker(crm).run_until_idle()
    with crm.read(anna) as db:
        assert db.jobs.get(job).state == "done"
        assert sorted(company.name for company in db.find(Company)) == sorted(
            f"Company {n}" for n in range(1, 201) if n % 50
        )
        told = {file.kind: file for file in files_of_job(db, job)}
        report = told["report"].told
        assert (report["resumed"], report["created"], report["rejected"]) == (True, 196, 4)
        errors = b"".join(crm.contents.read(told["errors"].content)).decode("utf-8-sig")
    assert len(errors.splitlines()) == 5
