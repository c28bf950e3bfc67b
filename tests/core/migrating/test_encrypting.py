"""A field that is encrypted from now on, or no more: its values are converted, and nothing else changes."""

from datetime import date

import pytest

from crmkit.core.migrating import apply, make_revision
from crmkit.core.verifying import examine
from crmkit.testing import both_databases

PAYER = """
@entity("shop.payer", label=Text("Payer"))
class Payer(Record):
    name: str = field()
    iban: str = field(Line(max=34){options})
    born_on: date | None = field(default=None{options})

@extension(of="shop.payer")
class Card:
    number: str | None = field(Line(max=20), default=None{options})
"""
RENAMING = """from crmkit import rename_field


def upgrade() -> None:
    rename_field("shop.payer", "iban", "account")
"""
SECRET = ", encrypted=True, blind_index=True"


class Payers:
    def __init__(self, blank, package):
        self._blank, self._package = blank, package
        self.write("")

    def write(self, options):
        self.crm = self._blank(self._package("shop", PAYER.format(options=options)))
        self.cls = self.crm.registry.entity("shop.payer").cls
        self.path = make_revision(self.crm, "shop", "payers")

    def told(self):
        with self.crm.system("looks") as db:
            found = db.find(self.cls, order_by="name")
            card = self.crm.registry.extensions["shop.payer"]["shop"].cls
            return [(each.name, each.iban, each.born_on, db.extension(card, each).number) for each in found]

    def raw(self):
        with self.crm.storage.reading() as connection:
            tables = ("shop_payer", "shop_shop_payer")
            return str([connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in tables])

    def findings(self):
        with self.crm.storage.snapshot() as connection:
            return list(examine(self.crm.model, connection))


@pytest.fixture
def payers(blank, package):
    made = Payers(blank, package)
    apply(made.crm)
    with made.crm.system("fills") as db:
        both = db.create_many(
            [made.cls(name="Anna", iban="DE-ANNA", born_on=date(1990, 4, 5)), made.cls(name="Bert", iban="FR-BERT")]
        )
        db.update(both[0], {"shop.number": "4111-1111"})
    return made


@pytest.mark.long
@both_databases
def test_values_are_encrypted_by_the_revision_and_decrypted_by_another(payers):
    before = payers.told()
    assert "DE-ANNA" in payers.raw()

    payers.write(SECRET)
    assert 'encrypt_field(batch, "iban")' in payers.path.read_text()
    apply(payers.crm)
    assert payers.told() == before
    assert not [word for word in ("DE-ANNA", "FR-BERT", "4111-1111", "1990-04-05") if word in payers.raw()]
    with payers.crm.system("looks") as db:
        assert [each.name for each in db.find(payers.cls, 'iban == "FR-BERT"')] == ["Bert"]
        db.create(payers.cls(name="Cleo", iban="ES-CLEO"))
    assert payers.findings() == []

    before = payers.told()
    payers.write("")
    assert 'decrypt_field(batch, "iban")' in payers.path.read_text()
    apply(payers.crm)
    assert payers.told() == before
    assert "ES-CLEO" in payers.raw()
    assert payers.findings() == []
    with payers.crm.system("looks") as db:
        anna = db.find(payers.cls, 'iban == "DE-ANNA"')[0]
        assert db.history(anna)[0].changes["iban"] == (None, "DE-ANNA")


@pytest.mark.long
@both_databases
def test_a_blind_index_that_comes_later_finds_what_was_there_before(payers):
    payers.write(", encrypted=True")
    apply(payers.crm)
    payers.write(SECRET)
    assert 'index_field(batch, "iban")' in payers.path.read_text()
    apply(payers.crm)
    with payers.crm.system("looks") as db:
        assert [each.name for each in db.find(payers.cls, 'iban == "FR-BERT"')] == ["Bert"]
    assert payers.findings() == []


@pytest.mark.long
@both_databases
def test_a_renamed_field_is_read_found_and_told_as_before(payers):
    payers.write(SECRET)
    apply(payers.crm)
    before = payers.told()
    old, new = "iban: str = field(Line(max=34)", 'account: str = field(Line(max=34), formerly="iban"'
    told = PAYER.replace(old, new)
    payers.crm = payers._blank(payers._package("shop", told.format(options=SECRET)))
    payers.cls = payers.crm.registry.entity("shop.payer").cls
    path = make_revision(payers.crm, "shop", "rename", empty=True)
    path.write_text(path.read_text().partition("def upgrade")[0] + RENAMING)
    apply(payers.crm)
    with payers.crm.system("looks") as db:
        found = db.find(payers.cls, order_by="name")
        assert [(each.name, each.account) for each in found] == [row[:2] for row in before]
        assert db.find(payers.cls, 'account == "FR-BERT"') == [found[1]]
        assert db.history(found[0])[0].changes["account"] == (None, "DE-ANNA")
        db.update(found[0], account="DE-NEW")
    assert payers.findings() == []
