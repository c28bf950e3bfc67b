"""Making revisions: what stands in them, what never does, and when none can be made."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from crmkit.core.migrating import apply, check, make_revision, pending, revert
from crmkit.core.migrating.errors import RevisionRefusedError
from crmkit.core.migrating.revisions import branches, migrations_folder, revisions_of
from crmkit.testing import both_databases

SHOP = """
@entity("shop.order", label=Text("Order"))
class Order(Owned):
    number: str | None = field(Number(prefix="O"), default=None)
    title: str = field(Line(max=80), indexed=True)
    total: Money | None = field(default=None)
    share: Decimal = field(default=Decimal("1.5"))
    paid: bool = field(default=False)
    due_on: date | None = field(default=None)
    sent_at: datetime | None = field(default=None)
    kind: str = field(Choice(["small", "large"]), default="small")
    tags: tuple[str, ...] = field(MultiChoice(["a", "b"]), factory=tuple)
    notes: str | None = field(LongText(), default=None)
    extra: dict | None = field(Json(), default=None)
    about: Target | None = any_ref(default=None)
    parent_id: UUID | None = ref("shop.order", default=None)
"""
GIFT = """
@extension(of="shop.order")
class Gift:
    wrapped: bool = field(default=False)
    card: str | None = field(default=None)

@entity("gift.paper", label=Text("Paper"))
class Paper(Record):
    colour: str
    order_id: UUID = ref("shop.order")
"""


def tables(crm):
    with crm.storage.reading() as connection:
        return sa.inspect(connection).get_table_names()


def columns(crm, table):
    with crm.storage.reading() as connection:
        return {column["name"]: column for column in sa.inspect(connection).get_columns(table)}


def indexes(crm, table):
    with crm.storage.reading() as connection:
        return {index["name"] for index in sa.inspect(connection).get_indexes(table)}


@both_databases
def test_revision_makes_what_is_declared_goes_down_and_up_again(blank, package, database):
    crm = blank(package("shop", SHOP))
    make_revision(crm, "shop", "Orders")
    apply(crm)
    assert (pending(crm), check(crm)) == ((), ())

    assert revert(crm, "shop").revisions == ("shop_0001",)
    assert "shop_order" not in tables(crm)

    apply(crm)
    assert check(crm) == ()


def test_nothing_is_made_where_revisions_make_what_is_declared(blank, package):
    crm = blank(package("shop", SHOP))
    make_revision(crm, "shop", "Orders")

    with pytest.raises(RevisionRefusedError, match="there is nothing to do"):
        make_revision(crm, "shop", "Again")


def test_revision_is_the_same_text_each_time_it_is_made(blank, package):
    crm = blank(package("shop", SHOP))
    path = make_revision(crm, "shop", "Orders")
    first = path.read_text()
    path.unlink()

    assert make_revision(crm, "shop", "Orders") == path
    assert path.read_text() == first


def test_revision_imports_nothing_of_crmkit(blank, package):
    text = make_revision(blank(package("shop", SHOP)), "shop", "Orders").read_text()

    imported = [
        ast.unparse(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert [line for line in imported if "crmkit" in line] == []


def test_revision_is_formatted(blank, package):
    path = make_revision(blank(package("shop", SHOP)), "shop", "Orders")

    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--check", "--isolated", "--line-length", "120", str(path)],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_revision_names_itself_its_branch_and_those_it_needs(blank, package):
    shop, gift = package("shop", SHOP), package("gift", GIFT, requires=["shop"])
    make_revision(blank(shop), "shop", "Orders")

    path = make_revision(blank(shop, gift), "gift", 'Wrap "gifts" \\ nicely')

    assigned = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Assign)][:4]
    header = {node.targets[0].id: ast.literal_eval(node.value) for node in assigned}
    assert path.name == "0001_wrap_gifts_nicely.py"
    assert header == {
        "revision": "gift_0001",
        "down_revision": None,
        "branch_labels": ("gift",),
        "depends_on": (revisions_of(blank(), "core")[-1].id, "shop_0001"),
    }


def test_revisions_of_plugins_are_branches_to_alembic(blank, package, tmp_path):
    shop, gift = package("shop", SHOP), package("gift", GIFT, requires=["shop"])
    make_revision(blank(shop), "shop", "Orders")
    crm = blank(shop, gift)
    make_revision(crm, "gift", "Gifts")

    folders = [str(migrations_folder(crm, plugin)) for plugin in branches(crm)]
    script = ScriptDirectory(str(tmp_path), version_locations=folders)

    assert {revision.revision: revision.branch_labels for revision in script.walk_revisions() if revision.is_base} == {
        "core_0001": {"core"},
        "shop_0001": {"shop"},
        "gift_0001": {"gift"},
    }


@both_databases
def test_extension_of_another_plugin_stays_in_its_own_tables(blank, package, database):
    shop, gift = package("shop", SHOP), package("gift", GIFT, requires=["shop"])
    crm = blank(shop, gift)
    orders = make_revision(crm, "shop", "Orders").read_text()
    gifts = make_revision(crm, "gift", "Gifts").read_text()

    assert "wrapped" not in orders
    assert "gift" not in orders
    assert "shop_order" not in [node.args[0].value for node in calls(gifts, "create_table")]
    apply(crm)
    assert check(crm) == ()
    assert list(columns(crm, "gift_shop_order")) == ["record_id", "wrapped", "card"]


def calls(text, name):
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return [node for node in nodes if getattr(node.func, "attr", "") == name]


@both_databases
def test_new_required_field_gets_its_default_in_existing_rows(blank, package, database):
    old = blank(package("shop", SHOP))
    make_revision(old, "shop", "Orders")
    apply(old)
    Order = old.registry.entity("shop.order").cls
    with old.system("test") as db:
        order = db.create(Order(title="one"))

    more = (
        SHOP
        + """
    rank: int = field(default=7)
    weight: Decimal = field(default=Decimal("0.25"))
    urgent: bool = field(default=True)
    colour: str = field(default="it's red")
    since: date = field(default=date(2026, 1, 2))
    seen_at: datetime = field(default=datetime.fromisoformat("2026-01-02T03:04:05+00:00"))
    parts: dict = field(Json(), factory=dict)
    picks: tuple[str, ...] = field(MultiChoice(["a", "b"]), factory=tuple)
