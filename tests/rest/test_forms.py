"""Forms (multipart/form-data), as browsers and ``curl -F`` send them: for uploads and for imports."""

import asyncio
import contextlib
import itertools
import resource
from uuid import UUID

import attrs
import pytest
from hypothesis import given, strategies as st

from crmkit.core.configuration.config import Files
from crmkit.core.passing.files import file_of
from crmkit.plugins.customers.entities import Company
from crmkit.rest.errors import BodyError, BodyTooLargeError
from crmkit.rest.forms import Form, boundary_of
from crmkit.testing import both_databases

UPLOADS, IMPORTS = "/api/v1/uploads", "/api/v1/imports"
PLAN = """
system = "old"
[[step]]
file = "people.csv"
entity = "customers.company"
external_id = "{id}"
[step.fields]
name = "name"
"""
TWO_FILES = f'{PLAN}[[step]]\nname = "firms"{PLAN.partition("[[step]]")[2].replace("people.csv", "firms.csv")}'
ROWS = b"id,name\n1,Acme\n2,\n"


@pytest.fixture
def crm(make_crm, database, clock, tmp_path):
    made = make_crm("customers", database=database, clock=clock)
    made.config = attrs.evolve(made.config, files=Files(str(tmp_path / "files")))
    return made


@pytest.fixture
def anna(people):
    return people.user("Anna", team="North", roles=["customers.agent"])


def problem(answer):
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def test_file_in_a_form_is_kept_under_its_own_name(api, crm, anna):
    answer = api("POST", UPLOADS, anna, files={"file": ("Leute 名.csv", ROWS, "text/csv")})
    assert (answer.status_code, answer.json()["name"], answer.json()["size"]) == (201, "Leute 名.csv", len(ROWS))
    with crm.read(anna) as db:
        content = file_of(db, UUID(answer.json()["id"])).content
    assert b"".join(crm.contents.read(content)) == ROWS


def test_name_that_is_asked_for_comes_before_that_of_the_file(api, anna):
    answer = api("POST", f"{UPLOADS}?name=x.csv", anna, files={"file": ("y.csv", ROWS)})
    assert answer.json()["name"] == "x.csv"


@pytest.mark.parametrize("parts", [{}, {"other": ("a", b"")}, {"file": ("a", b""), "other": ("b", b"")}])
def test_form_of_an_upload_has_one_file(api, anna, parts):
    parts = parts or {"file": (None, b"")}
    answer = api("POST", UPLOADS, anna, files=parts)
    assert problem(answer) == (400, "malformed-body") if list(parts) != ["file"] else answer.status_code == 201


@both_databases
def test_import_is_asked_for_with_one_form(api, crm, anna, work):
    parts = [("plan", ("plan.toml", PLAN)), ("file", ("people.csv", ROWS))]
    for name, more in (("core.import_dry_run", {"dry_run": "true"}), ("core.import", {})):
        answer = api("POST", IMPORTS, anna, files=parts, data=more)
        assert (answer.status_code, answer.json()["name"]) == (202, name), answer.text
        work()
        report = api("GET", answer.headers["location"], anna).json()["report"]
        assert (report["created"], report["rejected"]) == (1, 1), report
    with crm.read(anna) as db:
        assert [company.name for company in db.find(Company)] == ["Acme"]


@pytest.mark.parametrize(
    ("plan", "names", "taken"),
    [
        (PLAN, ["people.csv"], ["people.csv"]),
        # One file for one file, whatever it is called.
        (PLAN, ["export (3).csv"], ["people.csv"]),
        (PLAN, ["../people.csv"], ["people.csv"]),
        (TWO_FILES, ["firms.csv", "people.errors.csv"], ["firms.csv", "people.csv"]),
        (TWO_FILES, ["people.csv"], ["people.csv"]),
        (TWO_FILES, ["other.csv"], None),
        (TWO_FILES, ["../people.csv"], None),
        (TWO_FILES, ["people.csv", "people.csv"], None),
        (TWO_FILES, ["people.csv", "people.errors.csv"], None),
        (TWO_FILES, [], None),
    ],
)
def test_files_of_a_form_stand_for_those_of_the_plan_by_their_names(api, anna, work, plan, names, taken):
    answer = api("POST", IMPORTS, anna, files=[("plan", (None, plan)), *(("file", (name, ROWS)) for name in names)])
    if taken is None:
        assert problem(answer) == (422, "import-plan"), answer.text
        return
    assert answer.status_code == 202, answer.text
    work()
    report = api("GET", answer.headers["location"], anna).json()["report"]
    assert sorted(file["file"] for file in report["files"]) == sorted(taken)


@pytest.mark.parametrize(
    "parts",
    [
        [("file", ("people.csv", ROWS))],
        [("plan", (None, PLAN)), ("plan", (None, PLAN)), ("file", ("people.csv", ROWS))],
        [("plan", (None, PLAN)), ("file", ("people.csv", ROWS)), ("user", (None, "Root"))],
        [("plan", (None, PLAN)), ("file", ("people.csv", ROWS)), ("dry_run", (None, "yes"))],
        [("plan", (None, b"\xff")), ("file", ("people.csv", ROWS))],
    ],
)
def test_form_that_is_none_of_an_import_is_refused(api, anna, parts):
    assert problem(api("POST", IMPORTS, anna, files=parts)) == (400, "malformed-body")


