"""Visits: what is told of them is what may be known of the record and of the people."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from crmkit import Grant, Mask, Money, NotFoundError, UnknownFieldError, Visit
from crmkit.core.reading.limits import LimitError
from crmkit.testing import both_databases
from tests.core.atelier import Artist, Commission

DAY = timedelta(days=1)


@pytest.fixture
def commission(crm, clock, master, painter):
    """Let the painter ask for a picture, and the master sketch and drop it, a day after the other."""
    with crm.write(painter) as db:
        made = db.create(Commission(title="Sea", hours=3, price=Money.of(5, "EUR")))
    for stage in ("sketched", "dropped"):
        clock.travel(clock.now() + DAY)
        with crm.write(master) as db:
            db.move(db.get(Commission, made.id), stage)
    clock.travel(clock.now() + DAY)
    return made


@both_databases
def test_visits_tell_from_when_to_when_and_by_whom(crm, clock, commission, master, painter):
    start = clock.now() - 3 * DAY
    with crm.read(master) as db:
        visits = db.visits(commission)
    painted, mastered = painter.user_id, master.user_id
    first = visits[0].id
    assert visits == [
        Visit(first, "asked", "atelier.work", 1, start, painted, start + DAY, mastered),
        Visit(first + 1, "sketched", "atelier.work", 1, start + DAY, mastered, start + 2 * DAY, mastered),
        Visit(first + 2, "dropped", "atelier.work", 1, start + 2 * DAY, mastered, None, None),
    ]


@both_databases
def test_visits_come_page_by_page(crm, commission, master):
    with crm.read(master) as db:
        visits = db.visits(commission)
        pages = [db.visits(commission, limit=2), db.visits(commission, limit=2, after=visits[1].id)]
        assert pages == [visits[:2], visits[2:]]
        assert db.visits(commission, after=visits[2].id) == []
        with pytest.raises(LimitError):
            db.visits(commission, limit=0)


@both_databases
def test_visits_name_nobody_who_is_not_visible(crm, people, commission, master):
    people.role("recluse", [Grant("atelier.commission", ["read"], "all")])
    recluse = people.user("Recluse", roles=["recluse"], member=False)
    with crm.read(recluse) as db:
        visits, relation = db.visits(commission), db.visible_visits(Commission)
        told = db.execute(sa.select(relation.c.entered_by, relation.c.left_by)).all()
    assert [visit.stage for visit in visits] == ["asked", "sketched", "dropped"]
    assert {name for visit in visits for name in (visit.entered_by, visit.left_by)} == {None}
    assert told == [(None, None)] * 3


@both_databases
def test_visits_of_a_record_that_is_not_visible_are_not_found(crm, people, commission, master, painter):
    other = people.user("Egon", team="Rivals", roles=["atelier.painter"])
    with crm.read(other) as db:
        with pytest.raises(NotFoundError):
            db.visits(commission)
        visits = db.visible_visits(Commission)
        assert db.execute(sa.select(sa.func.count()).select_from(visits)).scalar() == 0
    with crm.read(painter) as db:
        visits = db.visible_visits(Commission)
        assert db.execute(sa.select(sa.func.count()).select_from(visits)).scalar() == 3


@both_databases
def test_visits_add_up_over_the_records_that_are_visible(crm, commission, master):
    with crm.read(master) as db:
        visits, commissions = db.visible_visits(Commission), db.visible(Commission)
        counted = sa.select(visits.c.stage, sa.func.count(), sa.func.min(visits.c.entered_at))
        joined = counted.join(commissions, commissions.c.id == visits.c.record_id)
        for statement in (counted, joined):
            rows = db.execute(statement.group_by(visits.c.stage).order_by(visits.c.stage)).all()
            assert [row[:2] for row in rows] == [("asked", 1), ("dropped", 1), ("sketched", 1)]


@pytest.mark.parametrize(
    ("hidden", "missing"), [("stage_entered_at", {"entered_at", "left_at"}), ("pipeline", {"pipeline"})]
)
def test_visits_tell_nothing_of_a_hidden_field(crm, people, commission, hidden, missing):
    people.role("half", [Grant("atelier.commission", ["read"], "all")], [Mask("atelier.commission", [hidden])])
    half = people.user("Half", roles=["half"])
    with crm.read(half) as db:
        for visit in db.visits(commission):
            assert {getattr(visit, name) for name in missing} == {None}
        assert not missing & set(db.visible_visits(Commission).c.keys())


def test_visits_to_hidden_stages_and_of_records_without_one_do_not_exist(crm, people, commission, master):
    people.role("blind", [Grant("atelier.commission", ["read"], "all")], [Mask("atelier.commission", ["stage"])])
    blind = people.user("Blind", roles=["blind"])
    with crm.read(blind) as db:
        for ask in (lambda: db.visits(commission), lambda: db.visible_visits(Commission)):
            with pytest.raises(UnknownFieldError, match="has no field 'stage'"):
                ask()
    with crm.write(master) as db:
        ada = db.create(Artist(name="Ada"))
        for ask in (lambda: db.visits(ada), lambda: db.visible_visits(Artist)):
            with pytest.raises(UnknownFieldError, match="has no field 'stage'"):
                ask()