"""
    )
    new = blank(package("shop", more))
    make_revision(new, "shop", "More")
    apply(new)

    assert check(new) == ()
    with new.system("test") as db:
        found = db.get(new.registry.entity("shop.order").cls, order.id)
    assert (found.rank, str(found.weight), found.urgent, found.colour) == (7, "0.2500", True, "it's red")
    assert (found.since.isoformat(), found.seen_at.isoformat()) == ("2026-01-02", "2026-01-02T03:04:05+00:00")
    assert (found.parts, found.picks) == ({}, ())


def test_new_required_field_without_default_is_refused(blank, package):
    make_revision(blank(package("shop", SHOP)), "shop", "Orders")
    crm = blank(package("shop", SHOP + "    rank: int = field()\n"))

    with pytest.raises(RevisionRefusedError, match="shop_order.rank: existing rows would have no value") as caught:
        make_revision(crm, "shop", "Rank")

    assert caught.value.code == "revision-refused"
    assert len(revisions_of(crm, "shop")) == 1


@both_databases
def test_column_that_no_field_claims_is_kept_and_may_be_empty(blank, package, database):
    old = blank(package("shop", SHOP))
    make_revision(old, "shop", "Orders")
    apply(old)
    less = SHOP.replace('    kind: str = field(Choice(["small", "large"]), default="small")\n', "")
    new = blank(package("shop", less))

    text = make_revision(new, "shop", "No kind").read_text()
    apply(new)

    assert "drop_column" not in text
    assert columns(new, "shop_order")["kind"]["nullable"]
    assert [(f.kind, f.facts["column"]) for f in check(new)] == [("unclaimed", "shop_order.kind")]
    with new.system("test") as db:
        assert db.create(new.registry.entity("shop.order").cls(title="without")).version == 1


@both_databases
def test_tables_columns_and_indexes_of_others_are_never_dropped(blank, package, database):
    crm = blank(package("shop", SHOP))
    make_revision(crm, "shop", "Orders")
    apply(crm)
    with crm.storage.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE shop_of_somebody_else (id INTEGER)")
        connection.exec_driver_sql("ALTER TABLE shop_order ADD COLUMN of_the_administrator INTEGER")
        connection.exec_driver_sql("CREATE INDEX by_hand ON shop_order (of_the_administrator)")
        connection.exec_driver_sql("CREATE INDEX by_expression ON shop_order (lower(title))")

    findings = check(crm)

    assert [(finding.kind, finding.is_problem) for finding in findings] == [("unclaimed", False)]


@both_databases
def test_index_goes_with_its_declaration(blank, package, database):
    old = blank(package("shop", SHOP.replace("Line(max=80), indexed=True", "Line(max=80), unique=True")))
    make_revision(old, "shop", "Orders")
    apply(old)
    assert "uq_shop_order_title" in indexes(old, "shop_order")

    new = blank(package("shop", SHOP))
    make_revision(new, "shop", "Titles may repeat")
    apply(new)

    assert "uq_shop_order_title" not in indexes(new, "shop_order")
    assert "ix_shop_order_title_id" in indexes(new, "shop_order")
    assert check(new) == ()


@both_databases
def test_changed_types_and_new_references_keep_rows_and_their_references(blank, package, database):
    old = blank(package("shop", SHOP))
    make_revision(old, "shop", "Orders")
    apply(old)
    Order = old.registry.entity("shop.order").cls
    with old.system("test") as db:
        first = db.create(Order(title="one"))
        second = db.create(Order(title="two", parent_id=first.id))

    more = (
        SHOP.replace("Line(max=80)", "Line(max=120)") + '    next_id: UUID | None = ref("shop.order", default=None)\n'
    )
    new = blank(package("shop", more))
    make_revision(new, "shop", "Longer titles, a next one")
    apply(new)

    assert check(new) == ()
    assert columns(new, "shop_order")["title"]["type"].length == 120
    Order = new.registry.entity("shop.order").cls
    with new.system("test") as db:
        assert db.get(Order, second.id).parent_id == first.id
        assert db.update(db.get(Order, first.id), next_id=second.id).next_id == second.id


def test_plugin_whose_required_plugin_has_no_revision_is_refused(blank, package):
    crm = blank(package("shop", SHOP), package("gift", GIFT, requires=["shop"]))

    with pytest.raises(RevisionRefusedError, match="make a revision of shop first|it requires shop"):
        make_revision(crm, "gift", "Gifts")


def test_empty_revision_is_there_to_be_written(blank, package):
    crm = blank(package("shop", SHOP))
    make_revision(crm, "shop", "Orders")

    path = make_revision(crm, "shop", "Move notes", empty=True)

    assert path.name == "0002_move_notes.py"
    assert "def upgrade() -> None:\n    pass\n" in path.read_text()


def test_making_a_revision_touches_no_database_of_the_company(blank, package):
    crm = blank(package("shop", SHOP))

    make_revision(crm, "shop", "Orders")

    assert not Path(crm.storage.url.database).exists()
