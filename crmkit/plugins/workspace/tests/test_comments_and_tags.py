from __future__ import annotations

import pytest

from crmkit import ForbiddenError, ValidationError
from crmkit.testing import both_databases

from .. import services
from ..entities import Comment, Tag, Task


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm("workspace", clock=clock, database=database)


@pytest.fixture
def anna(people):
    return people.user("Anna", team="Berlin", roles=["workspace.member"])


@pytest.fixture
def bo(people):
    return people.user("Bo", team="Berlin", roles=["workspace.member"])


@pytest.fixture
def eve(people):
    return people.user("Eve", team="Paris", roles=["workspace.member"])


@pytest.fixture
def task(crm, anna):
    with crm.write(anna) as db:
        return db.create(Task(title="Invite everybody"))


def test_comments_come_in_the_order_of_talk(crm, anna, bo, task):
    for person, words in ((anna, "Who has the list?"), (bo, "梅 has it.")):
        with crm.write(person) as db:
            services.comment(db, task, words)

    with crm.read(anna) as db:
        assert [said.body for said in services.comments_of(db, task)] == ["Who has the list?", "梅 has it."]


@both_databases
def test_comment_is_seen_only_where_its_record_is(crm, anna, eve, task):
    with crm.write(anna) as db:
        services.comment(db, task, "Not for Paris")

    with crm.read(eve) as db:
        assert db.find(Comment) == []


def test_comment_on_a_hidden_record_answers_as_on_one_that_does_not_exist(crm, eve, task):
    with crm.write(eve) as db, pytest.raises(ValidationError, match=f"there is no workspace.task {task.id}"):
        services.comment(db, task, "I know your ids")


def test_comment_cannot_be_commented_on(crm, anna, task):
    with crm.write(anna) as db:
        first = services.comment(db, task, "First")
        with pytest.raises(ValidationError, match="cannot point at records of 'workspace.comment'"):
            services.comment(db, first, "Second")


def test_comment_is_changed_only_by_whoever_said_it(crm, anna, bo, task):
    with crm.write(anna) as db:
        said = services.comment(db, task, "Frist")
        said = db.update(said, body="First")

    with crm.write(bo) as db, pytest.raises(ForbiddenError, match="you may not update"):
        db.update(db.get(Comment, said.id), body="Worst")


def test_tag_that_nobody_used_before_is_made(crm, anna, task):
    with crm.write(anna) as db:
        services.tag(db, task, "VIP", "中国")

        assert [tag.name for tag in services.tags_of(db, task)] == ["VIP", "中国"]


@both_databases
def test_tag_is_the_same_in_upper_and_lower_case(crm, anna, task):
    with crm.write(anna) as db:
        services.tag(db, task, "Straße")
        services.tag(db, task, "STRASSE", " straße ")

        assert [tag.name for tag in db.find(Tag)] == ["Straße"]
        assert len(services.tags_of(db, task)) == 1


def test_untag_takes_off_what_is_there_and_says_how_much_that_was(crm, anna, task):
    with crm.write(anna) as db:
        services.tag(db, task, "VIP", "hot")

        assert services.untag(db, task, "vip", "cold") == 1
        assert [tag.name for tag in services.tags_of(db, task)] == ["hot"]


def test_deleted_tag_is_taken_off_its_records(crm, anna, task, people):
    chief = people.user("Chief", team="Berlin", roles=["workspace.manager"])
    with crm.write(anna) as db:
        [tag] = services.tag(db, task, "VIP")

    with crm.write(chief) as db:
        db.delete(tag)

        assert services.tags_of(db, task) == []


def test_viewer_sees_everything_and_changes_nothing(crm, anna, task, people):
    auditor = people.user("Auditor", roles=["workspace.viewer"])
    with crm.write(anna) as db:
        services.comment(db, task, "Noted")

    with crm.write(auditor) as db:
        assert len(services.comments_of(db, task)) == 1
        with pytest.raises(ForbiddenError, match="you may not create"):
            services.comment(db, task, "Me too")
