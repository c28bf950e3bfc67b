"""A process that is killed while it applies revisions leaves whole steps behind, and the next one arrives."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crmkit.core.migrating import make_revision
from tests.marks import both_databases_in_time

BEFORE = """
@entity("shop.order", label=Text("Order"))
class Order(Owned):
    title: str = field(Line(max=80), indexed=True)
    kind: str = field()
"""
AFTER = """
@entity("shop.order", label=Text("Order"))
class Order(Owned):
    number: str | None = field(Number(prefix="O"), default=None)
    title: str = field(Line(max=120))

@entity("shop.line", label=Text("Line"))
class OrderLine(Record):
    order_id: UUID = ref("shop.order")
"""


def interrupt(blank, package, every):
    make_revision(blank(package("shop", BEFORE)), "shop", "Orders")
    shop = package("shop", AFTER)
    crm = blank(shop)
    make_revision(crm, "shop", "Lines")
    url = crm.storage.url.render_as_string(hide_password=False)
    program = [sys.executable, str(Path(__file__).with_name("interrupted.py")), url, shop.__path__[0], str(every)]
    done = subprocess.run(program, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def assert_recovered(result):
    assert {killed for _point, killed, _left in result["outcomes"]} == {-signal.SIGKILL}
    assert {wrong for _point, _killed, wrong in result["outcomes"]} == {0}


@pytest.mark.long
@both_databases_in_time
def test_killed_apply_is_finished_by_the_next(blank, package, database):
    result = interrupt(blank, package, every=29)

    assert len(result["outcomes"]) >= 3
    assert_recovered(result)


@pytest.mark.slow
@both_databases_in_time
def test_apply_killed_at_every_third_statement_is_finished_by_the_next(blank, package, database):
    result = interrupt(blank, package, every=3)

    assert len(result["outcomes"]) > 20
    assert_recovered(result)
