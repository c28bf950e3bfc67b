"""A plugin that leaves loses nothing: its tables are renamed, and are as before when it comes back."""

import pytest
import sqlalchemy as sa

from crmkit import NotFoundError, Target, erase_person
from crmkit.core.migrating import (
    apply,
    check,
    make_revision,
    note_absence,
    park,
    parked_plugins,
    parking_preview,
    plan,
    purge,
    revert,
)
from crmkit.core.migrating.errors import (
    MigrationFailedError,
    PluginParkedError,
    RevisionsMissingError,
    StillReferredError,
    UnknownPluginError,
)
from crmkit.core.migrating.revisions import migrations_folder, revisions_of
from crmkit.core.verifying import examine
from crmkit.testing import both_databases
from tests.core.test_ledger import without_triggers

pytestmark = pytest.mark.long

SHOP = """
@entity("shop.order", label=Text("Order"))
class Order(Owned):
    number: str | None = field(Number(prefix="O"), default=None)
    title: str = field(Line(max=80), indexed=True)
"""
NOTES = """
@entity("notes.note", label=Text("Note"))
class Note(Record):
    regarding: Target = any_ref()
    body: str = field()

@entity("notes.pin", label=Text("Pin"))
class Pin(Record):
    note_id: UUID = ref("notes.note", follows=True)
"""
GIFT = """
@entity("gift.paper", label=Text("Paper"))
class Paper(Record):
    order_id: UUID = ref("shop.order")
    colour: str = field()

@extension(of="shop.order")
class Wrapping:
    ribbon: str = field(default="red")
"""
PEOPLE = """
@entity("people.person", label=Text("Person"), person=True)
class Person(Record):
    name: str = field(personal=True, purpose="people")
"""
CLUB = """
@extension(of="people.person")
class Member:
    nickname: str | None = field(default=None, personal=True, purpose="club")
    since: str | None = field(default=None)
"""
GIFT_LATER = GIFT.replace("colour: str = field()", "colour: str = field()\n    size: int = field(default=3)")


_made = {}


def revise(crm, plugin):
    """Make the next revision of *plugin*; what was made of the same declarations before is written again."""
    folder = migrations_folder(crm, plugin)
    key = (plugin, (folder.parent / "hooks.py").read_text(), tuple(sorted(p.name for p in folder.glob("*.py"))))
    if key in _made:
        folder.mkdir(exist_ok=True)
        name, text = _made[key]
        (folder / name).write_text(text)
    else:
        path = make_revision(crm, plugin, "made")
        _made[key] = path.name, path.read_text()


class House:
    """A CRM with orders, notes on anything, and gifts; and the same CRM without gifts."""

    def __init__(self, blank, package):
        self.blank, self.package = blank, package
        self.shop, self.notes = package("shop", SHOP), package("notes", NOTES)
        self.gift = package("gift", GIFT, requires=["shop"])
        for name in ("shop", "notes", "gift"):
            revise(self.full(), name)
        self.crm = self.full()
        apply(self.crm)
        with self.crm.system("test") as db:
            self.order = db.create(self.cls("shop.order")(title="one"))
            self.paper = db.create(self.cls("gift.paper")(order_id=self.order.id, colour="blue"))
            db.update(self.order, {"gift.ribbon": "green"})
            self.note = db.create(self.cls("notes.note")(regarding=Target.of(self.paper), body="thick"))
            self.pin = db.create(self.cls("notes.pin")(note_id=self.note.id))

    def cls(self, entity, crm=None):
        return (crm or self.crm).registry.entity(entity).cls

    def ribbons(self, db, crm):
        orders = db.find(self.cls("shop.order", crm))
        wrapping = crm.registry.extensions["shop.order"]["gift"].cls
        return [db.extension(wrapping, order).ribbon for order in orders]

    def full(self):
        return self.blank(self.shop, self.notes, self.gift)

    def less(self):
        return self.blank(self.shop, self.notes)

    def later(self):
        self.gift = self.package("gift", GIFT_LATER, requires=["shop"])
        return self.full()


@pytest.fixture
def house(blank, package):
    return House(blank, package)


def rows(crm):
    with crm.storage.reading() as connection:
        names = sa.inspect(connection).get_table_names()
        return {n: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(n))) for n in names}


@both_databases
def test_parked_tables_keep_every_row_and_come_back(house, database):
    before = rows(house.crm)

    preview = parking_preview(house.less(), "gift")
    parked = park(house.less(), "gift", "1.0")

    assert [(table.name, table.rows) for table in preview] == [("gift_paper", 1), ("gift_shop_order", 1)]
    assert parked == ("gift_paper", "gift_shop_order")
    assert rows(house.less())["core_parked_gift_paper"] == 1
    (listed,) = parked_plugins(house.crm.storage)
    assert (listed.name, listed.version, listed.rows) == ("gift", "1.0", 2)
    assert [(table.name, table.rows) for table in plan(house.full()).restored] == [
        ("gift_paper", 1),
        ("gift_shop_order", 1),
    ]

    again = house.full()
    assert apply(again).restored == ("gift_paper", "gift_shop_order")
    assert rows(again) == before
    assert check(again) == ()
    with again.system("test") as db:
        assert db.get(house.cls("gift.paper", again), house.paper.id).colour == "blue"
        assert house.ribbons(db, again) == ["green"]


