"""Teams on three levels and the people in them; who they are does not depend on the seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

import attrs

from crmkit.core.demo import DemoPart, DemoPerson, Job
from crmkit.core.policy.people import Assignment, ExchangeRate, Team, User
from crmkit.core.writing.writer import Writer

__all__ = ["found_company"]


@attrs.frozen
class _Office:
    """A team: who leads it, who sells in it, and how they live. People are named ``name <e-mail>``."""

    name: str
    above: str | None
    leads: str
    sells: tuple[str, ...] = ()
    zone: str = "Europe/Berlin"
    locale: str = "en"
    currency: str = "EUR"


def _china(name: str, leads: str, *sells: str) -> _Office:
    return _Office(name, "大中华区", leads, sells, "Asia/Shanghai", "zh_CN", "CNY")


_OFFICES = (
    _Office("Sales", None, "Helen Brandt <helen.brandt>"),
    _Office("Europe", "Sales", "Jonas Keller <jonas.keller>"),
    _Office("大中华区", "Sales", "周立群 <zhou.liqun>", (), "Asia/Shanghai", "zh_CN", "CNY"),
    _Office("Americas", "Sales", "Maria Souza <maria.souza>", (), "America/New_York", "en", "USD"),
    _Office(
        "Berlin",
        "Europe",
        "Franziska Vogel <franziska.vogel>",
        ("Anna Lindner <anna.lindner>", "Tobias Krause <tobias.krause>", "Miriam Scholz <miriam.scholz>"),
    ),
    _Office(
        "Paris",
        "Europe",
        "Camille Laurent <camille.laurent>",
        ("Julien Moreau <julien.moreau>", "Sophie Garnier <sophie.garnier>", "Karim Benali <karim.benali>"),
        "Europe/Paris",
    ),
    _Office(
        "London",
        "Europe",
        "Oliver Hughes <oliver.hughes>",
        ("Amelia Clarke <amelia.clarke>", "James Whitfield <james.whitfield>", "Priya Nair <priya.nair>"),
        "Europe/London",
    ),
    _china("上海", "陈晓东 <chen.xiaodong>", "王小梅 <wang.xiaomei>", "李强 <li.qiang>", "张丽华 <zhang.lihua>"),
    _china("北京", "刘建国 <liu.jianguo>", "赵敏 <zhao.min>", "孙伟 <sun.wei>", "马晓燕 <ma.xiaoyan>"),
    _china("深圳", "黄志强 <huang.zhiqiang>", "林嘉怡 <lin.jiayi>", "何俊杰 <he.junjie>", "吴思远 <wu.siyuan>"),
    _Office(
        "New York",
        "Americas",
        "Rachel Cohen <rachel.cohen>",
        ("Marcus Bell <marcus.bell>", "Emily Turner <emily.turner>", "David Kim <david.kim>"),
        "America/New_York",
        "en",
        "USD",
    ),
    _Office(
        "Chicago",
        "Americas",
        "Thomas Nowak <thomas.nowak>",
        ("Grace Miller <grace.miller>", "Carlos Rivera <carlos.rivera>", "Hannah Schultz <hannah.schultz>"),
        "America/Chicago",
        "en",
        "USD",
    ),
    _Office(
        "São Paulo",
        "Americas",
        "Beatriz Almeida <beatriz.almeida>",
        ("Rafael Costa <rafael.costa>", "Larissa Pereira <larissa.pereira>"),
        "America/Sao_Paulo",
        "en",
        "USD",
    ),
)
_ADMINISTRATOR = "Ada Winter <ada.winter>"
# What one unit is worth in euros.
_RATES = {"CNY": Decimal("0.128"), "USD": Decimal("0.92")}


def found_company(db: Writer, parts: Mapping[str, DemoPart], day: date) -> list[DemoPerson]:
    """Create teams, users, their roles and, where the company counts in euros, exchange rates; return who works."""
    euros = db.currency == "EUR"
    if euros:
        rates = [ExchangeRate(currency=code, valid_from=day, rate=rate) for code, rate in _RATES.items()]
        db.create_many(rates)
    teams: dict[str, Team] = {}
    for office in _OFFICES:
        above = teams[office.above].id if office.above else None
        teams[office.name] = db.create(Team(name=office.name, parent_id=above))
    people = [
        DemoPerson(user, job, office.currency if euros else db.currency)
        for office in _OFFICES
        for job, user in _staff(office, teams[office.name])
    ]
    administrator = _user(_ADMINISTRATOR, _OFFICES[0], teams["Sales"])
    db.create_many([*(person.user for person in people), administrator])
    held = [Assignment(user_id=administrator.id, role="core.administrator")]
    held += [Assignment(user_id=p.user.id, role=role) for p in people for role in _roles_of(p, parts)]
    db.create_many(held)
    return people


def _staff(office: _Office, team: Team) -> Iterator[tuple[Job, User]]:
    yield "manager", _user(office.leads, office, team)
    yield from (("agent", _user(person, office, team)) for person in office.sells)


def _user(person: str, office: _Office, team: Team) -> User:
    name, _space, address = person.rstrip(">").partition(" <")
    return User(
        name=name,
        email=f"{address}@demo.example",
        team_id=team.id,
        time_zone=office.zone,
        locale=office.locale,
    )


def _roles_of(person: DemoPerson, parts: Mapping[str, DemoPart]) -> list[str]:
    return ["core.member", *(role for part in parts.values() for role in part.roles.get(person.job, ()))]
