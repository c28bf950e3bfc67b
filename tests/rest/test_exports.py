"""Files out over HTTP: the records that may be read and exported, as they are written, in little memory."""

import asyncio
import csv
import io
import sys
import threading
import time

import pytest

from crmkit import Grant, Mask, Money, Owned, Role, entity, field, translator
from crmkit.rest.transfers import flowing
from crmkit.testing import both_databases, plugin
from crmkit.transfer.xlsx_source import XlsxSource

_ = translator("tests")


@entity("shop.client", label=_("Client"))
class Client(Owned):
    name: str = field()
    worth: Money | None = field(default=None)
    secret: str | None = field(default=None)


@entity("shop.vault", label=_("Vault"))
class Vault(Owned):
    name: str = field()


VERBS = ["read", "create", "update"]
ROLES = [
    Role("shop.clerk", _("Clerk"),
         [Grant("shop.client", VERBS, "team"), Grant("shop.client", ["export"], "own")],
         [Mask("shop.client", ["secret"])]),
    Role("shop.keeper", _("Keeper"), [Grant("shop.vault", VERBS, "all")]),
    Role("shop.reader", _("Reader"), [Grant("shop.client", ["read"], "team")]),
]  # fmt: skip
CLIENTS = "/api/v1/shop/clients/export"


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(plugin("shop", entities=[Client, Vault], roles=ROLES), database=database, clock=clock)


@pytest.fixture
def anna(people):
    return people.user("Anna", team="North", roles=["shop.clerk"])


@pytest.fixture
def clients(crm, people, anna):
    """Three clients of Anna, and one of somebody else in her team, which she reads and may not export."""
    bo = people.user("Bo", team="North", roles=["shop.clerk"])
    with crm.write(bo) as db:
        db.create(Client(name="Bo's"))
    with crm.write(anna) as db:
        return db.create_many([Client(name=f"Client {n}", worth=Money.of(n, "EUR")) for n in range(3)])


def rows(answer):
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


@both_databases
def test_t06_export_has_the_records_that_may_be_exported_and_the_fields_that_may_be_read(api, anna, clients):
    answer = api("GET", f"{CLIENTS}?order_by=name", anna)
    found = rows(answer)
    assert [row["name"] for row in found] == ["Client 0", "Client 1", "Client 2"]
    assert (found[2]["worth"], found[2]["worth_currency"]) == ("2.00", "EUR")
    assert "secret" not in found[0]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="clients.csv"'


def test_export_takes_conditions_and_fields(api, anna, clients):
    answer = api("GET", f'{CLIENTS}?format=jsonl&fields=name,worth&worth__gte=1&filter=name!="Client 2"', anna)
    assert answer.text == '{"name": "Client 1", "worth": {"amount": "1.00", "currency": "EUR"}}\n'
    assert answer.headers["content-type"] == "application/jsonl"


def test_export_as_a_workbook(api, anna, clients, tmp_path):
    answer = api("GET", f"{CLIENTS}?format=xlsx&fields=name&order_by=-name", anna)
    path = tmp_path / "clients.xlsx"
    path.write_bytes(answer.content)
    with XlsxSource(path) as source:
        found = [list(row.cells) for row in source.rows()]
    assert (source.columns, found) == (("name",), [["Client 2"], ["Client 1"], ["Client 0"]])


def test_export_that_needs_what_is_not_installed_says_what(api, anna, clients, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    answer = api("GET", f"{CLIENTS}?format=xlsx", anna)
    assert (answer.status_code, answer.json()["type"]) == (501, "urn:crmkit:problem:missing-extra"), answer.text
    assert "pip install 'crmkit[io]'" in answer.json()["detail"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_t23_cell_that_a_spreadsheet_would_run_is_made_harmless(api, crm, anna, start):
    with crm.write(anna) as db:
        db.create(Client(name=f"{start}1+1"))
    assert rows(api("GET", f"{CLIENTS}?fields=name", anna)) == [{"name": f"'{start}1+1"}]


@pytest.mark.parametrize(
    ("query", "status"),
    [("format=pdf", 400), ("fields=secret", 400), ("fields=nosuch", 400), ("secret=1", 400), ("filter=x ==", 400),
     ("order_by=secret", 400), ("fields=name&fields=worth", 400)],
)  # fmt: skip
def test_export_that_makes_no_sense_is_a_problem_and_no_file(api, anna, clients, query, status):
    answer = api("GET", f"{CLIENTS}?{query}", anna)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_t06_who_may_export_nothing_gets_no_file(api, people, clients):
    reader = people.user("Rita", team="North", roles=["shop.reader"])
    assert api("GET", CLIENTS, reader).status_code == 403
    assert api("GET", "/api/v1/shop/vaults/export", reader).status_code == 404


def test_head_writes_no_further_than_anybody_reads(api, crm, anna):
    with crm.write(anna) as db:
        db.create_many([Client(name=f"{n} " + "x" * 200) for n in range(8000)])
    assert api("HEAD", CLIENTS, anna).status_code == 200
    end = time.monotonic() + 10
    while exporting() and time.monotonic() < end:
        time.sleep(0.01)
    assert not exporting()


def exporting():
    return [thread for thread in threading.enumerate() if thread.name == "crmkit-export"]


def test_large_export_comes_in_pieces_while_it_is_written(api, crm, anna):
    with crm.write(anna) as db:
        db.create_many([Client(name=f"{n} " + "x" * 200) for n in range(8000)])
    answer = api("GET", f"{CLIENTS}?fields=name", anna)
    assert "content-length" not in answer.headers
    assert len(rows(answer)) == 8000


def test_what_is_written_waits_for_who_reads_it():
    written = []

    def work(file):
        for n in range(100):
            file.write(b"x" * flowing._BUFFER)
            written.append(n)

    flow = flowing.Flow(work).begun()
    time.sleep(0.2)
    assert 1 < len(written) <= flowing._WAITING + 2

    async def read():
        return sum([len(piece) async for piece in flow])

    assert asyncio.run(read()) == 100 * flowing._BUFFER


def test_error_behind_the_first_pieces_cuts_the_file_short():
    def work(file):
        file.write(b"x" * flowing._BUFFER * 3)
        raise RuntimeError("broken")

    async def read(flow):
        return [piece async for piece in flow]

    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(read(flowing.Flow(work).begun()))
