"""The demo company's customers, and what was said to them."""

from __future__ import annotations

from random import Random
from typing import Any

from crmkit import Demo, DemoPart, Money, Target, Writer

from .entities import Company, Contact, Interaction, Participant

__all__ = ["PART"]

_COMPANIES, _CONTACTS, _INTERACTIONS = 330, 860, 5200

# What differs between offices: cities with their country, and how companies and people are called there.
_CITIES = {
    "EUR": "Berlin|Hamburg|München|Paris|Lyon|Wien|Milano|London|Manchester|Rotterdam".split("|"),
    "CNY": "上海|北京|深圳|广州|杭州|成都|苏州|武汉".split("|"),
    "USD": "New York|Chicago|Boston|Houston|Denver|São Paulo|Toronto|Monterrey".split("|"),
}
_COUNTRIES = {
    **dict.fromkeys(("Berlin", "Hamburg", "München"), "Germany"),
    **dict.fromkeys(("Paris", "Lyon"), "France"),
    **dict.fromkeys(("London", "Manchester"), "United Kingdom"),
    "Wien": "Austria",
    "Milano": "Italy",
    "Rotterdam": "Netherlands",
    **dict.fromkeys(_CITIES["CNY"], "中国"),
    "São Paulo": "Brazil",
    "Toronto": "Canada",
    "Monterrey": "Mexico",
}
_PHONES = {"EUR": "+4930", "CNY": "+8621", "USD": "+1212"}
_FIRST = "North Blue Iron Clear Silver River Stone Bright Summit Harbour Oak Falcon Delta Prime Union Golden".split()
_SECOND = "Water Chemicals Foods Energy Mining Textiles Paper Motors Farms Glass Steel Brewing Logistics Dairy".split()
_FORMS = {"EUR": ("GmbH", "AG", "SA", "Ltd"), "USD": ("Inc.", "LLC", "Corp.")}
_CHINESE_FIRST = "华东 长江 东方 金海 宏达 天成 新泰 瑞丰 龙腾 恒信 万和 正大".split()
_CHINESE_SECOND = "水务 化工 食品 能源 矿业 纺织 造纸 机械 环保 钢铁 酿造 物流".split()
_SECTORS = "water chemicals food energy mining textiles paper machinery agriculture utilities".split()
_GIVEN = (
    "Emma Lukas Marie Paul Chloé Louis Alice Hugo Olivia Noah Ethan Ava Daniel Laura Victor Nina Samuel Julia Peter Eva"
).split()
_FAMILY = (
    "Meyer Fischer Bauer Richter Dubois Lefèvre Rossi Jansen Smith Taylor Johnson Garcia Silva Novak Berg Ward Klein"
).split()
_CHINESE_FAMILY = "王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林".split()
_CHINESE_GIVEN = "伟 芳 秀英 敏 静 强 磊 洋 艳 勇 军 杰 娟 涛 明 超 小红 建华 志远 雨桐".split()
_TITLES = ("Buyer", "Plant manager", "Head of purchasing", "Engineer", "Managing director", "Maintenance lead")
_CHINESE_TITLES = ("采购员", "厂长", "采购经理", "工程师", "总经理", "设备主管")
# How often, whether somebody may call us, subject, and the same in Chinese.
_KINDS = {
    "call": (34, True, ("Asked about delivery", "Open questions", "Called back"), ("询问交货期", "沟通疑问", "回电")),
    "email": (30, True, ("Sent the data sheet", "Confirmed the date"), ("发送产品资料", "答复问题", "确认日期")),
    "meeting": (14, False, ("Met the team", "Talked about requirements"), ("与团队会面", "讨论需求")),
    "visit": (8, False, ("Toured the plant", "Looked at the old pumps"), ("参观工厂", "查看旧泵")),
    "chat": (7, True, ("Quick question", "Sent a picture of the pump"), ("简短咨询", "发来泵的照片")),
    "note": (5, False, ("Budget comes in spring", "Prefers to be called early"), ("春季有预算", "上午联系较好")),
    "letter": (2, True, ("Sent the contract",), ("寄送合同",)),
}


def work(db: Writer, demo: Demo) -> None:
    """Win companies and people for a day, and talk to them."""
    _meet_companies(db, demo)
    _meet_people(db, demo)
    _talk(db, demo)
    if demo.chance(0.1) and (companies := demo.mine(Company)):
        demo.add(db.update(demo.random.choice(companies), relationship="customer"))


def _meet_companies(db: Writer, demo: Demo) -> None:
    made = db.create_many([_company(demo) for _each in range(demo.due(_COMPANIES))])
    demo.add(*made)


