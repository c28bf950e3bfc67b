from datetime import date
from decimal import Decimal

import pytest

from crmkit import Money
from crmkit.backup.making import make_backup
from crmkit.backup.restoring import restore_backup
from crmkit.backup.sealing import Key
from tests.core.atelier import Artist, Commission, Invoice, Rating, atelier

# Cheap, so that tests are quick; what it costs to try a passphrase is no subject of theirs.
KEY = Key(b"correct horse battery staple", cost=4)
KINDS = ("sqlite", "postgresql")


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm(atelier(Rating), database=database, clock=clock)


@pytest.fixture
def master(people):
    return people.user("Berthe", team="Studio", roles=["atelier.master"])


@pytest.fixture
def lived(crm, master):
    """A CRM with every kind of value in it, deleted records, visits, numbers and external ids."""
    with crm.write(master, request_id="r-1") as db:
        ada = db.create(Artist(name="Ada 上海 \U0001f3a8 o'\"\\%s", fee=Decimal("1.50"), notes="line\nline\t"))
        ada = db.update(ada, {"atelier.remark": ""})
        db.external.give("old", Artist, {"A-1": ada.id})
        db.create_many([Artist(name=f"Artist {n}", email=f"a{n}@example.org") for n in range(40)])
        sea = db.create(
            Commission(title="Sea", artist_id=ada.id, price=Money.of("12.50", "EUR"), hours=3, due_on=date(2026, 2, 28))
        )
        db.create(Invoice(commission_id=sea.id, reviewer_id=ada.id))
        db.delete(db.create(Artist(name="Gone")))
    crm.clock.advance(seconds=1.000001)
    with crm.write(master) as db:
        db.move(db.get(Commission, sea.id), "sketched")
    return crm


@pytest.fixture
def backup(lived, tmp_path):
    made = make_backup(lived, tmp_path / "crm.backup", KEY)
    return made.file


@pytest.fixture
def restore(make_crm, backup):
    """Restore the backup into an empty database of a kind, and return its CRM."""

    def restore(database, **options):
        crm = make_crm.blank(atelier(Rating), database=database)
        restore_backup(crm, backup, KEY, **options)
        return crm

    return restore
