from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from crmkit import Owned, Target, entity, field, ref, translator
from crmkit.testing import both_databases, plugin

from .. import services
from ..entities import Task

_ = translator("tests")


@entity("ranch.company", label=_("Company"))
class Company(Owned):
    name: str = field()


@entity("ranch.horse", label=_("Horse"))
class Horse(Owned):
    name: str = field()
    company_id: UUID | None = ref("ranch.company", default=None)


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("workspace", plugin("ranch", entities=[Company, Horse]), clock=clock, database=database)


@pytest.fixture
def anna(people):
    return people.user("Anna", roles=["workspace.member", "ranch.everything"])


@both_databases
def test_record_shows_tasks_comments_and_tags_and_those_of_what_belongs_to_it(crm, anna, clock):
    with crm.write(anna) as db:
        company = db.create(Company(name="Ranch"))
        horse = db.create(Horse(name="Blaze", company_id=company.id))
        feed, shoe, ride = (db.create(Task(title=t, regarding=Target.of(horse))) for t in ("Feed", "Shoe", "Ride"))
        services.complete(db, shoe)
        note = services.comment(db, company, "Nice place")
        services.tag(db, company, "green")
    clock.advance(hours=1)
    with crm.write(anna) as db:
        services.complete(db, ride)

    with crm.read(anna) as db:
        found = {each.section.id: each for each in db.sections(company)}
        entries = db.timeline(company).entries

    assert found["workspace.open_tasks"].records == [feed]
    assert found["workspace.comments"].records == [note]
    assert found["workspace.tags"].count == 1
    newest = entries[0]
    assert (newest.part.id, newest.record.title) == ("workspace.tasks_done", "Ride")
    assert newest.at - timedelta(hours=1) == entries[-1].at
    assert sorted(entry.part.id for entry in entries if entry.part) == [
        "workspace.comments_made",
        *["workspace.tasks_done"] * 2,
        *["workspace.tasks_made"] * 3,
    ]
