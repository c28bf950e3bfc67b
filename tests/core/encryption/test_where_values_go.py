"""Everywhere else that a value could stand: match keys, merges, approvals, erasures, backups, and what is checked."""

from datetime import datetime
from uuid import UUID

import pytest
import sqlalchemy as sa

from crmkit import (
    Approval,
    DueRecord,
    EncryptionKeyError,
    Grant,
    Job,
    LongText,
    Matcher,
    MatchKey,
    Move,
    Owned,
    Pipeline,
    Pipelined,
    PluginError,
    Record,
    RecordSchedule,
    Role,
    Rule,
    Section,
    Stage,
    TimelinePart,
    computed,
    entity,
    erase_person,
    field,
    personal_data,
    ref,
    request_approval,
)
from crmkit.backup.making import make_backup
from crmkit.backup.reading import check_backup
from crmkit.backup.restoring import restore_backup
from crmkit.backup.sealing import Key
from crmkit.core.fields import Integer
from crmkit.core.reading.measures import MeasureError, count, total
from crmkit.core.reading.ordering import OrderError
from crmkit.core.rules.errors import RuleError
from crmkit.core.verifying import examine
from crmkit.testing import both_databases, plugin
from tests.core.encryption.vault import EVERYTHING, KEYS, ROLES, Account, Holder, _, vault

IBAN = "DE89370400440532013000"
KEY = Key(b"correct horse battery staple", cost=4)


def findings(crm):
    with crm.storage.snapshot() as connection:
        return [(found.check, found.table, found.sentence) for found in examine(crm.model, connection)]


def everything(crm):
    with crm.storage.reading() as connection:
        tables = sa.inspect(connection).get_table_names()
        return {name: str(connection.exec_driver_sql(f"SELECT * FROM {name}").all()) for name in tables}


@both_databases
def test_the_database_verifies_and_a_value_from_elsewhere_is_found(crm, keeper):
    with crm.write(keeper) as db:
        one, other = db.create_many([Account(iban=IBAN, note="one"), Account(iban="X", note="other")])
        holder = db.create(Holder(name="Anna"))
        db.update(holder, {"vault.word": "sesame"})
    with crm.write(keeper) as db:
        db.update(db.get(Account, one.id), note="changed", rank=4)
    assert findings(crm) == []
    table = crm.schema.tables["vault_account"]
    with crm.storage.writing() as connection:
        stolen = connection.scalar(sa.select(table.c.note_sealed).where(table.c.id == other.id))
        connection.execute(sa.update(table).where(table.c.id == one.id).values(note_sealed=stolen))
    (found,) = findings(crm)
    assert found[:2] == ("history", "vault_account")
    assert str(one.id) in found[2]


@pytest.mark.long
def test_a_blind_index_that_leads_to_another_value_is_found(crm, keeper):
    with crm.write(keeper) as db:
        one, other = db.create_many([Account(iban=IBAN), Account(iban="X", bank="Other")])
    table = crm.schema.tables["vault_account"]
    raw = sa.type_coerce(table.c.iban_index, sa.String())
    with crm.storage.writing() as connection:
        token = connection.scalar(sa.select(raw).where(table.c.id == one.id))
        connection.exec_driver_sql("UPDATE vault_account SET iban_index = ? WHERE bank = 'Other'", (token,))
    assert findings(crm) == [("history", "vault_account", "the blind index of iban is that of another value")]
    assert other.iban == "X"


@both_databases
def test_a_merge_carries_values_over_and_an_unmerge_brings_them_back(crm, keeper):
    with crm.write(keeper) as db:
        winner, loser = db.create_many(
            [Account(iban=IBAN, note="mine"), Account(iban="X", note="theirs", bank="B", rank=7)]
        )
    with crm.write(keeper) as db:
        db.merge(winner, [loser], choose={"note": loser.id})
    with crm.read(keeper) as db:
        merged = db.get(Account, winner.id)
        assert (merged.iban, merged.note, merged.rank) == (IBAN, "theirs", 7)
        assert db.find(Account, "rank == 7") == [merged]
    assert findings(crm) == []
    with crm.write(keeper) as db:
        db.unmerge(Account, loser.id)
    with crm.read(keeper) as db:
        again = db.get_many(Account, [winner.id, loser.id])
        assert [(a.iban, a.note, a.rank) for a in (again[winner.id], again[loser.id])] == [
            (IBAN, "mine", None),
            ("X", "theirs", 7),
        ]
    assert findings(crm) == []
    assert not [table for table, rows in everything(crm).items() if IBAN in rows or "theirs" in rows]


def test_keys_of_matchers_are_tokens(make_crm, people_of):
    def crmkit_register_matchers():
        return [Matcher("vault.account", [MatchKey("iban", ["iban"], lambda v: [v["iban"]], identifies=True)])]

    crm, keeper = people_of(make_crm(vault(hooks=[crmkit_register_matchers])))
    with crm.write(keeper) as db:
        account = db.create(Account(iban=IBAN))
    with crm.read(keeper) as db:
        assert [match.id for match in db.matches(Account(iban=IBAN)).records] == [account.id]
        assert db.matches(Account(iban="other")).records == []
    rows = everything(crm)
    assert "iban:" in rows["core_match_key"]
    assert IBAN not in str(rows)


