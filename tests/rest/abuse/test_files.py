"""T13, T23 to T25: files set what nobody sets, run nothing, burst nothing and lead nowhere."""

import csv
import io
import resource
import time
import zipfile

import attrs
import pytest
import xlsxwriter

from crmkit.core.configuration.config import Files
from crmkit.plugins.sales.entities import Deal
from crmkit.testing import both_databases
from tests.rest.abuse.asking import CANARY, DEALS
from tests.rest.test_denied import PROTECTED

PLAN = """
system = "old"
[[step]]
file = "FILE"
entity = "sales.deal"
external_id = "{key}"
[step.fields]
name = "name"
"""


@pytest.fixture
def store(tmp_path):
    """Where the contents of files are kept, and nothing else."""
    return tmp_path / "files"


@pytest.fixture
def crm(make_crm, database, clock, store):
    made = make_crm("sales", "workspace", database=database, clock=clock)
    made.config = attrs.evolve(made.config, files=Files(str(store)))
    return made


@pytest.fixture
def load(api, seller, make_worker, crm):
    """Have a file imported, by the seller unless another is named; return the job in the end, or the refusal."""

    def loaded(content, name="deals.csv", plan=PLAN, who=seller):
        sent = api("POST", "/api/v1/uploads", who, params={"name": name}, content=content)
        assert sent.status_code == 201, sent.text
        asked = {"plan": plan.replace("FILE", name), "files": {name: sent.json()["id"]}}
        answer = api("POST", "/api/v1/imports", who, json=asked)
        if answer.status_code != 202:
            return answer
        make_worker(crm).run_until_idle()
        return api("GET", answer.headers["location"], who).json()

    return loaded


@pytest.mark.parametrize("name", [*PROTECTED, "amount", "custom.nosuch", "__class__"])
def test_t13_column_sets_nothing_that_nobody_sets(crm, load, name):
    answer = load(f"key,name,{name}\n1,{CANARY},1\n", plan=f'{PLAN}"{name}" = "{name}"\n')
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:crmkit:problem:import-plan"), answer.text
    assert load(f"key,name\n1,{CANARY}\n")["report"]["created"] == 1


@both_databases
def test_t23_what_a_spreadsheet_would_run_is_text_in_the_file_and_comes_back_as_it_was(api, crm, root, load):
    texts = [f"{start}1+cmd|' /C calc'!A0" for start in ("=", "+", "-", "@", "\t=", "\r=", "\n=", "'=")]
    for number, text in enumerate(texts):
        made = api("POST", DEALS, root, json={"name": f"{number}", "description": text})
        assert made.status_code == 201, made.text

    def kept():
        return [item["description"] for item in api("GET", f"{DEALS}?order_by=name", root).json()["items"]]

    before = kept()
    exported = api("GET", f"{DEALS}/export?fields=name,description", root).content
    cells = [row["description"] for row in csv.DictReader(io.StringIO(exported.decode("utf-8-sig")))]
    assert len(cells) == len(texts)
    assert not [cell for cell in cells if cell[0] in "=+-@\t\r"]
    with crm.system("test") as db:
        db.delete_many(db.find(Deal))
    plan = f'{PLAN}description = "description"\n'.replace("{key}", "{name}")
    assert load(exported, plan=plan, who=root)["report"]["created"] == len(texts)
    assert kept() == before


SHEET = "xl/worksheets/sheet1.xml"
HOSTILE = {
    "xxe": lambda xml: xml.replace(
        b"<worksheet", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet', 1
    ),
    "laughs": lambda xml: xml.replace(
        b"<worksheet",
        b'<!DOCTYPE x [<!ENTITY a "ha">'
        + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(10))
        + b"]><worksheet",
        1,
    ),
    "bomb": lambda xml: xml.replace(b"<row ", b"<row " + b" " * 100_000_000, 1),
}


def workbook(change=lambda xml: xml, *, also=()):
    made, changed = io.BytesIO(), io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate((["key", "name"], ["1", CANARY])):
            sheet.write_row(place, 0, row)
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, change(old.read(part)) if part == SHEET else old.read(part))
        for name, content in also:
            new.writestr(name, content)
    return changed.getvalue()


