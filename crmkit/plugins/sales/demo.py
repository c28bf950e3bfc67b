"""How the demo company sold: leads, and deals that move through their stages over two years."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from crmkit import Demo, DemoPart, Money, Writer
from crmkit.plugins.commerce.entities import Price, Product
from crmkit.plugins.commerce.services import price_list
from crmkit.plugins.customers.entities import Company, Contact

from . import services
from .entities import Deal, Lead

__all__ = ["PART"]

_DEALS, _LEADS = 1480, 250
# What happens to a deal that nobody decides.
_PUT_OFF = "put off"
_LOST = ("price", "competitor", "no_budget", "no_need", "timing", "no_answer")
_DISQUALIFIED = ("no_need", "no_budget", "no_fit", "unreachable", "duplicate")
_SOURCES = ("web", "referral", "event", "campaign", "cold_call", "partner")
_ASKS = ("Asked for an offer", "Met at the fair", "Downloaded the brochure", "Called the hotline")
_CHINESE_ASKS = ("索取报价", "展会相识", "下载资料", "来电咨询")


@dataclass
class _Story:
    """One deal as it stands, and what is still to happen to it: stages with their days, the next one first."""

    deal: Deal
    steps: list[tuple[datetime, str]]


def work(db: Writer, demo: Demo) -> None:
    """Go on with what is open, and begin something new."""
    assert demo.person is not None
    stories: dict[UUID, list[_Story]] = demo.notes.setdefault("sales", {})
    mine = stories.setdefault(demo.person.user.id, [])
    _go_on(db, demo, mine)
    _take_up_leads(db, demo, mine)
    _begin(db, demo, mine)


def _begin(db: Writer, demo: Demo, mine: list[_Story]) -> None:
    companies = demo.mine(Company)
    number = demo.due(_DEALS)
    if companies and number:
        people: dict[UUID | None, Contact] = {contact.company_id: contact for contact in demo.mine(Contact)}
        prices = _prices(db, demo)
        planned = [_plan(demo, companies, people, prices) for _each in range(number)]
        deals = db.create_many([deal for deal, _steps in planned])
        demo.add(*deals)
        mine += [_Story(deal, steps) for deal, (_deal, steps) in zip(deals, planned, strict=True)]


def _prices(db: Writer, demo: Demo) -> list[tuple[Product, Price]]:
    """Return the price list of the region and the year, read once."""
    assert demo.person is not None
    key = f"sales prices {demo.person.currency} {demo.now:%Y-%m}"
    if key not in demo.notes:
        found = price_list(db, currency=demo.person.currency)
        demo.notes[key] = [(product, price) for product, price in found if price is not None]
    known: list[tuple[Product, Price]] = demo.notes[key]
    return known


def _plan(
    demo: Demo,
    companies: list[Company],
    people: dict[UUID | None, Contact],
    prices: list[tuple[Product, Price]],
) -> tuple[Deal, list[tuple[datetime, str]]]:
    random, company = demo.random, demo.random.choice(companies)
    product, price = random.choice(prices)
    quantity = random.choice((1, 1, 1, 2, 3, 5, 10, 20))
    steps = _steps(demo)
    contact = people.get(company.id)
    deal = Deal(
        name=f"{quantity} × {product.name}",
        company_id=company.id,
        contact_id=contact.id if contact else None,
        product_id=product.id,
        amount=Money.of(price.amount.amount * quantity, price.amount.currency),
        expected_close_on=(steps[-1][0] + timedelta(days=random.randint(-10, 30))).date(),
        source=random.choice(_SOURCES),
    )
    return deal, steps


def _steps(demo: Demo) -> list[tuple[datetime, str]]:
    """Return what is to happen: most deals are won or lost in the end, some are never decided."""
    random, at = demo.random, demo.now
    fates = random.choices(("won", "lost", _PUT_OFF), (45, 38, 17))
    stages = ["engaging", "proposal"] if demo.chance(0.75) else ["engaging"]
    if fates == ["lost"] and demo.chance(0.3):
        stages = stages[: random.randint(0, 1)]
    steps = []
    for stage in [*stages, *fates]:
        at += timedelta(days=random.randint(3, 45))
        steps.append((at, stage))
    return steps


def _go_on(db: Writer, demo: Demo, mine: list[_Story]) -> None:
    """Move every deal whose time has come, all that go to the same stage at once."""
    moving: dict[str, list[_Story]] = {}
    for story in mine:
        if story.steps[0][0] <= demo.now:
            moving.setdefault(story.steps.pop(0)[1], []).append(story)
    _put_off(db, demo, moving.pop(_PUT_OFF, []))
    for stage, stories in moving.items():
        _prepare_for(db, demo, stage, stories)
        for story, deal in zip(stories, db.move_many([story.deal for story in stories], stage), strict=True):
            story.deal = deal
            (demo.add if story.steps else demo.drop)(deal)
    mine[:] = [story for story in mine if story.steps]


def _put_off(db: Writer, demo: Demo, stories: list[_Story]) -> None:
    """Expect later what is not decided yet, again and again."""
    delays = [timedelta(days=demo.random.randint(20, 120)) for _story in stories]
    changes = [
        (story.deal, {"expected_close_on": (demo.now + delay).date()})
        for story, delay in zip(stories, delays, strict=True)
    ]
    for story, delay, deal in zip(stories, delays, db.update_many(changes), strict=True):
        story.deal = deal
        story.steps.append((demo.now + delay, _PUT_OFF))


def _prepare_for(db: Writer, demo: Demo, stage: str, stories: list[_Story]) -> None:
    """Write what the stage asks for, or what turned out on the way there."""
    random = demo.random
    if stage == "lost":
        changes: list[tuple[_Story, dict[str, object]]] = [
            (story, {"lost_reason": random.choice(_LOST)}) for story in stories
        ]
    elif stage == "won":
        changes = [(story, {"amount": _rebate(demo, story.deal)}) for story in stories if demo.chance(0.4)]
    else:
        changes = []
    changed = db.update_many([(story.deal, values) for story, values in changes])
    for (story, _values), deal in zip(changes, changed, strict=True):
        story.deal = deal


def _rebate(demo: Demo, deal: Deal) -> Money:
    assert deal.amount is not None
    share = Decimal(demo.random.randint(80, 99)) / 100
    return Money.rounded((deal.amount.amount * share).quantize(Decimal(1)), deal.amount.currency)


def _take_up_leads(db: Writer, demo: Demo, mine: list[_Story]) -> None:
    for lead in demo.mine(Lead):
        demo.drop(lead)
        if demo.chance(0.35):
            _product, price = demo.random.choice(_prices(db, demo))
            steps = _steps(demo)
            close = (steps[-1][0]).date()
            done = services.convert_lead(db, lead, amount=price.amount, expected_close_on=close)
            mine.append(_Story(done.deal, steps))
            demo.add(*(record for record in (done.company, done.contact, done.deal) if record is not None))
        elif demo.chance(0.6):
            services.disqualify(db, lead, demo.random.choice(_DISQUALIFIED))
        elif demo.chance(0.5):
            db.move(lead, "qualified")
    demo.add(*db.create_many([_lead(demo) for _each in range(demo.due(_LEADS))]))


def _lead(demo: Demo) -> Lead:
    assert demo.person is not None
    random, is_chinese = demo.random, demo.person.user.locale == "zh_CN"
    number = random.randrange(10_000)
    return Lead(
        name=random.choice(_CHINESE_ASKS if is_chinese else _ASKS),
        contact_name=random.choice(("王磊", "李娜", "张敏")) if is_chinese else random.choice(("M. Berg", "J. Hall")),
        company_name=f"新客户{number:04}有限公司" if is_chinese else f"Newcomer {number:04} Ltd",
        email=f"lead{number:04}@example.com",
        source=random.choice(_SOURCES),
    )


PART = DemoPart(roles={"agent": ["sales.agent"], "manager": ["sales.manager"]}, work=work)
