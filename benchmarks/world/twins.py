"""People of whom some are entered twice, misspelt and with gaps, and the truth about them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID

from crmkit import CRM
from crmkit.plugins.customers.entities import Company, Contact

__all__ = ["Truth", "fill_with_twins"]

#: The pairs of ids that are the same person.
Truth = set[frozenset[UUID]]

_GIVEN = (
    "anna bernd clara david emma felix greta hugo ida jonas karla lukas marie noah olivia paul rosa samuel tina viktor "
    "alice bruno chloe denis elsa fabio gina henri irene jakob klara leon mina nils otto petra ralf sara tom ute"
).split()
_FIRST = "berg hof wald stein bach feld tal see muhl kirch nord sud alt neu hoch grun roth weiss schwarz linden".split()
_LAST = "er mann ner auer inger hardt meier ling berger bauer hauser stetter kamp rath wig brecht lich feldt".split()
_CHINESE_FAMILY, _CHINESE_GIVEN = "王李张刘陈杨赵黄周吴徐孙胡朱高林", "伟芳敏静强磊洋艳勇军杰娟涛明超红华志远雨桐"
_CITIES = "Berlin Paris Wien Milano London 上海 北京".split()
_CHINESE, _TWICE, _GONE, _AT_ONCE = 0.2, 0.15, 0.3, 5000


def fill_with_twins(crm: CRM, number: int) -> Truth:
    """Make *number* people in *crm*, those entered twice counted twice, and return who is the same as whom."""
    random, truth = Random(number), Truth()
    with crm.system("benchmark") as db:
        companies = [company.id for company in db.create_many([Company(name=f"C {n}") for n in range(number // 20)])]
    people = islice(_people(random, companies, truth), number)
    while batch := list(islice(people, _AT_ONCE)):
        with crm.system("benchmark") as db:
            db.create_many(batch)
    return truth


def _people(random: Random, companies: list[UUID], truth: Truth) -> Iterator[Contact]:
    place = 0
    while True:
        place += 1
        values = _values(random, companies, place)
        one = Contact(**values)
        yield one
        if random.random() < _TWICE:
            twin = Contact(**values | _worn(random, values))
            truth.add(frozenset((one.id, twin.id)))
            yield twin


def _values(random: Random, companies: list[UUID], place: int) -> dict[str, Any]:
    if random.random() < _CHINESE:
        name = random.choice(_CHINESE_FAMILY) + "".join(random.sample(_CHINESE_GIVEN, 2))
    else:
        name = f"{random.choice(_GIVEN).title()} {random.choice(_FIRST).title()}{random.choice(_LAST)}"
    return {
        "name": name,
        "email": f"p{place}@example.org" if random.random() < 0.8 else None,
        "phone": f"+4930{random.randrange(10**8):08}" if random.random() < 0.8 else None,
        "company_id": random.choice(companies),
        "city": random.choice(_CITIES),
    }


def _worn(random: Random, values: dict[str, Any]) -> dict[str, Any]:
    """Return how somebody else has written it."""
    given, _space, family = values["name"].partition(" ")
    written = [values["name"], values["name"][:-1]] + (
        [f"{family}, {given}", f"{given[0]}. {family}"] if family else []
    )
    gone = [name for name in ("email", "phone", "city", "company_id") if random.random() < _GONE]
    return {"name": random.choice(written), **dict.fromkeys(gone)}