@both_databases
def test_what_refers_to_parked_records_is_unseen_and_never_an_error(house, database):
    less = house.less()
    park(less, "gift")
    Note, Pin, Order = (house.cls(name, less) for name in ("notes.note", "notes.pin", "shop.order"))

    with less.system("test") as db:
        admin = db.create(house.cls("core.user", less)(name="Ada"))
        db.create(house.cls("core.assignment", less)(user_id=admin.id, role="core.administrator"))
    with less.read(less.principal("Ada")) as db:
        assert db.find(Note) == []
        assert db.find(Pin) == []
        assert db.count(Note) == 0
        with pytest.raises(NotFoundError):
            db.get(Note, house.note.id)
        assert db.get(Order, house.order.id).title == "one"
        assert len(db.history(db.get(Order, house.order.id))) == 2
    with less.write(less.principal("Ada")) as db:
        db.update(db.get(Order, house.order.id), title="two")

    again = house.full()
    apply(again)
    with again.read(again.principal("Ada")) as db:
        assert [note.body for note in db.find(house.cls("notes.note", again))] == ["thick"]
        assert [pin.id for pin in db.find(house.cls("notes.pin", again))] == [house.pin.id]


@both_databases
def test_newer_version_restores_what_is_parked_and_runs_the_revisions_that_it_lacks(house, database):
    park(house.less(), "gift")
    later = house.later()
    revise(later, "gift")

    report = apply(later)

    assert report.restored == ("gift_paper", "gift_shop_order")
    assert report.revisions == ("gift_0002",)
    with later.system("test") as db:
        assert db.get(house.cls("gift.paper", later), house.paper.id).size == 3
    assert check(later) == ()


@both_databases
def test_older_version_does_not_take_what_a_newer_one_parked(house, database):
    later = house.later()
    revise(later, "gift")
    apply(later)
    park(house.less(), "gift")
    revisions_of(later, "gift")[-1].path.unlink()

    with pytest.raises(RevisionsMissingError, match="the installed gift ends with number 0001"):
        apply(house.full())

    assert rows(house.less())["core_parked_gift_paper"] == 1


@both_databases
def test_every_door_refuses_a_plugin_whose_tables_are_parked(house, database):
    park(house.less(), "gift")
    crm = house.full()

    for door in (lambda: crm.system("test").__enter__(), lambda: crm.principal("Ada")):
        with pytest.raises(PluginParkedError, match="run crmkit db apply; to go on without it, run crmkit plugin"):
            door()
    assert "parked" in {finding.kind for finding in check(crm)}


@both_databases
def test_plugin_that_others_stand_on_is_not_parked(house, database):
    with pytest.raises(StillReferredError, match="shop: gift_paper refers to shop_order") as caught:
        park(house.blank(house.notes), "shop")

    assert caught.value.code == "still-referred"
    assert rows(house.crm)["shop_order"] == 1


@both_databases
def test_plugins_on_one_another_are_parked_and_restored_in_order(house, database):
    park(house.less(), "gift")
    park(house.blank(house.notes), "shop")

    apply(house.full())

    assert check(house.full()) == ()
    with house.full().system("test") as db:
        assert db.find(house.cls("gift.paper"))[0].order_id == house.order.id


@both_databases
def test_host_can_change_its_tables_while_an_extension_is_parked(house, database):
    park(house.less(), "gift")
    house.shop = house.package("shop", SHOP.replace("max=80", "max=120"))
    revise(house.less(), "shop")

    apply(house.less())
    apply(house.full())

    assert check(house.full()) == ()
    crm = house.full()
    with crm.system("test") as db:
        assert house.ribbons(db, crm) == ["green"]


@both_databases
def test_absence_that_is_noted_lets_the_crm_go_on_with_the_plugin_and_without_it(house, database):
    note_absence(house.crm, "gift", "1.0")

    for crm in (house.full(), house.less()):
        with crm.system("test") as db:
            assert db.count(house.cls("shop.order", crm)) == 1
    apply(house.full())
    with pytest.raises(RevisionsMissingError):
        house.less().check_ready()


@both_databases
def test_purging_drops_what_is_parked_and_nothing_else(house, database):
    park(house.less(), "gift")
    purge(house.less(), "gift")

    left = rows(house.less())
    assert not [name for name in left if "gift" in name]
    assert (left["shop_order"], left["notes_note"]) == (1, 1)
    house.less().check_ready()
    fresh = house.full()
    apply(fresh)
    with fresh.system("test") as db:
        assert db.count(house.cls("gift.paper", fresh)) == 0
        assert house.ribbons(db, fresh) == ["red"]


