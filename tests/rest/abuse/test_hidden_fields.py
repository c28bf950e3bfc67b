"""T01 to T05: whatever is asked about a hidden field, or through one, is answered as if there were none."""

from datetime import date

import pytest
import sqlalchemy as sa

from crmkit import Grant, Money
from crmkit.plugins.customers.entities import Company
from crmkit.plugins.sales.entities import Deal
from crmkit.testing import both_databases
from tests.rest.abuse.asking import DEALS, HIDDEN, told


def like_no_field(api, seller, path, field):
    hidden, none = (api("GET", path.format(name=name), seller) for name in (field, "nosuch"))
    assert hidden.status_code == 400
    assert told(hidden, field) == told(none, "nosuch")


@pytest.mark.parametrize("field", HIDDEN)
@pytest.mark.parametrize("order", ["{name}", "-{name}", "name,{name}"])
def test_t01_sorting_by_a_hidden_field_is_sorting_by_none_and_asks_no_table(
    api, seller, mine, statements, order, field
):
    like_no_field(api, seller, f"{DEALS}?order_by={order}", field)
    assert statements
    assert not [each for each in statements if "sales_deal" in each]


@pytest.mark.parametrize("query", ["filter={name} == null", "filter=!({name} != null)", "{name}__isnull=true",
                                   "{name}=1", "fields={name}", "fields=id,{name}",
                                   "filter={name} >= 1", 'filter={name}.startsWith("a")'])  # fmt: skip
@pytest.mark.parametrize("path", ["", "/export"])
def test_t02_probing_a_hidden_field_is_probing_none(api, seller, mine, path, query):
    for field in HIDDEN:
        like_no_field(api, seller, f"{DEALS}{path}?{query}", field)


_AT = f"{DEALS}/ID"
_ASKED = [
    *(
        DEALS,
        f"{DEALS}?count=true&order_by=-name&limit=1",
        f"{DEALS}/export?format=jsonl",
        f"{DEALS}/export?format=csv",
    ),
    *(f"{DEALS}/aggregate?measures=count&group_by=stage", f"{DEALS}/board", f"{DEALS}/funnel"),
    *(_AT, f"{_AT}/explain?verb=read", f"{_AT}/sections", f"{_AT}/visits", f"{_AT}/matches"),
    *(f"/api/v1/search?q={word}" for word in ("first", "second", "deal")),
]


@both_databases
def test_t02_worlds_that_differ_in_hidden_values_answer_byte_for_byte_alike(crm, api, seller, mine):
    def answers(word, amount, **more):
        with crm.system("test") as db:
            company = db.create(Company(name=f"{word} Ltd"))
            values = {"amount": Money.of(amount, "EUR"), "description": f"{word} deal", "company_id": company.id}
            db.update(db.trusted.get(Deal, mine.id), {**values, **more})
        # How often it was changed, and when, is for everybody to see; both worlds are to be changed as often.
        table = crm.schema.tables["sales_deal"]
        with crm.storage.writing() as connection:
            connection.execute(sa.update(table).values(version=7, updated_at=mine.updated_at))
        found = [told(api("GET", path.replace("ID", str(mine.id)), seller)) for path in _ASKED]
        assert {answer[0] for answer in found} == {200}, found
        return found

    first = answers("first", 10, lost_reason="price", source="referral", expected_close_on=date(2026, 5, 1))
    assert answers("second", 99, lost_reason="timing", source=None, expected_close_on=None) == first
    assert "first" not in str(first)


@pytest.mark.parametrize("query", ["/aggregate?group_by={name}", "/aggregate?measures=min.{name}",
                                   "/aggregate?measures=sum.{name}", "/aggregate?measures=count.{name}",
                                   "/aggregate?measures=sum_by_currency.{name}", "?filter={name} * 2 > 6",
                                   "?filter=({name} == null ? 1 : 2) == 1", "?filter=name == {name}",
                                   "/board?sum={name}", "/funnel?measure={name}"])  # fmt: skip
def test_t03_measuring_or_computing_with_a_hidden_field_is_doing_so_with_none(api, seller, mine, query):
    for field in HIDDEN:
        like_no_field(api, seller, f"{DEALS}{query}", field)


@both_databases
def test_t04_what_is_forbidden_and_what_is_missing_are_told_in_the_same_bytes(api, seller, foreign):
    missing = told(api("GET", f"{DEALS}/01a21a9b-0000-7000-8000-000000000000", seller))
    assert missing[0] == 404
    assert told(api("GET", f"{DEALS}/{foreign[0].id}", seller)) == missing
    # An entity without grants, and none.
    assert told(api("GET", "/api/v1/customers/companies", seller)) == told(api("GET", "/api/v1/no/such", seller))


@pytest.mark.parametrize("rule", ['company.name == "canary-7f3a Ltd"', 'company.name != "x"', "company.name == null"])
def test_t05_filter_over_http_never_looks_into_what_is_invisible(crm, api, people, mine, foreign, rule):
    people.role("reader", [Grant("sales.deal", ["read"], "all"), Grant("customers.company", ["read"], "own")])
    reader = people.user("Rea", roles=["reader"])

    def asked():
        answer = api("GET", f"{DEALS}?filter={rule}&fields=name&count=true", reader)
        assert answer.status_code == 200, answer.text
        return told(answer)

    one = asked()
    with crm.system("test") as db:
        db.update(db.trusted.get(Company, foreign[0].company_id), {"name": "Other"})
    assert asked() == one