@pytest.mark.parametrize("kind", HOSTILE)
def test_t24_workbook_that_bursts_or_reaches_out_is_refused_fast_in_little_memory(crm, load, kind):
    content = workbook(HOSTILE[kind])
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    job = load(content, "deals.xlsx")
    assert time.process_time() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before <= 64 * 1024
    assert job["report"]["refused"]["code"].startswith("source"), job
    assert "root:" not in str(job)
    with crm.system("test") as db:
        assert db.count(Deal) == 0


@pytest.mark.parametrize(("path", "length"), [(DEALS, 1 << 40), (DEALS, None), ("/api/v1/uploads", None)])
def test_t24_body_without_end_is_refused_before_it_is_read(api, seller, path, length):
    api.app.state.surface.most_file_bytes = 3_000_000
    headers = {} if length is None else {"content-length": str(length)}
    answer = api(
        "POST",
        path,
        seller,
        content=iter([b'"' * (1 << 16)] * 200),
        headers={"content-type": "application/json", **headers},
    )
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:crmkit:problem:body-too-large")


WAYS_OUT = [
    *(
        "../../evil",
        "a/../../evil",
        "....//evil",
        "%2e%2e/evil",
        "/tmp/evil",
        "~/evil",
        "file:///tmp/evil",
        ".",
        "..",
        "",
    ),
    *("..\\..\\evil", "C:\\evil", "\\\\host\\evil", "evil\x00.csv"),
]


def outside(folder, store):
    """Return every file under *folder* that is not in *store*, and every link in it."""
    return {
        path for path in folder.rglob("*") if path.is_symlink() or not (path.is_dir() or path.is_relative_to(store))
    }


@pytest.mark.parametrize("name", WAYS_OUT)
def test_t25_name_of_a_file_is_no_path(api, seller, load, tmp_path, store, name):
    before = outside(tmp_path.parent, store)
    sent = api("POST", "/api/v1/uploads", seller, params={"name": name}, content=b"key,name\n")
    if sent.status_code == 201:
        assert not {"/", "\\", "\x00"} & set(sent.json()["name"])
        assert sent.json()["name"] not in (".", "..", "")
    else:
        assert sent.status_code == 400
    for other in (name, "deals.csv"):
        # Neither what the plan calls a file, nor what is said to be one, leads to a file.
        given = {
            "plan": PLAN.replace("FILE", name.encode("unicode_escape").decode()),
            "files": {other: str(seller.user_id)},
        }
        assert api("POST", "/api/v1/imports", seller, json=given).status_code in (404, 422)
    assert outside(tmp_path.parent, store) == before


@pytest.mark.parametrize("place", ["/api/v1", DEALS, "/api/v1/jobs", "/api/v1/jobs/x/files", "/schema", "/health", ""])
@pytest.mark.parametrize(
    "out", ["/../" * 9, "/%2e%2e" * 9 + "/", "/..%2f" * 9, "/%2e%2e%2f" * 9, "/..%5c" * 9, "//", "/%2f"]
)
def test_t25_path_leads_to_no_file(api, seller, place, out):
    answer = api("GET", f"{place}{out}etc/passwd", seller)
    assert answer.status_code == 404
    assert "root:" not in answer.text


def test_t25_member_of_a_workbook_that_leads_out_is_written_nowhere(crm, load, tmp_path, store):
    before = outside(tmp_path.parent, store)
    link = zipfile.ZipInfo("xl/link")
    link.external_attr = 0o120777 << 16
    job = load(workbook(also=[("../../evil", b"x"), ("/tmp/crmkit-evil", b"x"), (link, b"/etc/passwd")]), "deals.xlsx")
    with crm.system("test") as db:
        found = [deal.name for deal in db.find(Deal)]
    assert found == [CANARY] or job["report"]["refused"], job
    assert outside(tmp_path.parent, store) == before
