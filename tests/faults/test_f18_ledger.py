"""F18, for the ledger: append-only, chained, and told from its beginning it ends with what is stored."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from crmkit import Money
from crmkit.core.verifying import examine
from crmkit.core.verifying.ledger import examine_ledger, read_head
from crmkit.testing import both_databases
from tests.core.atelier import Artist, Commission, Rating, atelier

NAMES = st.sampled_from(["Ada", "Bea", "上海", "o'\"", " x "])
FEES = st.none() | st.decimals(0, 99, places=2)
DEEDS = st.sampled_from(["create", "update", "update", "rate", "order", "move", "delete", "restore", "undone"])


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(atelier(Rating), database=database, clock=clock)


class Life:
    """Does what people do, on a database that other examples have used before."""

    def __init__(self, crm, draw):
        self._crm, self._draw, self.anchors = crm, draw, []

    def step(self):
        self._crm.clock.advance(seconds=1)
        deed = self._draw(DEEDS)
        try:
            with self._crm.system("test") as db:
                getattr(self, deed)(db)
        except ZeroDivisionError:
            pass
        with self._crm.storage.snapshot() as connection:
            self.anchors.append(read_head(connection, self._crm.schema))

    def one(self, db, cls):
        found = db.find(cls, order_by="-created_at", limit=5)
        return self._draw(st.sampled_from(found)) if found else None

    def create(self, db):
        many = self._draw(st.integers(1, 3))
        db.create_many([Artist(name=self._draw(NAMES), fee=self._draw(FEES)) for _ in range(many)])

    def update(self, db):
        if artist := self.one(db, Artist):
            artist = db.update(artist, name=self._draw(NAMES), fee=self._draw(FEES))
            # Written again, it is no write.
            assert db.update(artist, name=artist.name, fee=artist.fee).version == artist.version

    def rate(self, db):
        if artist := self.one(db, Artist):
            db.update(artist, {"atelier.stars": self._draw(st.none() | st.integers(0, 5))})

    def order(self, db):
        price = Money.of(self._draw(st.decimals(1, 99, places=2)) or Decimal(1), "EUR")
        db.create(Commission(title=self._draw(NAMES), price=price, hours=self._draw(st.integers(0, 3))))

    def move(self, db):
        if (commission := self.one(db, Commission)) and commission.stage != "dropped":
            db.move(commission, "dropped")

    def delete(self, db):
        if artist := self.one(db, Artist):
            db.delete(artist)

    def restore(self, db):
        if artist := self.one(db, Artist):
            db.delete(artist)
            db.restore(Artist, artist.id)

    def undone(self, db):
        self.create(db)
        raise ZeroDivisionError


def check(crm, life):
    with crm.storage.snapshot() as connection:
        assert [found.sentence for found in examine(crm.model, connection)] == []
        for anchor in life.anchors:
            assert list(examine_ledger(connection, crm.schema, anchor)) == [], "a row that was written was changed"


@both_databases
@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_f18_history_folds_to_what_is_stored_whatever_is_done(crm, data):
    life = Life(crm, data.draw)
    for _turn in range(data.draw(st.integers(1, 8))):
        life.step()
    life.anchors = life.anchors[::3]

    check(crm, life)


@pytest.fixture
def now_and_then():
    """Say yes to every twentieth question: a look at everything takes longer the more there is."""
    questions = itertools.count(1)
    return lambda: next(questions) % 20 == 0


@pytest.mark.slow
@both_databases
@given(data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_f18_history_folds_to_what_is_stored_after_ten_thousand_steps(crm, now_and_then, data):
    life = Life(crm, data.draw)
    for _turn in range(50):
        life.step()
    life.anchors = life.anchors[:1]

    if now_and_then():
        check(crm, life)