@both_databases
def test_purging_forgets_external_ids_and_counters(house, database):
    with house.crm.system("test") as db:
        db.external.give("erp", house.cls("shop.order"), {"7": house.order.id})
    park(house.less(), "gift")
    purge(house.less(), "gift")
    park(house.blank(house.notes), "shop")
    purge(house.blank(house.notes), "shop")

    apply(house.full())

    with house.full().system("test") as db:
        Order = house.cls("shop.order")
        assert db.external.find("erp", Order, ["7"]) == {}
        assert db.create(Order(title="first again")).number == "O-000001"


@both_databases
def test_plugin_that_another_parked_one_stands_on_is_purged_after_it(house, database):
    park(house.less(), "gift")
    park(house.blank(house.notes), "shop")

    with pytest.raises(StillReferredError, match="shop: gift_paper refers to core_parked_shop_order"):
        purge(house.blank(house.notes), "shop")


def test_what_is_not_parked_is_not_purged(house):
    with pytest.raises(UnknownPluginError, match="nothing of a plugin 'gift' that could be purged. It knows: -"):
        purge(house.less(), "gift")
    with pytest.raises(UnknownPluginError, match="It knows: gift, notes, shop"):
        park(house.less(), "nosuch")


def test_plugin_with_a_longer_name_keeps_its_tables(blank, package):
    crm = blank(
        package("gift", GIFT.partition("@extension")[0].replace("shop.order", "gift_box.box"), requires=["gift_box"]),
        package("gift_box", '@entity("gift_box.box", label=Text("Box"))\nclass Box(Record):\n    n: int = field()'),
    )
    make_revision(crm, "gift_box", "first")
    make_revision(crm, "gift", "first")
    apply(crm)

    assert [table.name for table in parking_preview(blank(crm.plugins[0].module), "gift")] == ["gift_paper"]


@both_databases
def test_restoring_that_fails_leaves_all_parked(house, database):
    park(house.less(), "gift")
    with house.crm.storage.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE gift_shop_order (id INTEGER)")

    with pytest.raises(MigrationFailedError, match="gift failed and changed nothing"):
        apply(house.full())

    assert {"core_parked_gift_paper", "core_parked_gift_shop_order"} <= rows(house.less()).keys()


@both_databases
def test_extension_that_comes_back_has_nothing_of_who_was_erased_meanwhile(blank, package, database):
    people, club = package("people", PEOPLE), package("club", CLUB, requires=["people"])
    full, less = blank(people, club), blank(people)
    for name in ("people", "club"):
        make_revision(full, name, "first")
    apply(full)
    Person, Member = (
        full.registry.entities["people.person"].cls,
        full.registry.extensions["people.person"]["club"].cls,
    )
    with full.system("test") as db:
        anna, bert = db.create_many([Person(name="Anna"), Person(name="Bert")])
        db.update_many([(anna, {"club.nickname": "Ann"}), (bert, {"club.nickname": "Bertie"})])
    park(less, "club")
    with less.system("test") as db:
        assert erase_person(db, db.get(Person, anna.id)).parked == ("club",)

    assert apply(full).erased == 1

    with full.system("test") as db:
        nicknames = {each.id: db.extension(Member, each).nickname for each in db.find(Person)}
    assert nicknames == {anna.id: None, bert.id: "Bertie"}
    with full.storage.reading() as connection:
        assert list(examine(full.model, connection)) == []


def findings(crm):
    with crm.storage.reading() as connection:
        return [str(finding) for finding in examine(crm.model, connection)]


@both_databases
@pytest.mark.parametrize("reverted", [False, True])
def test_what_was_purged_is_no_finding_and_what_is_deleted_past_crmkit_still_is(house, database, reverted):
    if reverted:
        revert(house.crm, "gift")
    else:
        park(house.less(), "gift")
        purge(house.less(), "gift")
    crm = house.full()
    apply(crm)
    with crm.system("test") as db:
        later = db.create(house.cls("gift.paper", crm)(order_id=house.order.id, colour="red"))
    with crm.storage.writing() as connection:
        connection.execute(sa.delete(crm.schema.tables["notes_pin"]))
        connection.execute(sa.delete(crm.schema.tables["notes_note"]))
    before = [each for each in findings(crm) if "gift" in each]

    with crm.storage.writing() as connection:
        connection.execute(sa.delete(crm.schema.tables["gift_paper"]))

    assert before == []
    (found,) = (each for each in findings(crm) if "gift" in each)
    assert str(later.id) in found


@both_databases
def test_who_takes_the_purge_out_of_the_ledger_is_found(house, database):
    park(house.less(), "gift")
    purge(house.less(), "gift")
    crm = house.full()
    apply(crm)
    ledger = crm.schema.system.ledger
    with crm.storage.writing() as connection:
        without_triggers(crm, connection)
        connection.execute(sa.delete(ledger).where(ledger.c.kind == "purged", ledger.c.entity == "gift_paper"))

    assert any("core_ledger" in each for each in findings(crm))
