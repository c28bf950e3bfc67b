"""F18, for the ledger: append-only, chained, and told from its beginning it ends with what is stored."""

import itertools
from decimal import Decimal

import pytest
from attrs import frozen
from hypothesis import HealthCheck, given, settings, strategies as st

from crmkit import Money
from crmkit.core.verifying import examine
from crmkit.core.verifying.ledger import examine_ledger, read_head
from crmkit.testing import both_databases
from tests.core.atelier import Artist, Commission, Rating, atelier

NAMES = st.sampled_from(["Ada", "Bea", "上海", "o'\"", " x "])
FEES = st.none() | st.decimals(0, 99, places=2)
DEEDS = st.sampled_from(["create", "update", "update", "rate", "order", "move", "delete", "restore", "undone"])


@frozen
class Deed:
    """What is done, drawn before it is known what the database holds."""

    name: str
    many: int
    which: int
    text: str
    fee: Decimal | None
    stars: int | None


deed = st.builds(
    Deed,
    name=DEEDS,
    many=st.integers(1, 3),
    which=st.integers(0, 4),
    text=NAMES,
    fee=FEES,
    stars=st.none() | st.integers(0, 5),
)


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(atelier(Rating), database=database, clock=clock)


class Life:
    """Does what people do, on a database that other examples have used before."""

    def __init__(self, crm):
        self._crm, self.anchors = crm, []

    def do(self, deed):
        self._crm.clock.advance(seconds=1)
        try:
            with self._crm.system("test") as db:
                getattr(self, deed.name)(db, deed)
        except ZeroDivisionError:
            pass
        with self._crm.storage.snapshot() as connection:
            self.anchors.append(read_head(connection, self._crm.schema))

    def one(self, db, cls, deed):
        found = db.find(cls, order_by="-created_at", limit=5)
        return found[deed.which % len(found)] if found else None

    def create(self, db, deed):
        db.create_many([Artist(name=f"{deed.text}{number}", fee=deed.fee) for number in range(deed.many)])

    def update(self, db, deed):
        if artist := self.one(db, Artist, deed):
            artist = db.update(artist, name=deed.text, fee=deed.fee)
            # Written again, it is no write.
            assert db.update(artist, name=artist.name, fee=artist.fee).version == artist.version

    def rate(self, db, deed):
        if artist := self.one(db, Artist, deed):
            db.update(artist, {"atelier.stars": deed.stars})

    def order(self, db, deed):
        price = Money.of(deed.fee or Decimal(1), "EUR")
        db.create(Commission(title=deed.text, price=price, hours=deed.many))

    def move(self, db, deed):
        if (commission := self.one(db, Commission, deed)) and commission.stage != "dropped":
            db.move(commission, "dropped")

    def delete(self, db, deed):
        if artist := self.one(db, Artist, deed):
            db.delete(artist)

    def restore(self, db, deed):
        if artist := self.one(db, Artist, deed):
            db.delete(artist)
            db.restore(Artist, artist.id)

    def undone(self, db, deed):
        self.create(db, deed)
        raise ZeroDivisionError


def check(crm, life):
    with crm.storage.snapshot() as connection:
        assert [found.sentence for found in examine(crm.model, connection)] == []
        for anchor in life.anchors:
            assert list(examine_ledger(connection, crm.schema, anchor)) == [], "a row that was written was changed"


@both_databases
@given(st.lists(deed, min_size=1, max_size=8))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_f18_history_folds_to_what_is_stored_whatever_is_done(crm, deeds):
    life = Life(crm)
    for deed in deeds:
        life.do(deed)
    life.anchors = life.anchors[::3]

    check(crm, life)


@pytest.fixture
def now_and_then():
    """Say yes to every twentieth question: a look at everything takes longer the more there is."""
    questions = itertools.count(1)
    return lambda: next(questions) % 20 == 0


@pytest.mark.slow
@both_databases
@given(st.lists(deed, min_size=50, max_size=50))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_f18_history_folds_to_what_is_stored_after_ten_thousand_steps(crm, now_and_then, deeds):
    life = Life(crm)
    for deed in deeds:
        life.do(deed)
    life.anchors = life.anchors[:1]

    if now_and_then():
        check(crm, life)
