"""Encrypted fields: what stands in the database, who reads it, and what is refused."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from crmkit import ConflictError, EncryptionKeyError, Rule, SealedValueError, UnknownFieldError
from crmkit.core.entity import entity_info
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.rules.check import check
from crmkit.core.rules.memory import Row
from crmkit.core.rules.moment import Moment
from crmkit.testing import both_databases
from tests.core.encryption.vault import Account, Holder, Secret

IBAN = "DE89370400440532013000"
VALUES = {
    "note": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=60),
    "limit": st.decimals(-(10**12), 10**12, places=2),
    "rank": st.integers(-(2**63), 2**63 - 1),
    "is_blocked": st.booleans(),
    "opened_on": st.dates(),
    "checked_at": st.datetimes(timezones=st.just(UTC)),
    "kind": st.sampled_from(["giro", "savings"]),
    "flags": st.sets(st.sampled_from(["a", "b"])),
    "extra": st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.text(st.characters(codec="ascii", exclude_characters="\0")),
        lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("xyz"), below, max_size=3),
        max_leaves=5,
    ),
}


def values_of(record):
    return Row({name: getattr(record, name) for name in entity_info(Account).fields})


def everything(crm):
    """Return all that the database holds, as text, by table."""
    with crm.storage.reading() as connection:
        tables = sa.inspect(connection).get_table_names()
        return {name: str(connection.exec_driver_sql(f"SELECT * FROM {name}").all()) for name in tables}


@both_databases
def test_a_value_stands_nowhere_in_clear_and_comes_back(crm, keeper):
    with crm.write(keeper) as db:
        account = db.create(Account(iban=IBAN, note="quite a person", limit=Decimal("734098765432.25")))
    with crm.write(keeper) as db:
        db.update(db.get(Account, account.id), note="nobody at all")
    for table, rows in everything(crm).items():
        assert not [
            word
            for word in (IBAN, "quite a person", "nobody at all", "734098765432.25", "73409876543225")
            if word in rows
        ], table
    with crm.read(keeper) as db:
        found = db.get(Account, account.id)
        told = [entry.changes.get("note") for entry in db.history(found)]
    assert (found.iban, found.note, found.limit) == (IBAN, "nobody at all", Decimal("734098765432.25"))
    assert told == [(None, "quite a person"), ("quite a person", "nobody at all")]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.fixed_dictionaries({}, optional=VALUES))
def test_every_value_of_every_type_comes_back_as_it_was_written(crm, keeper, values):
    with crm.write(keeper) as db:
        made = db.create(Account(iban=uuid4().hex, **values))
        wanted = {name: getattr(made, name) for name in values}
    with crm.read(keeper) as db:
        read = db.get(Account, made.id)
        assert {name: getattr(read, name) for name in values} == wanted


@both_databases
def test_a_value_of_an_extension_is_encrypted_as_well(crm, keeper):
    with crm.write(keeper) as db:
        one, other = db.create_many([Holder(name="Anna"), Holder(name="Bert")])
        db.update(one, {"vault.word": "sesame"})
    with crm.write(keeper) as db:
        db.update(db.get(Holder, one.id), {"vault.word": "mellon"})
    with crm.read(keeper) as db:
        assert Secret.of(db, one).word == "mellon"
        assert Secret.of(db, other).word is None
        assert [h.name for h in db.find(Holder, 'vault.word == "mellon"')] == ["Anna"]
        assert [h.name for h in db.find(Holder, 'vault.word != "mellon"')] == ["Bert"]
        assert [h.name for h in db.find(Holder, "vault.word == null")] == ["Bert"]
        assert [e.changes.get("vault.word") for e in db.history(one)][1:] == [(None, "sesame"), ("sesame", "mellon")]
    assert "mellon" not in str(everything(crm))


@both_databases
@pytest.mark.parametrize("column", ["note_sealed", "iban_sealed"])
def test_what_was_copied_from_another_record_or_changed_is_refused(crm, keeper, column):
    with crm.write(keeper) as db:
        mine, other = db.create_many([Account(iban=IBAN, note="mine"), Account(iban="XX1", note="other")])
    table = crm.schema.tables["vault_account"]
    theirs = sa.select(table.c[column]).where(table.c.id == other.id)
    with crm.storage.writing() as connection:
        stolen = connection.scalar(theirs)
        connection.execute(sa.update(table).where(table.c.id == mine.id).values({column: stolen}))
    with crm.read(keeper) as db, pytest.raises(SealedValueError, match=str(mine.id)):
        db.get(Account, mine.id)


@pytest.mark.long
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_no_changed_character_goes_unnoticed(crm, keeper, data):
    with crm.read(keeper):
        pass
    keys, record = crm.schema._keys, uuid4()
    sealed = keys.sealer("here")("a secret", record)
    place = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != sealed[place]))
    changed = sealed[:place] + other + sealed[place + 1 :]
    # Another number of the key is that of no key.
    with pytest.raises((SealedValueError, EncryptionKeyError)):
        keys.opener("here")(changed, record)


def test_a_column_of_the_same_record_is_no_place_for_another_ones_value(crm, keeper):
    with crm.write(keeper) as db:
        account = db.create(Account(iban=IBAN, note="a note"))
    table = crm.schema.tables["vault_account"]
    with crm.storage.writing() as connection:
        connection.execute(sa.update(table).values(note_sealed=table.c.iban_sealed))
    with crm.read(keeper) as db, pytest.raises(SealedValueError, match="vault_account.note"):
        db.get(Account, account.id)


@both_databases
def test_uniqueness_holds_by_the_blind_index(crm, keeper):
    with crm.write(keeper) as db:
        db.create(Account(iban=IBAN))
        db.create(Account(iban=IBAN, bank="Other"))
    with pytest.raises(ConflictError), crm.write(keeper) as db:
        db.create(Account(iban=IBAN))


def test_who_may_not_read_the_field_meets_it_nowhere(crm, clerk, keeper):
    with crm.write(keeper) as db:
        account = db.create(Account(iban=IBAN))
    with crm.read(clerk) as db:
        for ask in (f'iban == "{IBAN}"', "nosuch == 1"):
            with pytest.raises(UnknownFieldError):
                db.find(Account, ask)
        seen = db.get(Account, account.id)
        with pytest.raises(AttributeError):
            _ = seen.iban
        assert "iban" not in str([entry.changes for entry in db.history(seen)])
        assert not [name for name in db.visible(Account).c.keys() if "iban" in name]  # noqa: SIM118


def test_a_statement_has_no_column_of_it(crm, keeper):
    with crm.read(keeper) as db:
        assert not [name for name in db.visible(Account).c.keys() if "sealed" in name or "index" in name]  # noqa: SIM118


@both_databases
@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (f'iban == "{IBAN}"', "a"),
        (f'iban != "{IBAN}"', "bc"),
        (f'iban in ["{IBAN}", "B"]', "ab"),
        ('!(iban in ["B"])', "ac"),
        ("limit == 10.5", "a"),
        ("limit == 10.501", ""),
        ("limit != 10.50", "bc"),
        ("limit in [10.5, 3]", "ab"),
        ("rank == -7", "b"),
        ("rank == 0", "c"),
        ('opened_on == date("2026-01-31")', "a"),
        ('checked_at == datetime("2026-01-31T10:00:00+01:00")', "a"),
        ('kind == "giro"', "a"),
        ("kind == null", "bc"),
        ("note == null", "bc"),
        ("note != null && rank == null", "a"),
        ('bank == "Bank" ? iban == "B" : iban == "C"', "b"),
    ],
)
def test_equality_is_the_same_in_sql_and_in_memory(crm, keeper, rule, found):
    moment = datetime(2026, 1, 31, 9, tzinfo=UTC)
    accounts = {
        "a": Account(
            iban=IBAN, limit=Decimal("10.50"), opened_on=date(2026, 1, 31), checked_at=moment, kind="giro", note="n"
        ),
        "b": Account(iban="B", limit=Decimal(3), rank=-7),
        "c": Account(iban="C", rank=0),
    }
    with crm.write(keeper) as db:
        made = dict(zip(accounts, db.create_many(list(accounts.values())), strict=True))
    with crm.read(keeper) as db:
        in_sql = {record.id for record in db.find(Account, rule)}
    checked = check(Rule.parse(rule), FieldScope(crm.registry, crm.registry.entity(Account)))
    in_memory = {record.id for record in made.values() if checked.holds(values_of(record), Moment.at(moment))}
    assert in_sql == in_memory == {made[name].id for name in found}
