import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crmkit.core.rules.check import check
from crmkit.core.rules.errors import RuleError
from crmkit.core.rules.rule import Rule
from crmkit.core.rules.sql import compile_rule
from crmkit.core.storage.engines import Storage
from tests.core.rules.world import DEALS, METADATA, SHANGHAI, TABLES, Fields, Source, World


class Tables(Source):
    """Follows relations into the plain tables, as the plainest source would."""

    def related(self, entity):
        return Tables(TABLES[entity].alias("there").c, entity)


def compiled(text, moment=SHANGHAI):
    return compile_rule(check(Rule.parse(text), Fields()), Tables(), moment)


def where(text, dialect=None):
    statement = sa.select(DEALS.c.id).where(compiled(text))
    shown = str(statement.compile(dialect=dialect or sqlite.dialect()))
    return " ".join(shown.partition("WHERE ")[2].split()).replace("shop_deal.", "")


SQLITE = {
    'stage == "won"': "stage = ?",
    '!(stage == "won")': "stage IS NOT ?",
    'stage != "won"': "stage IS NOT ?",
    '!(stage != "won")': "stage = ?",
    "count < 5": "count < ?",
    "!(count < 5)": "(count < ?) IS NOT 1",
    "stage == null": "stage IS NULL",
    "stage != null": "stage IS NOT NULL",
    'stage in ["a", "b"]': "stage IN (__[POSTCOMPILE_param_1])",
    "amount >= 5": "amount_base >= ?",
    "vip": "vip IS 1",
    "!vip": "vip IS NOT 1",
    "owner_id == me()": "owner_id = ?",
    "closed_at > now() - days(7)": "closed_at > ?",
    'stage == "won" && (count < 5 || vip)': "stage = ? AND (count < ? OR vip IS 1)",
    '!(stage == "won" && count < 5)': "stage IS NOT ? OR (count < ?) IS NOT 1",
    '!(stage == "won" || !vip)': "stage IS NOT ? AND vip IS 1",
    'name.startsWith("Bé")': "name >= ? AND name < ?",
    'name.contains("a%")': "instr(name, ?) > ?",
    'tags.contains("hot")': "instr(tags, ?) > ?",
    'company.city == "x"': "company_id IN (SELECT there.id FROM shop_company AS there WHERE there.city = ?)",
    'company.city != "x"': "(company_id IN (SELECT there.id FROM shop_company AS there WHERE there.city = ?)) IS NOT 1",
    "company.city != null": "company_id IN (SELECT there.id FROM shop_company AS there WHERE there.city IS NOT NULL)",
    'membership.tier == "gold"': (
        "id IN (SELECT membership_shop_deal_1.record_id FROM membership_shop_deal AS membership_shop_deal_1"
        " WHERE membership_shop_deal_1.tier = ?)"
    ),
    'membership.tier == "basic"': (
        "(id IN (SELECT membership_shop_deal_1.record_id FROM membership_shop_deal AS membership_shop_deal_1"
        " WHERE membership_shop_deal_1.tier IS NOT ?)) IS NOT 1"
    ),
    "vip ? count > 1 : count > 2": "vip IS 1 AND count > ? OR vip IS NOT 1 AND count > ?",
    "true": "1 = 1",
    "price == 0.00001": "0 = 1",
}


@pytest.mark.parametrize("text", SQLITE)
def test_rule_becomes_the_sql_that_somebody_would_write(text):
    assert where(text) == SQLITE[text]


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ('stage == "won"', "stage = %(param_1)s::VARCHAR"),
        ('stage != "won"', "stage IS DISTINCT FROM %(param_1)s::VARCHAR"),
        ("!(count < 5)", "(count < %(param_1)s::BIGINT) IS NOT true"),
        ('name < "x"', '(name COLLATE "C") < %(param_1)s::VARCHAR'),
        ('name.contains("x")', "strpos(name, %(param_1)s::VARCHAR) > %(param_2)s::INTEGER"),
    ],
)
def test_postgresql_differs_where_it_must(text, sql):
    assert where(text, postgresql.dialect()) == sql


@pytest.mark.parametrize(
    ("text", "value"),
    [("amount >= 5", 500), ("amount > 4.999", 499), ("price <= 2.5", 25000), ("rate < 1.005", 100), ("count < 2.5", 2)],
)
def test_number_is_moved_to_the_digits_of_its_field(text, value):
    condition = compiled(text)

    assert condition.right.value == value


INDEXED = ["stage", "amount_base", "name", "closed_at", "company_id", "price", "vip", "owner_id"]
PLANS = {
    'stage == "won"': ["(stage=?)"],
    'stage in ["won", "lost"]': ["(stage=?)"],
    "amount >= 5": ["(amount_base>?)"],
    "price < 2.5": ["(price<?)"],
    'name.startsWith("上")': ["(name>? AND name<?)"],
    "closed_at > now() - days(7)": ["(closed_at>?)"],
    'company.city == "x"': ["(company_id=?)", "(city=?)"],
    'company.parent.city == "x"': ["(company_id=?)", "(parent_id=?)", "(city=?)"],
    "owner_id == me()": ["(owner_id=?)"],
    "vip": ["(vip=?)"],
    'membership.tier == "gold"': ["(id=?)", "(tier=?)"],
}


def index(connection):
    for name in INDEXED:
        connection.exec_driver_sql(f"CREATE INDEX ix_{name} ON shop_deal ({name})")
    connection.exec_driver_sql("CREATE INDEX ix_city ON shop_company (city)")
    connection.exec_driver_sql("CREATE INDEX ix_parent ON shop_company (parent_id)")
    connection.exec_driver_sql("CREATE INDEX ix_tier ON membership_shop_deal (tier)")


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    storage = Storage(f"sqlite:///{tmp_path_factory.mktemp('indexed')}/crm.db")
    with storage.writing() as connection:
        METADATA.create_all(connection)
        index(connection)
        yield connection
    storage.dispose()


