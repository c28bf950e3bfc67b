"""Changing keys: the old one reads until the end, and whoever is killed goes on."""

from decimal import Decimal

import pytest
import sqlalchemy as sa

from crmkit import EncryptionKeyError
from crmkit.cli.checkup_encryption import examine_encryption
from crmkit.core.encryption import rotating
from crmkit.core.encryption.rotating import change_data_key, change_master_key, keys_in_use
from crmkit.core.verifying import examine
from crmkit.testing import both_databases
from tests.core.encryption.vault import Account, Holder, Secret, vault

IBAN = "DE89370400440532013000"


@pytest.fixture
def filled(crm, keeper):
    with crm.write(keeper) as db:
        db.create_many([Account(iban=f"{IBAN}{n}", limit=Decimal(n)) for n in range(25)])
        db.update(db.create(Holder(name="Anna")), {"vault.word": "sesame"})
    return crm


def in_use(crm):
    return {
        (each.entity, each.field): (each.newest, each.older) for each in keys_in_use(crm) if each.newest or each.older
    }


@both_databases
def test_every_value_gets_the_new_key_and_all_else_stays(filled, keeper):
    crm = filled
    with crm.read(keeper) as db:
        before = db.find(Account, order_by="created_at")
    first = change_data_key(crm)
    assert (first.sealed, first.left) == (51, 0)
    assert in_use(crm) == {
        ("vault.account", "iban"): (25, 0),
        ("vault.account", "limit"): (25, 0),
        ("vault.holder", "vault.word"): (1, 0),
    }
    with crm.read(keeper) as db:
        after = db.find(Account, order_by="created_at")
        assert [(a.iban, a.limit, a.version) for a in after] == [(a.iban, a.limit, a.version) for a in before]
        assert db.find(Account, f'iban == "{IBAN}7"')[0].limit == 7
        assert db.history(before[3])[0].changes["iban"] == (None, before[3].iban)
        assert [Secret.of(db, holder).word for holder in db.find(Holder)] == ["sesame"]
    with crm.storage.snapshot() as connection:
        assert list(examine(crm.model, connection)) == []
    assert change_data_key(crm).number == first.number + 1


@both_databases
def test_killed_half_way_it_goes_on_and_both_keys_read_meanwhile(filled, keeper, monkeypatch):
    crm, batches = filled, []
    monkeypatch.setattr(rotating, "_BATCH", 4)
    keep = rotating._keep_count

    def killed(*given):
        keep(*given)
        batches.append(1)
        if len(batches) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(rotating, "_keep_count", killed)
    with pytest.raises(KeyboardInterrupt):
        change_data_key(crm)
    assert sum(newest for newest, _older in in_use(crm).values()) == 8
    with crm.write(keeper) as db:
        assert len(db.find(Account, "limit != null")) == 25
        db.create(Account(iban="meanwhile"))
    monkeypatch.setattr(rotating, "_keep_count", keep)
    resumed = change_data_key(crm)
    assert (resumed.sealed, resumed.left) == (51, 0)
    assert in_use(crm)["vault.account", "iban"] == (26, 0)


def test_another_process_uses_the_new_key_from_its_next_transaction_on(filled, keeper):
    crm = filled
    other = crm.sibling(str(crm.storage.url))
    with other.read(keeper) as db:
        assert len(db.find(Account)) == 25
    number = change_data_key(crm).number
    with other.write(keeper) as db:
        made = db.create(Account(iban="there"))
    other.close()
    table = crm.schema.tables["vault_account"]
    with crm.storage.reading() as connection:
        sealed = connection.scalar(sa.select(table.c.iban_sealed).where(table.c.id == made.id))
    assert sealed.startswith(f"{number}.")


@pytest.mark.long
def test_the_master_key_is_changed_without_touching_a_value(opened):
    crm = opened("old")
    with crm.system("fills") as db:
        account = db.create(Account(iban=IBAN))
    crm = opened("new", "old")
    assert change_master_key(crm) == 2
    assert change_master_key(crm) == 0
    with opened("new").system("reads") as db:
        assert db.get(Account, account.id).iban == IBAN
    with pytest.raises(EncryptionKeyError, match="'new'"), opened("old").system("reads"):
        pass


def test_a_key_that_was_never_committed_is_used_by_nobody(filled, keeper, monkeypatch):
    crm, newest = filled, filled.schema._keys.newest("values")
    monkeypatch.setattr(rotating, "refresh_keys", lambda model: None)
    with pytest.raises(ZeroDivisionError), crm.system("fails") as db:
        rotating._begun(crm, db._connection, db.now)
        raise ZeroDivisionError
    with crm.write(keeper) as db:
        db.create(Account(iban="later"))
    assert crm.schema._keys.newest("values") == newest


def test_the_doctor_says_which_key_is_missing_and_which_is_to_be_used(opened):
    found = [each for names in (["old"], ["new"], ["new", "old"]) for each in examine_encryption(opened(*names))]
    assert [each.status for each in found] == ["ok", "fail", "warn"]
    assert found[0].facts["master"] == "old"
    assert "'old'" in found[1].facts["reason"]


@pytest.mark.parametrize("plugins", [(), (vault(),)])
def test_every_database_has_keys_of_its_own(make_crm, plugins):
    one, other = make_crm(*plugins), make_crm(*plugins)
    assert one.schema._keys is not other.schema._keys
    assert one.schema._keys is one.model.schema._keys
