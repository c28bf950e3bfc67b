from datetime import date
from decimal import Decimal

import attrs
import pytest

from crmkit import ContentHash, Grant, Money, Record, Role, entity, field, translator
from crmkit.backup.making import make_backup
from crmkit.backup.restoring import restore_backup
from crmkit.backup.sealing import Key
from crmkit.core.configuration.config import Files
from tests.core.atelier import ROLES, Artist, Commission, Invoice, Rating, atelier

# Cheap, so that tests are quick; what it costs to try a passphrase is no subject of theirs.
KEY = Key(b"correct horse battery staple", cost=4)
KINDS = ("sqlite", "postgresql")

_ = translator("tests")


@entity("atelier.sketch", label=_("Sketch"))
class Sketch(Record):
    paper: str = field(ContentHash(), label=_("Paper"))


SKETCHER = Role("atelier.sketcher", _("Sketcher"), [Grant("atelier.sketch", ["read"], "all")])


def studio():
    return atelier(Rating, Sketch, roles=[*ROLES, SKETCHER])


@pytest.fixture
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture
def crm(make_crm, database, clock, folder):
    made = make_crm(studio(), database=database, clock=clock)
    made.config = attrs.evolve(made.config, files=Files(str(folder)))
    return made


@pytest.fixture
def master(people):
    return people.user("Berthe", team="Studio", roles=["atelier.master"])


@pytest.fixture
def lived(crm, master):
    """A CRM with every kind of value in it, deleted records, visits, numbers, external ids and files."""
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
    contents = [crm.contents.put(f"{n}.txt", [f"sketch {n}".encode()]) for n in range(3)]
    with crm.system("test") as db:
        db.create_many([Sketch(paper=content.hash) for content in contents])
    crm.clock.advance(seconds=1.000001)
    with crm.write(master) as db:
        db.move(db.get(Commission, sea.id), "sketched")
    return crm


@pytest.fixture
def backup(lived, tmp_path):
    made = make_backup(lived, tmp_path / "crm.backup", KEY)
    return made.file


@pytest.fixture
def blank(make_crm, tmp_path_factory):
    """Make a CRM with an empty database of a kind and an empty folder."""

    def blank(database="sqlite"):
        crm = make_crm.blank(studio(), database=database)
        crm.config = attrs.evolve(crm.config, files=Files(str(tmp_path_factory.mktemp("elsewhere"))))
        return crm

    return blank


@pytest.fixture
def restore(blank, backup):
    """Restore the backup into an empty database of a kind, and return its CRM."""

    def restore(database, **options):
        crm = blank(database)
        restore_backup(crm, backup, KEY, **options)
        return crm

    return restore
