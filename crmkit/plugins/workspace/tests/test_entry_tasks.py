from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from crmkit import (
    EntryTask,
    Grant,
    Move,
    Owned,
    Pipeline,
    Pipelined,
    Refusal,
    Role,
    Stage,
    entity,
    field,
    translator,
)
from crmkit.testing import both_databases, plugin

from .. import services
from ..entities import Task

_ = translator("crmkit")


@entity("garden.bed", label=_("Bed"))
class Bed(Owned, Pipelined):
    name: str = field()
    seeds: int | None = field(default=None)


PIPELINE = Pipeline(
    "garden.year",
    "garden.bed",
    _("Year"),
    stages=[
        Stage("bare", _("Bare"), tasks=[EntryTask(_("Dig it over"))]),
        Stage("sown", _("Sown"), required=["seeds"], tasks=[EntryTask(_("Water it"), timedelta(hours=20))]),
    ],
    moves=[Move("bare", "sown"), Move("sown", "bare")],
)
GARDENER = Role("garden.gardener", _("Gardener"), [Grant("garden.bed", ["read", "create", "update", "move"], "own")])


def garden():
    return plugin("garden", entities=[Bed], roles=[GARDENER], pipelines=[PIPELINE])


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("workspace", garden(), clock=clock, database=database)


@pytest.fixture
def anna(people):
    return people.user("Anna", team="Green", roles=["garden.gardener", "workspace.member"], time_zone="Asia/Shanghai")


def titles(tasks):
    return [task.title for task in tasks]


@pytest.mark.long
def test_new_record_gets_the_tasks_of_its_first_stage(crm, anna):
    with crm.write(anna) as db:
        bed = db.create(Bed(name="North"))

        [task] = services.tasks_of(db, bed)
    assert (task.title, task.owner_id, task.team_id, task.due_on) == ("Dig it over", anna.user_id, bed.team_id, None)


def test_move_makes_the_tasks_of_the_stage_due_in_the_zone_of_the_owner(crm, anna, clock):
    clock.travel(datetime(2026, 3, 2, 20, tzinfo=UTC))
    with crm.write(anna) as db:
        bed = db.move(db.create(Bed(name="North", seeds=5)), "sown")

        water = services.tasks_of(db, bed)[0]
    assert (water.title, water.due_on) == ("Water it", date(2026, 3, 4))


def test_refused_move_makes_no_task(crm, anna):
    with crm.write(anna) as db:
        bed = db.create(Bed(name="North"))
        with pytest.raises(Refusal):
            db.move(bed, "sown")

        assert titles(services.tasks_of(db, bed)) == ["Dig it over"]


@both_databases
def test_open_task_is_not_doubled_when_the_stage_is_entered_again(crm, anna):
    with crm.write(anna) as db:
        bed = db.create(Bed(name="North", seeds=5))
        for stage in ("sown", "bare"):
            bed = db.move(bed, stage)

        assert sorted(titles(services.tasks_of(db, bed))) == ["Dig it over", "Water it"]


def test_finished_task_is_asked_for_again_when_the_stage_is_entered_again(crm, anna):
    with crm.write(anna) as db:
        bed = db.move(db.create(Bed(name="North", seeds=5)), "sown")
        for task in services.tasks_of(db, bed):
            services.complete(db, task)
        bed = db.move(bed, "bare")

        assert titles(services.tasks_of(db, bed)) == ["Dig it over"]


def test_entry_tasks_need_no_right_to_make_tasks(crm, people):
    eve = people.user("Eve", team="Green", roles=["garden.gardener"])
    with crm.write(eve) as db:
        bed = db.create(Bed(name="North"))

        assert [entry.kind for entry in db.history(bed)] == ["create"]
    with crm.system("look") as db:
        assert titles(services.tasks_of(db, bed)) == ["Dig it over"]


def test_batch_of_records_gets_a_task_each(crm, anna):
    with crm.write(anna) as db:
        beds = db.create_many([Bed(name=str(place)) for place in range(20)])

        assert all(len(services.tasks_of(db, bed)) == 1 for bed in beds)


def test_many_records_may_enter_a_stage_at_once(crm, anna):
    with crm.write(anna) as db:
        beds = db.create_many([Bed(name=f"{n}", seeds=n) for n in range(1200)])
        db.move_many(beds, "sown")
        again = db.move_many(list(db.get_many(Bed, [bed.id for bed in beds]).values()), "bare")

        assert db.count(Task, 'title == "Dig it over" && !is_done') == len(again)
        assert db.count(Task, 'title == "Water it"') == len(again)