def test_form_that_is_sent_again_with_its_key_is_done_once_whatever_stands_between_its_parts(api, anna):
    headers = {"idempotency-key": "once"}

    def send(rows=ROWS):
        files = [("plan", (None, PLAN)), ("file", ("people.csv", rows))]
        return api("POST", IMPORTS, anna, headers=headers, files=files)

    first, again, other = send(), send(), send(ROWS + b"3,Globex\n")
    assert (first.status_code, first.json()["id"]) == (202, again.json()["id"])
    assert problem(other) == (422, "idempotency-key-reused")


def test_form_is_read_only_where_one_is_taken(api, anna):
    answer = api("POST", "/api/v1/customers/companies", anna, files={"file": ("a.csv", ROWS)})
    assert problem(answer) == (415, "media-type")


# Limits, and what is no form.


def send(api, who, body, content_type="multipart/form-data; boundary=b"):
    return api("POST", UPLOADS, who, content=body, headers={"content-type": content_type})


def part(name="file", content=b"x", more=b""):
    return b'--b\r\nContent-Disposition: form-data; name="%s"\r\n%s\r\n%s\r\n' % (name.encode(), more, content)


def test_t24_form_that_is_too_large_is_refused_while_it_is_read(api, anna):
    surface, read = api.app.state.surface, []
    surface.most_file_bytes = 100_000

    def body():
        yield part(more=b"", content=b"")[:-2]
        for number in range(1000):
            read.append(number)
            yield b"x" * 10_000

    assert problem(send(api, anna, body())) == (413, "body-too-large")


def test_t24_text_in_a_form_is_no_longer_than_a_body(api, anna):
    surface = api.app.state.surface
    surface.most_bytes = 1000
    texts = b"".join(part(f"p{number}", b"x" * 400) for number in range(3))
    assert problem(send(api, anna, texts + b"--b--\r\n")) == (413, "body-too-large")
    files = [("plan", ("plan.toml", "#" * 1001)), ("file", ("people.csv", ROWS))]
    assert problem(api("POST", IMPORTS, anna, files=files)) == (413, "body-too-large")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form",
        part(),
        part() * 33 + b"--b--\r\n",
        part(more=b"".join(b"X-%d: x\r\n" % number for number in range(9))) + b"--b--\r\n",
        part(more=b"X: " + b"x" * 5000 + b"\r\n") + b"--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="' + b"x" * 100_000,
        b"--b\r\nContent-Type: text/csv\r\n\r\nx\r\n--b--\r\n",
        b'--b\nContent-Disposition: form-data; name="file"\n\nx\n--b--\n',
        part(more=b"Content-Disposition: form-data; name=\xff\r\n") + b"--b--\r\n",
    ],
)
def test_t24_what_is_no_form_or_has_too_many_parts_or_headers_is_refused(api, anna, body):
    assert problem(send(api, anna, body)) == (400, "malformed-body")


@pytest.mark.parametrize("said", ["", "; boundary=", f"; boundary={'x' * 71}", "; boundary=ü"])
def test_form_without_a_boundary_is_refused(api, anna, said):
    content_type = f"multipart/form-data{said}".encode()
    assert problem(send(api, anna, part() + b"--b--\r\n", content_type)) == (400, "malformed-body")


def test_t24_large_file_in_a_form_passes_through_the_disk():
    async def body():
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="large.csv"\r\n\r\n'
        for _number in range(1000):
            yield b"x" * 100_000
        yield b"\r\n--b--\r\n"

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Form("b", 1000) as form:
        asyncio.run(form.read(body()))
        assert [part.size for part in form.parts] == [100_000_000]
        assert sum(map(len, form.parts[0].chunks())) == 100_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before <= 8 * 1024


async def _whole(body, cuts, boundary="b"):
    async def chunks():
        places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
        for start, end in itertools.pairwise(places):
            yield body[start:end]

    with Form(boundary, 1000) as form:
        await form.read(chunks())
        return [(each.name, each.filename, b"".join(each.chunks())) for each in form.parts], form.digest


CONTENTS = st.lists(
    st.tuples(st.text("abc", min_size=1), st.none() | st.text("xyz.", min_size=1), st.binary(max_size=40)), max_size=5
)


@given(CONTENTS, st.lists(st.integers(0, 10_000), max_size=30))
def test_form_is_the_same_wherever_it_is_cut_into_pieces(parts, cuts):
    boundary = "--------8f1c"
    body = b""
    for name, filename, content in parts:
        named = f'; filename="{filename}"' if filename is not None else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode()
        body += content + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    cut, whole = (asyncio.run(_whole(body, where, boundary)) for where in (cuts, []))
    assert cut == whole
    assert cut[0] == parts


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_whatever_is_sent_is_a_form_or_is_refused(body, cuts):
    with contextlib.suppress(BodyError, BodyTooLargeError):
        asyncio.run(_whole(part() + body, cuts))


@given(st.text("multipart/form-data; boundary=\"\\%*'üx\t\x00\xff", max_size=60))
def test_whatever_a_type_says_there_is_a_boundary_or_none_or_it_is_refused(said):
    for content_type in (said, f"multipart/form-data; {said}"):
        with contextlib.suppress(BodyError):
            assert boundary_of(content_type) != ""


def test_what_is_no_form_has_no_boundary():
    assert boundary_of("application/json") is None
    assert boundary_of("") is None
    assert boundary_of('Multipart/Form-Data; charset=utf-8; boundary="a b"') == "a b"
