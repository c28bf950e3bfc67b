"""What is done is forgotten after a while, and nothing that anybody may still need."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from crmkit import AutomationRecord, AutomationRun, LegalHold, Record, Subscriber, Target, Trigger, entity, field, ref
from crmkit.core.automating.keeping import HOPELESS
from crmkit.core.forgetting.outbox import forget_outbox
from crmkit.core.forgetting.runs import forget_runs
from crmkit.core.text import Text
from crmkit.core.verifying import examine
from crmkit.testing import both_databases, plugin
from tests.core.automating.boxes import BOXES, Box, set_


@entity("press.book", label=Text("Book"))
class Book(Record):
    title: str = field()


@entity("press.page", label=Text("Page"))
class Page(Record):
    title: str = field()
    book_id: UUID = ref("press.book", on_delete="cascade")


BELL = plugin("bell", subscribers=[Subscriber("bell.ring", Trigger("depot.box"), lambda context, event: None)])


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(BOXES, BELL, database=database, clock=clock)


@pytest.fixture
def boss(people):
    return people.user("Boss", roles=["core.administrator"])


def forget(crm, what, days=30):
    return sum(what(lambda: crm.system("test"), crm.clock.now() - timedelta(days=days)))


def announced(crm):
    outbox = crm.schema.system.outbox
    with crm.storage.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.select(outbox.c.first_id, outbox.c.last_id))]


def findings(crm):
    with crm.storage.snapshot() as connection:
        return [(each.check, each.sentence) for each in examine(crm.model, connection)]


def box(crm, **values):
    with crm.system("test") as db:
        return db.create(Box(name="a", **values))


@both_databases
def test_outbox_keeps_what_is_untold_and_young_and_the_newest(crm, worker, clock):
    for _each in range(3):
        box(crm)
    clock.advance(days=40)
    before = announced(crm)
    assert forget(crm, forget_outbox) == 0

    worker.run_until_idle()
    told = announced(crm)
    assert forget(crm, forget_outbox) == len(told) - 1
    assert announced(crm) == told[-1:]
    assert len(before) >= 3
    box(crm)
    assert announced(crm)[-1][0] == told[-1][1] + 1
    worker.run_until_idle()
    assert findings(crm) == []


@both_databases
def test_row_that_vanishes_by_itself_is_still_found(crm, worker, clock):
    for _each in range(4):
        box(crm)
    worker.run_until_idle()
    clock.advance(days=40)
    for _each in range(3):
        box(crm)
    tell_all(crm)
    assert forget(crm, forget_outbox) > 0
    assert findings(crm) == []

    outbox, kept = crm.schema.system.outbox, announced(crm)
    with crm.storage.writing() as connection:
        connection.execute(sa.delete(outbox).where(outbox.c.first_id == kept[-2][0]))
    assert [check for check, _sentence in findings(crm)] == ["outbox"]


@both_databases
def test_what_a_deletion_took_along_comes_back_however_long_ago_that_was(make_crm, database, clock):
    crm = make_crm(plugin("press", entities=[Book, Page]), database=database, clock=clock)
    with crm.system("test") as db:
        book = db.create(Book(title="Sea"))
        one, other = db.create_many([Page(title=title, book_id=book.id) for title in ("1", "2")])
    with crm.system("test") as db:
        db.delete(one)
    with crm.system("test") as db:
        db.delete(book)
    tell_all(crm)
    clock.advance(days=400)
    with crm.system("test") as db:
        db.create(Book(title="Sky"))
    tell_all(crm)
    assert forget(crm, forget_outbox) > 0

    with crm.system("test") as db:
        db.restore(Book, book.id)
    with crm.system("test") as db:
        assert [page.title for page in db.find(Page)] == ["2"]
        db.delete(db.get(Page, other.id))
        assert db.restore(Page, one.id).title == "1"
    with crm.system("test") as db:
        assert [page.title for page in db.find(Page)] == ["1"]
    assert findings(crm) == []


def tell_all(crm):
    from crmkit.core.events.dispatcher import Dispatcher

    with crm.storage.writing() as connection:
        while Dispatcher(crm).tell(connection, crm.clock.now()):
            pass


@pytest.fixture
def runs(crm, boss):
    """Keep runs of an automation, with these outcomes, the oldest first."""

    def runs(*outcomes, name="custom.auto"):
        made = []
        with crm.system("test") as db:
            for number, outcome in enumerate(outcomes):
                of = db.create(Box(name=str(number)))
                given = {"occasion": f"#{number}", "entity": "depot.box", "record_id": of.id, "ran_at": db.now}
                made.append(db.create(AutomationRun(automation=name, outcome=outcome, **given)))
                crm.clock.advance(minutes=1)
        return made

    return runs


def left(crm):
    with crm.system("test") as db:
        return {run.id for run in db.find(AutomationRun)}


@both_databases
def test_old_runs_go_but_for_the_newest_of_each_automation(crm, runs):
    old = runs(*["done"] * 3, "failed", *["unmet"] * 3, *["done"] * HOPELESS)
    other = runs("failed", "unmet", name="custom.other")
    crm.clock.advance(days=40)
    young = runs("unmet", name="custom.young")

    assert forget(crm, forget_runs) == 8
    assert left(crm) == {run.id for run in (*old[7:], other[0], *young)}
    assert findings(crm) == []
    with crm.storage.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(crm.schema.tables["core_automation_run"])) == 7


def test_runs_about_what_is_under_a_legal_hold_stay(crm, runs):
    first, _second, *_newest = runs("unmet", "unmet")
    with crm.system("test") as db:
        db.create(LegalHold(record=Target("depot.box", first.record_id), reason="court"))
    crm.clock.advance(days=40)

    assert forget(crm, forget_runs) == 1
    assert left(crm) == {first.id}


def test_runs_stay_while_work_of_the_automation_is_parked(crm, boss, runs, worker, clock):
    with crm.write(boss) as db:
        values = {"entity": "depot.box", "trigger": {"on": "write", "kinds": ["create"]}, "runs_as_id": boss.user_id}
        db.create(AutomationRecord(name="custom.auto", actions=[set_(weight=1)], **values))
    old = runs("unmet")
    table = crm.schema.system.job
    tell_all(crm)
    with crm.storage.writing() as connection:
        parked = sa.update(table).where(table.c.name == "automation:custom.auto").values(state="dead")
        assert connection.execute(parked).rowcount
    clock.advance(days=40)
    assert forget(crm, forget_runs) == 0
    with crm.storage.writing() as connection:
        connection.execute(sa.update(table).values(state="cancelled").where(table.c.state == "dead"))
    assert forget(crm, forget_runs) == len(old)


def test_worker_forgets_at_night_as_the_settings_say(crm, runs, worker, clock):
    runs("unmet")
    worker.run_until_idle()
    first = announced(crm)[0]
    clock.advance(days=181)
    worker.run_until_idle()

    assert left(crm) == set()
    assert announced(crm)[0] > first
    assert findings(crm) == []