def _currency(demo: Demo) -> str:
    assert demo.person is not None
    return demo.person.currency if demo.person.currency in _CITIES else "USD"


def _company(demo: Demo) -> Company:
    random, currency = demo.random, _currency(demo)
    city, place = random.choice(_CITIES[currency]), random.randrange(10_000)
    if currency == "CNY":
        name = f"{city}{random.choice(_CHINESE_FIRST)}{random.choice(_CHINESE_SECOND)}有限公司"
        domain = f"co{place:04}.example.cn"
    else:
        words = (random.choice(_FIRST), random.choice(_SECOND))
        name = f"{' '.join(words)} {random.choice(_FORMS[currency])}"
        domain = f"{'-'.join(words).lower()}-{place:04}.example.com"
    above = [company for company in demo.mine(Company) if company.parent_id is None]
    return Company(
        name=name,
        parent_id=random.choice(above).id if above and demo.chance(0.1) else None,
        relationship="prospect",
        sector=random.choice(_SECTORS),
        city=city,
        country=_COUNTRIES.get(city, "United States"),
        phone=_phone(random, currency),
        email=f"info@{domain}",
        website=f"https://{domain}",
        employees=int(random.lognormvariate(5, 1.2)) + 5,
        revenue=_revenue(demo),
        founded=random.randint(1921, 2022),
    )


def _phone(random: Random, currency: str) -> str:
    return f"{_PHONES[currency]}{random.randrange(5_550_000, 5_559_999)}{'0' if currency == 'CNY' else ''}"


def _revenue(demo: Demo) -> Money | None:
    assert demo.person is not None
    millions = int(demo.random.lognormvariate(2.5, 1)) + 1
    return Money.of(millions * 1_000_000, demo.person.currency) if demo.chance(0.7) else None


def _meet_people(db: Writer, demo: Demo) -> None:
    companies = demo.mine(Company)
    if companies:
        demo.add(*db.create_many([_contact(demo, companies) for _each in range(demo.due(_CONTACTS))]))


def _contact(demo: Demo, companies: list[Company]) -> Contact:
    random, currency = demo.random, _currency(demo)
    company = random.choice(companies)
    is_chinese = currency == "CNY"
    family = random.choice(_CHINESE_FAMILY if is_chinese else _FAMILY)
    given = random.choice(_CHINESE_GIVEN if is_chinese else _GIVEN)
    domain = (company.email or "info@example.com").partition("@")[2]
    return Contact(
        name=f"{family}{given}" if is_chinese else f"{given} {family}",
        given_name=given,
        family_name=family,
        company_id=company.id,
        job_title=random.choice(_CHINESE_TITLES if is_chinese else _TITLES),
        email=f"p{random.randrange(100_000):05}@{domain}",
        phone=_phone(random, currency) if demo.chance(0.6) else None,
        city=company.city,
        country=company.country,
        language="zh_CN" if is_chinese else "en",
    )


def _talk(db: Writer, demo: Demo) -> None:
    known = demo.all_mine()[-40:]
    talks = [_interaction(demo, known) for _each in range(demo.due(_INTERACTIONS) if known else 0)]
    people: dict[Any, list[Contact]] = {}
    for contact in demo.mine(Contact):
        people.setdefault(contact.company_id, []).append(contact)
    made = db.create_many([talk for talk, _record in talks])
    db.create_many(
        [
            Participant(interaction_id=talk.id, contact_id=demo.random.choice(present).id)
            for talk, (_talk, record) in zip(made, talks, strict=True)
            if talk.kind != "note" and (present := people.get(_company_of(record)))
        ]
    )


def _company_of(record: Any) -> Any:
    return record.id if isinstance(record, Company) else getattr(record, "company_id", None)


def _interaction(demo: Demo, known: list[Any]) -> tuple[Interaction, Any]:
    assert demo.person is not None
    random, record = demo.random, demo.random.choice(known)
    [kind] = random.choices(list(_KINDS), [often for often, *_rest in _KINDS.values()])
    _often, may_come_in, english, chinese = _KINDS[kind]
    incoming = may_come_in and demo.chance(0.4)
    talk = Interaction(
        kind=kind,
        direction=("incoming" if incoming else "outgoing") if may_come_in else None,
        subject=random.choice(chinese if demo.person.user.locale == "zh_CN" else english),
        started_at=demo.moment(),
        minutes=random.choice((5, 10, 15, 30, 60, 90)) if kind in ("call", "meeting", "visit") else None,
        regarding=Target.of(record),
    )
    return talk, record


PART = DemoPart(roles={"agent": ["customers.agent"], "manager": ["customers.manager"]}, work=work)