@pytest.mark.long
@both_databases
def test_a_backup_has_no_value_in_clear_and_is_restored_with_the_keys(crm, keeper, make_crm, database, tmp_path):
    with crm.write(keeper) as db:
        account = db.create(Account(iban=IBAN, note="note"))
    made = make_backup(crm, tmp_path / "crm.backup", KEY)
    check_backup(made.file, KEY)
    restored = make_crm.blank(vault(), database=database)
    restore_backup(restored, made.file, KEY)
    with restored.read(restored.principal("Kim")) as db:
        assert db.find(Account, f'iban == "{IBAN}"')[0].note == "note"
        assert db.get(Account, account.id).iban == IBAN
    assert findings(restored) == []


@entity("vault.patient", label=_("Patient"), person=True, kept=_("law"))
class Patient(Record):
    name: str = field(personal=True, purpose="care", encrypted=True, blind_index=True)
    illness: str | None = field(personal=True, purpose="care", encrypted=True, default=None)


@both_databases
def test_an_erased_person_leaves_no_value_behind(make_crm, people_of, database):
    roles = [Role("vault.keeper", _("Keeper"), [Grant("vault.patient", (*EVERYTHING, "erase"), "all")])]
    crm, keeper = people_of(make_crm(plugin("vault", entities=[Patient], roles=roles), database=database))
    with crm.write(keeper) as db:
        patient = db.create(Patient(name="Anna", illness="flu"))
        assert {each.field: each.encrypted for each in personal_data(db)}["illness"]
    with crm.write(keeper) as db:
        erase_person(db, patient)
    with crm.system("looks") as db:
        left = db.get(Patient, patient.id)
        assert (left.name, left.illness) == ("erased", None)
        assert db.find(Patient, 'name == "Anna"') == []
        assert db.find(Patient, 'name == "erased"') == [left]
        assert all(not entry.changes for entry in db.history(left))
    assert findings(crm) == []


@entity("vault.payment", label=_("Payment"))
class Payment(Owned, Pipelined):
    iban: str = field(encrypted=True)


PAYING = Pipeline(
    "vault.paying",
    "vault.payment",
    _("Paying"),
    [Stage("asked", _("Asked")), Stage("paid", _("Paid"), "won", 100)],
    [Move("asked", "paid", approval=Approval(roles=["vault.keeper"], fields=["iban"]))],
)


def test_a_request_for_approval_is_void_once_the_value_changed_and_tells_nothing_of_it(make_crm, people_of):
    roles = [Role("vault.keeper", _("Keeper"), [Grant("vault.payment", (*EVERYTHING, "move"), "all")])]
    module = plugin("vault", entities=[Payment], pipelines=[PAYING], roles=roles)
    crm, keeper = people_of(make_crm(module))
    with crm.write(keeper) as db:
        payment = db.create(Payment(iban=IBAN))
        first = request_approval(db, payment, "paid")
        assert request_approval(db, payment, "paid") == first
        payment = db.update(payment, iban="X")
        assert request_approval(db, payment, "paid") != first


