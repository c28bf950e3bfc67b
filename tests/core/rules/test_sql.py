import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crmkit.core.rules.check import check
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


@pytest.mark.parametrize(
    "text",
    [
        "(" * 24 + "vip" + " ? true : false)" * 24,
        "(" * 12 + "count" + " + 1 > 2 ? count : doubtful)" * 12 + " > 1",
        "(" * 12 + "name" + ".endsWith(stage) ? name : stage)" * 12 + '.endsWith("x")',
    ],
)
@pytest.mark.parametrize("dialect", [sqlite, postgresql])
def test_sql_of_nested_ternaries_stays_in_proportion(text, dialect):
    assert len(where(text, dialect.dialect())) < 60 * len(text)


@pytest.mark.parametrize(
    "text",
    [
        " && ".join(f"count != {n}" for n in range(160)),
        " || ".join(f"!(name.contains('{n}'))" for n in range(120)),
        "(" * 48 + "count" + " + 1)" * 48 + " > 0",
        "!(" * 40 + "vip" + ")" * 40,
        "name in [" + ", ".join(f'"{n}"' for n in range(1000)) + "]",
    ],
)
def test_largest_rules_run(text, world, sqlite):
    rule = check(Rule.parse(text), Fields())

    found = set(sqlite.scalars(sa.select(DEALS.c.id).where(compile_rule(rule, Source(), SHANGHAI))))

    assert found == {row["id"] for row in world.rows if rule.holds(row, SHANGHAI)}


def test_world_has_what_the_agreement_needs():
    world = World(seed=1)

    assert {row.extension("membership") is None for row in world.rows} == {True, False}
    assert {row["company_id"] is not None and row.related("company") is None for row in world.rows} == {True, False}