@pytest.mark.parametrize("text", PLANS)
def test_comparison_that_must_hold_is_served_by_an_index(text, indexed):
    statement = sa.select(DEALS.c.id).where(compiled(text))
    sql = str(statement.compile(dialect=indexed.dialect, compile_kwargs={"render_postcompile": True}))

    explained = indexed.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (None,) * sql.count("?"))
    plan = " ".join(row[3] for row in explained)

    assert "SCAN shop" not in plan
    assert [part for part in PLANS[text] if part not in plan] == []


@pytest.mark.postgresql
def test_indexes_serve_on_postgresql_too(postgresql):
    found = {}
    for text in ('stage == "won"', "amount >= 5", 'name.startsWith("上")', 'name < "b"'):
        found[text] = _postgresql_plan(postgresql, text)

    assert {text: ("Index Cond" in plan) for text, plan in found.items()} == dict.fromkeys(found, True), found


def _postgresql_plan(connection, text):
    statement = sa.select(DEALS.c.id).where(compiled(text))
    sql = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    connection.exec_driver_sql("SET enable_seqscan = off")
    for name in INDEXED:
        connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS ix_{name} ON shop_deal ({name})")
    return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {sql}".replace("%", "%%")))


LARGE = [
    " && ".join(f"count != {n}" for n in range(160)),
    " || ".join(f"!(name.contains('{n}'))" for n in range(120)),
    "name in [" + ", ".join(f'"{n}"' for n in range(1000)) + "]",
    "vip ? count > 1 : " * 45 + "vip",
    "!(" * 40 + "vip" + ")" * 40,
]
# Rules that nest, as functions of how deep.
NESTED = {
    "relations": lambda n: "company" + ".parent" * (n - 1) + '.city == "x"',
    "missing relations": lambda n: "company" + ".parent" * (n - 1) + ".city == null",
    "relations beside fields": lambda n: "company" + ".parent" * (n - 1) + ".city == name",
    "ternaries in tests": lambda n: "(" * n + "vip" + " ? vip : true)" * n,
    "ternaries in values": lambda n: "(" * n + "count" + " > 2 ? count : doubtful)" * n + " > 1",
    "ternaries in branches": lambda n: "vip ? (" * n + "vip" + ") : count > 1" * n,
    "text tests": lambda n: "(" * n + "name" + ".endsWith(stage) ? name : stage)" * n + '.endsWith("x")',
    "folded texts": lambda n: "(" * n + "name" + ".lower() == 'x' ? name : stage)" * n + " == 'x'",
    "sizes": lambda n: "(" * n + "tags" + ".size() > 1 ? tags : tags)" * n + ".size() > 0",
    "calculations": lambda n: "(" * n + "count" + " + 1 > 2 ? count : doubtful)" * n + " > 1",
    "sums": lambda n: "(" * n + "count" + " + 1)" * n + " > 0",
    "differences": lambda n: "price - (" * n + "1" + ")" * n + " > 0",
    "minus": lambda n: "-(1 + " * n + "count" + ")" * n + " > 0",
    "and in or": lambda n: "vip && (vip || (" * n + "vip" + "))" * n,
    "not and": lambda n: "!(vip && !(vip && " * n + "vip" + "))" * n,
    "moved moments": lambda n: "(" * n + "closed_at" + " + days(1) > now() ? closed_at : created_at)" * n + " > now()",
    "extensions": lambda n: "(" * n + "name" + " == membership.tier ? name : stage)" * n + " == company.loyalty.level",
}


def deepest(write):
    """Return the deepest rule of its kind that the check accepts."""
    found = None
    for depth in range(1, 50):
        try:
            found = check(Rule.parse(write(depth)), Fields())
        except RuleError:
            break
    return found


def agrees(rule, world, connection):
    statement = sa.select(DEALS.c.id).where(compile_rule(rule, Source(), SHANGHAI))
    # As deep in a statement as the rule of a grant, behind a relation of a rule that is itself as deep as may be.
    for _ in range(5):
        statement = sa.select(DEALS.c.id).where(DEALS.c.id.in_(statement))

    assert set(connection.scalars(statement)) == {row["id"] for row in world.rows if rule.holds(row, SHANGHAI)}


@pytest.mark.parametrize("text", LARGE, ids=lambda text: text[:20])
def test_largest_rules_run(text, world, sqlite):
    agrees(check(Rule.parse(text), Fields()), world, sqlite)


@pytest.mark.parametrize("kind", NESTED)
def test_deepest_rules_run(kind, world, sqlite):
    agrees(deepest(NESTED[kind]), world, sqlite)


@pytest.mark.postgresql
@pytest.mark.parametrize("kind", NESTED)
def test_deepest_rules_run_on_postgresql(kind, world, postgresql):
    agrees(deepest(NESTED[kind]), world, postgresql)


def test_rule_too_deep_for_a_database_is_refused():
    with pytest.raises(
        RuleError, match="Rule, column 47: it nests too deeply for a database. Accepted: five relations"
    ):
        check(Rule.parse("company.parent.parent.parent.parent.parent.id == id"), Fields())


@pytest.mark.parametrize("kind", NESTED)
def test_sql_of_nested_rules_stays_in_proportion(kind):
    rule = deepest(NESTED[kind])

    assert len(str(compile_rule(rule, Tables(), SHANGHAI))) < 60 * len(rule.rule.text)


def test_world_has_what_the_agreement_needs():
    world = World(seed=1)

    assert {row.extension("membership") is None for row in world.rows} == {True, False}
    assert {row["company_id"] is not None and row.related("company") is None for row in world.rows} == {True, False}