@pytest.mark.parametrize(
    ("ask", "error", "told"),
    [
        (lambda db: db.find(Account, order_by="iban"), OrderError, "encrypted"),
        (lambda db: db.aggregate(Account, group_by="iban", measures={"n": count()}), MeasureError, "encrypted"),
        (lambda db: db.aggregate(Account, group_by="bank", measures={"sum": total("rank")}), MeasureError, "encrypted"),
        (lambda db: db.find(Account, 'iban > "A"'), RuleError, "Accepted: ==, !=, in"),
        (lambda db: db.find(Account, 'iban.startsWith("DE")'), RuleError, "Accepted: ==, !=, in"),
        (lambda db: db.find(Account, 'iban.lower() == "de"'), RuleError, "Accepted: ==, !=, in"),
        (lambda db: db.find(Account, "iban == bank"), RuleError, "constants only"),
        (lambda db: db.find(Account, "iban == kind"), RuleError, "constants only"),
        (lambda db: db.find(Account, "rank + 1 == 2"), RuleError, "calculate"),
        (lambda db: db.find(Account, 'rank == "x"'), RuleError, "a number"),
        (lambda db: db.find(Account, "opened_on == today()"), RuleError, "constants only"),
        (lambda db: db.find(Account, "is_blocked"), RuleError, "no condition"),
        (lambda db: db.find(Account, "is_blocked == true"), RuleError, "blind index"),
        (lambda db: db.find(Account, 'note == "x"'), RuleError, "blind index"),
        (lambda db: db.find(Account, 'note in ["x"]'), RuleError, "blind index"),
        (lambda db: db.find(Account, 'flags == ["a"]'), RuleError, "list"),
        (lambda db: db.find(Account, 'flags.contains("a")'), RuleError, "encrypted"),
        (lambda db: db.find(Account, '(bank == "" ? iban : kind) == "x"'), RuleError, "not of one kind"),
        (lambda db: db.find(Account, 'kind == "other"'), RuleError, "none of the choices"),
    ],
)
def test_what_only_clear_values_can_answer_is_refused_with_what_is_accepted(crm, keeper, ask, error, told):
    with crm.read(keeper) as db, pytest.raises(error, match=told):
        ask(db)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        (field(encrypted=True, search=True), "searched"),
        (field(encrypted=True, indexed=True), "blind_index"),
        (field(encrypted=True, unique=True), "blind_index"),
        (field(blind_index=True), "only encrypted"),
        (field(LongText(), encrypted=True, blind_index=True), "blind index"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused_before_anything_runs(make_crm, declared, told):
    @entity("vault.thing", label=_("Thing"))
    class Thing(Record):
        word: str = declared

    with pytest.raises(PluginError, match=told):
        make_crm(plugin("vault", entities=[Thing]))


@entity("vault.visit", label=_("Visit"))
class Visit(Owned):
    at: datetime = field(encrypted=True)
    account_id: UUID = ref("vault.account")


VISITING = Role("vault.visiting", _("Visiting"), [Grant("vault.visit", EVERYTHING, "all")])


def _look(context, arguments): ...


LOOK = Job("vault.look", _look, arguments=DueRecord)


@entity("vault.transfer", label=_("Transfer"))
class Transfer(Record):
    account_id: UUID = ref("vault.account")


@pytest.mark.parametrize(
    ("hook", "declared", "told"),
    [
        (
            "sections",
            Section("vault.visits", _("Visits"), "vault.visit", via="account", order_by=["-at"]),
            "encrypted",
        ),
        ("sections", TimelinePart("vault.visited", _("Visits"), "vault.visit", via="account", at="at"), "no moment"),
        ("schedules", RecordSchedule("vault.due", "vault.visit", "at", LOOK.id), "no field with a date"),
    ],
)
def test_what_is_declared_on_its_order_is_refused_before_anything_runs(make_crm, hook, declared, told):
    def register():
        return [declared]

    register.__name__ = f"crmkit_register_{hook}"
    given = {"schedules": [declared]} if hook == "schedules" else {"hooks": [register]}
    module = vault(Visit, jobs=[LOOK], roles=[*ROLES, VISITING], **given)
    with pytest.raises(PluginError, match=told):
        make_crm(module)


@both_databases
def test_rules_reach_it_through_references_and_in_grants(make_crm, people_of, database):
    giro = Role("vault.keeper", _("Keeper"), [
        Grant("vault.account", EVERYTHING, Rule.parse('kind == "giro"')),
        Grant("vault.transfer", EVERYTHING, "all"),
    ])  # fmt: skip
    module = plugin("vault", entities=[Account, Transfer], roles=[giro])
    crm, keeper = people_of(make_crm(module, database=database))
    with crm.system("fills") as db:
        giro, savings = db.create_many([Account(iban=IBAN, kind="giro"), Account(iban="S", kind="savings")])
        db.create_many([Transfer(account_id=giro.id), Transfer(account_id=savings.id)])
        assert [t.account_id for t in db.find(Transfer, f'account.iban == "{IBAN}"')] == [giro.id]
        assert [t.account_id for t in db.find(Transfer, f'!(account.iban in ["{IBAN}"])')] == [savings.id]
    with crm.read(keeper) as db:
        assert [account.iban for account in db.find(Account)] == [IBAN]
        assert [t.account_id for t in db.find(Transfer, f'account.iban == "{IBAN}"')] == [giro.id]
        assert db.find(Transfer, 'account.iban == "S"') == []


def test_nothing_is_computed_from_it(make_crm):
    @entity("vault.thing", label=_("Thing"))
    class Thing(Record):
        size: int = field(encrypted=True)

        @computed(Integer(), needs=["size"])
        def double(self):
            return self.size * 2

    with pytest.raises(PluginError, match="is computed from 'size'"):
        make_crm(plugin("vault", entities=[Thing]))


@pytest.mark.long
def test_without_the_key_nothing_opens_and_nothing_is_written(opened):
    with pytest.raises(EncryptionKeyError, match="no key"), opened().system("begins"):
        pass
    with opened("old").system("begins") as db:
        account = db.create(Account(iban=IBAN))
    for names, told in (((), "no key"), (("new",), "'old'"), ((KEYS["new"].replace("new", "old"),), "is not the one")):
        with pytest.raises(EncryptionKeyError, match=told), opened(*names).system("comes back") as db:
            db.update(db.get(Account, account.id), note="x")
    with opened("new", "old").system("comes back") as db:
        assert db.get(Account, account.id).version == 1
