"""Both ways to search all records find who is the same, and hardly anybody else; the truth is known here."""

import builtins
import logging
from random import Random

import pytest

from crmkit import Grant, Mask, MissingExtraError
from crmkit.plugins.customers import services
from crmkit.plugins.customers.entities import Company, Contact
from crmkit.testing import both_databases

_GIVEN = "anna bernd clara david emma felix greta hugo ida jonas karla lukas marie noah olivia paul rosa tina".split()
_FAMILY = [
    first + last
    for first in "berg hof wald stein bach feld tal see muhl kirch".split()
    for last in "er mann ner auer inger hardt meier ling".split()
]
_CITIES = "Berlin Paris Wien Milano London 上海".split()


@pytest.fixture
def crm(make_crm, database, clock):
    return make_crm("customers", database=database, clock=clock)


def population(number, companies, random):
    """Return contacts, a fifth of them twice, misspelt and with gaps; and the pairs of ids that are the same."""
    made, truth = [], set()
    for place in range(number):
        given, family = random.choice(_GIVEN), random.choice(_FAMILY)
        values = {
            "name": f"{given.title()} {family.title()}",
            "email": f"{given}.{family}{place}@example.org" if random.random() < 0.8 else None,
            "phone": f"+4930{random.randrange(10**7):07}" if random.random() < 0.8 else None,
            "company_id": random.choice(companies),
            "city": random.choice(_CITIES),
        }
        made.append(Contact(**values))
        if random.random() < 0.2:
            twin = Contact(**values | _worn(values, random))
            truth.add(frozenset((made[-1].id, twin.id)))
            made.append(twin)
    return made, truth


def _worn(values, random):
    given, family = values["name"].split()
    name = random.choice([values["name"], values["name"][:-1], f"{family}, {given}", f"{given[0]}. {family}"])
    gone = {field: None for field in ("email", "phone", "city") if random.random() < 0.35}
    return {"name": name, **gone}


@pytest.fixture
def truth(crm):
    """Fill the CRM with some thousand people, and return the pairs that are the same."""
    with crm.system("test") as db:
        companies = db.create_many([Company(name=f"Company {number}") for number in range(300)])
        made, truth = population(2500, [company.id for company in companies], Random(5))
        db.create_many(made)
    return truth


@both_databases
@pytest.mark.parametrize(("method", "precision", "recall"), [("points", 0.9, 0.95), ("splink", 0.98, 0.95)])
def test_it_finds_who_is_the_same_and_hardly_anybody_else(crm, truth, method, precision, recall):
    with crm.system("test") as db:
        pairs = services.duplicate_pairs(db, Contact, method=method)
    found = {frozenset((pair.one.id, pair.other.id)) for pair in pairs}
    assert len(found & truth) / len(found) >= precision
    assert len(found & truth) / len(truth) >= recall
    assert pairs == sorted(pairs, key=lambda pair: (-pair.score, pair.one.id, pair.other.id))


@pytest.mark.long
def test_learnt_weights_explain_each_pair_quietly_and_are_the_same_in_each_run(crm, truth, caplog, capfd):
    caplog.set_level(logging.INFO)
    level = logging.getLogger("splink").level
    with crm.system("test") as db:
        pairs, again = (services.duplicate_pairs(db, Contact, method="splink") for _ in range(2))
    assert pairs == again
    for pair in pairs:
        weights = {each.field: (each.likeness, each.points) for each in pair.agreements}
        assert weights.keys() <= {"name", "email", "phone", "company_id", "city"}
        assert max(bits for _likeness, bits in weights.values()) > 0
        if pair.one.email and pair.other.email:
            likeness, bits = weights["email"]
            assert (likeness == 100) == (pair.one.email == pair.other.email) == (bits > 5)
    assert (caplog.records, capfd.readouterr(), logging.getLogger("splink").level) == ([], ("", ""), level)


@pytest.mark.long
def test_splink_learns_from_no_hidden_field_and_no_hidden_record(crm, people, truth):
    grants, masks = [Grant("customers.contact", ["read"], "all")], [Mask("customers.contact", ["email"])]
    masked = people.user("Masked", roles=[people.role("masked", grants, masks)])
    with crm.read(masked) as db:
        pairs = services.duplicate_pairs(db, Contact, method="splink")
    assert pairs
    assert not [pair for pair in pairs if "email" in {each.field for each in pair.agreements}]
    nobody = people.user("Nobody", roles=[people.role("nobody", [Grant("customers.contact", ["read"], "own")])])
    with crm.read(nobody) as db, pytest.raises(services.NotEnoughToLearnError, match="among 0 records"):
        services.duplicate_pairs(db, Contact, method="splink")


def test_too_little_to_learn_from_is_told(crm):
    with crm.system("test") as db:
        db.create_many([Contact(name="Anna"), Contact(name="Bo", email="bo@example.org")])
        for entity in (Contact, Company):
            with pytest.raises(services.NotEnoughToLearnError):
                services.duplicate_pairs(db, entity, method="splink")


def test_the_missing_extra_is_named(crm, monkeypatch):
    known = builtins.__import__

    def lacking(name, *rest):
        if name.partition(".")[0] == "splink":
            raise ImportError(name)
        return known(name, *rest)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with crm.system("test") as db, pytest.raises(MissingExtraError, match=r"crmkit\[match\]"):
        services.duplicate_pairs(db, Contact, method="splink")
