"""The verbs of selling: win, lose, reopen, convert; funnel and forecast; and the days that deals keep."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from crmkit import (
    ForbiddenError,
    Lane,
    Money,
    Problem,
    Reader,
    Stage,
    Write,
    WriteContext,
    Writer,
    count,
    funnel as crmkit_funnel,
    total,
    translator,
)
from crmkit.plugins.customers.entities import Company, Contact

from .entities import Deal, Lead

__all__ = [
    "Conversion",
    "DealsHiddenError",
    "Forecast",
    "ForecastMonth",
    "Funnel",
    "FunnelStage",
    "check_closing_days",
    "convert_lead",
    "disqualify",
    "forecast",
    "forget_reasons",
    "funnel",
    "keep_days",
    "lose",
    "reopen",
    "win",
]

_ = translator(__package__)


def win(db: Writer, deal: Deal, *, amount: Money | None = None, closed_on: date | None = None) -> Deal:
    """Move *deal* to won and return it; *amount* and *closed_on* (today) are written with it.

    Raises:
        Refusal: it has no company or no amount, or stands where it cannot be won.
    """
    return db.move(_with(db, deal, amount=amount, closed_on=closed_on), "won")


def lose(db: Writer, deal: Deal, reason: str, *, description: str | None = None, closed_on: date | None = None) -> Deal:
    """Move *deal* to lost because of *reason* and return it.

    Raises:
        ValidationError: there is no such reason.
        Refusal: it stands where it cannot be lost.
    """
    changed = _with(db, deal, description=description, closed_on=closed_on)
    return db.move(changed, "lost", reason=reason)


def reopen(db: Writer, deal: Deal) -> Deal:
    """Move a lost or won *deal* back to engaging and return it; its day and reason of closing are emptied.

    Raises:
        Refusal: it is not closed; or it is won, and the principal may not undo that.
    """
    return db.move(deal, "engaging")


def _with(db: Writer, deal: Deal, **values: object) -> Deal:
    given = {name: value for name, value in values.items() if value is not None}
    return db.update(deal, given) if given else deal


# Leads.


def disqualify(db: Writer, lead: Lead, reason: str) -> Lead:
    """Move *lead* to disqualified because of *reason* and return it.

    Raises:
        ValidationError: there is no such reason.
        Refusal: it stands where it cannot be disqualified.
    """
    return db.move(lead, "disqualified", reason=reason)


@dataclass(frozen=True)
class Conversion:
    """What a lead has become; *company* and *contact* are ``None`` where the lead did not name one."""

    lead: Lead
    deal: Deal
    company: Company | None
    contact: Contact | None


def convert_lead(
    db: Writer,
    lead: Lead,
    *,
    company: Company | None = None,
    contact: Contact | None = None,
    name: str | None = None,
    amount: Money | None = None,
    expected_close_on: date | None = None,
) -> Conversion:
    """Make a deal of *lead*, with the company and the contact that it names, all belonging to the lead's owner.

    Give *company* or *contact* where they are known already: two companies may have the same name, so none is
    looked up. Everything happens, or nothing does.

    Raises:
        Refusal: the lead is converted or disqualified already.
        ForbiddenError: the principal may not create what the lead becomes.
    """
    with db.attempt():
        company = company or _company_of(db, lead)
        contact = contact or _contact_of(db, lead, company)
        deal = db.create(
            Deal(
                name=name or lead.name,
                company_id=company.id if company else None,
                contact_id=contact.id if contact else None,
                product_id=lead.product_id,
                amount=amount,
                expected_close_on=expected_close_on,
                source=lead.source,
                description=lead.description,
                owner_id=lead.owner_id,
                team_id=lead.team_id,
            )
        )
        lead = db.update(lead, company_id=deal.company_id, contact_id=deal.contact_id, deal_id=deal.id)
        return Conversion(db.move(lead, "converted"), deal, company, contact)


def _company_of(db: Writer, lead: Lead) -> Company | None:
    if lead.company_name is None:
        return None
    return db.create(
        Company(name=lead.company_name, relationship="prospect", owner_id=lead.owner_id, team_id=lead.team_id)
    )


def _contact_of(db: Writer, lead: Lead, company: Company | None) -> Contact | None:
    if lead.contact_name is None:
        return None
    return db.create(
        Contact(
            name=lead.contact_name,
            company_id=company.id if company else None,
            job_title=lead.job_title,
            email=lead.email,
            phone=lead.phone,
            owner_id=lead.owner_id,
            team_id=lead.team_id,
        )
    )


# Funnel and forecast. Sums are in the company's currency, each deal at the rate of the day it was last priced.


@dataclass(frozen=True)
class FunnelStage:
    """One stage: how many deals stand in it, what they add up to, and what of that is to be expected.

    The sums are ``None`` for those who may not see amounts. A retired stage is none of the pipeline's any more, but
    still occupied.
    """

    slug: str
    label: str
    kind: str
    probability: int
    count: int
    amount: Decimal | None
    weighted: Decimal | None
    is_retired: bool = False


@dataclass(frozen=True)
class Funnel:
    """The stages of one pipeline, at its *version*, as one principal sees them; sums are in *currency*."""

    pipeline: str
    version: int
    currency: str
    stages: tuple[FunnelStage, ...]
    at: datetime | None = None

    @property
    def count(self) -> int:
        """How many deals there are."""
        return sum(stage.count for stage in self.stages)


class DealsHiddenError(ForbiddenError):
    """Whoever asks for funnel or forecast has no role that lets them read deals, or only one that hides the stage."""

    template = _("None of your roles lets you read deals and the stages they stand in.")

    def __init__(self) -> None:
        """Name no deal: all of them are meant."""
        super().__init__("sales.deal", "read", "*")


def _check_sees_stages(db: Reader) -> None:
    if "stage" not in db.readable_fields(Deal):
        raise DealsHiddenError


def funnel(
    db: Reader, pipeline: str | None = None, *, at: datetime | None = None, amounts: Literal["now", "then"] = "now"
) -> Funnel:
    """Return how many of the deals that the reader sees stand in each stage of *pipeline* (default: of new deals).

    With *at*, how they stood at that moment; *amounts* are those of ``now`` or those of ``then``, see
    :func:`crmkit.funnel`.

    Raises:
        DealsHiddenError: the principal may read no deals.
        UnknownPipelineError: deals have no such pipeline.
        UnknownFieldError: the moment at which deals entered their stage is hidden, and *at* asks for it.
    """
    _check_sees_stages(db)
    amount = "amount" if "amount" in db.readable_fields(Deal) else None
    found = crmkit_funnel(db, Deal, pipeline, amount=amount, at=at, amounts=amounts)
    stages = [_funnel_stage(lane, found.currency) for lane in found.lanes]
    return Funnel(found.pipeline, found.version, found.currency, tuple(stages), at)


def _funnel_stage(lane: Lane, currency: str) -> FunnelStage:
    amount = None if lane.amount is None else _money(lane.amount, currency)
    weighted = None if amount is None else _weighted(amount, lane.probability, currency)
    return FunnelStage(
        lane.slug, lane.label, lane.kind, lane.probability, lane.count, amount, weighted, lane.is_retired
    )


def _money(amount: Decimal | None, currency: str) -> Decimal:
    """Return *amount*, or nothing, with all digits of *currency*."""
    return Money.rounded(amount or Decimal(0), currency).amount


def _weighted(amount: Decimal, probability: int, currency: str) -> Decimal:
    return _money(amount * probability / 100, currency)


@dataclass(frozen=True)
class ForecastMonth:
    """The open deals expected to close in one month; *month* is its first day, or ``None`` if none is named."""

    month: date | None
    count: int
    amount: Decimal
    weighted: Decimal


@dataclass(frozen=True)
class Forecast:
    """The open deals by the month of their expected close, as one principal sees them; sums are in *currency*."""

    currency: str
    months: tuple[ForecastMonth, ...]


def forecast(db: Reader) -> Forecast:
    """Return what the open deals that the reader sees may bring: amount times the probability of each deal's stage.

    Months that have passed are in it: such deals are overdue. Deals without a month come last.

    Raises:
        DealsHiddenError: the principal may read no deals.
        UnknownFieldError: the principal may not see amounts.
    """
    _check_sees_stages(db)
    probabilities = {
        (pipeline.id, stage.slug): stage.probability for pipeline in db.pipelines(Deal) for stage in pipeline.stages
    }
    rows = db.aggregate(
        Deal,
        group_by=["pipeline", "stage", "expected_close_on"],
        measures={"count": count(), "amount": total("amount")},
        where=Deal.f.stage_kind == "open",
    )
    months: dict[date | None, tuple[int, Decimal, Decimal]] = {}
    for row in rows:
        month = row["expected_close_on"] and row["expected_close_on"].replace(day=1)
        number, amount, weighted = months.get(month, (0, Decimal(0), Decimal(0)))
        more = row["amount"] or Decimal(0)
        chance = probabilities.get((row["pipeline"], row["stage"]), 0)
        months[month] = (number + row["count"], amount + more, weighted + more * chance / 100)
    return Forecast(db.currency, tuple(_forecast_months(months, db.currency)))


def _forecast_months(months: dict[date | None, tuple[int, Decimal, Decimal]], currency: str) -> Iterator[ForecastMonth]:
    for month in sorted(months, key=lambda month: month or date.max):
        number, amount, weighted = months[month]
        yield ForecastMonth(month, number, _money(amount, currency), _money(weighted, currency))


# The days that a deal keeps.


def keep_days(context: WriteContext, writes: Sequence[Write]) -> None:
    """Note on which day a deal is engaged or closed; a deal that is reopened forgets how it was closed."""
    for write in writes:
        if write.entity.id == "sales.deal":
            _keep_days_of(context, write)


def _keep_days_of(context: WriteContext, write: Write) -> None:
    stage = context.entered_stage(write)
    if stage is None:
        return
    if stage.kind != "open":
        _set_if_empty(write, "closed_on", _day(context, write))
        if stage.kind == "won":
            _forget(write, "lost_reason")
        return
    if not _is_first(context, write, stage):
        _set_if_empty(write, "engaged_on", _day(context, write))
    if write.stored.get("stage_kind") in ("won", "lost"):
        _forget(write, "closed_on", "lost_reason")


def forget_reasons(context: WriteContext, writes: Sequence[Write]) -> None:
    """Let a lead that is taken up again forget why it was disqualified."""
    for write in writes:
        stage = context.entered_stage(write) if write.entity.id == "sales.lead" else None
        if stage is not None and stage.kind == "open":
            _forget(write, "disqualified_reason")


def _day(context: WriteContext, write: Write) -> date:
    entered_at = write.details.get("entered_at")
    return entered_at.astimezone(ZoneInfo(context.principal.time_zone)).date() if entered_at else context.today


def _is_first(context: WriteContext, write: Write, stage: Stage) -> bool:
    pipelines = context.trusted.pipelines(Deal)
    wanted = write.get("pipeline") or pipelines[0].id
    return any(pipeline.id == wanted and pipeline.first == stage for pipeline in pipelines)


def _set_if_empty(write: Write, field: str, value: object) -> None:
    if write.get(field) is None:
        write.set(field, value)


def _forget(write: Write, *fields: str) -> None:
    for field in fields:
        if write.get(field) is not None:
            write.set(field, None)


def check_closing_days(
    context: WriteContext, writes: Sequence[Write], kinds: Collection[str] = ("create", "update")
) -> list[Problem]:
    """Return a problem for each deal that those of *writes* which are of *kinds* close on a day still to come."""
    message = _("a deal is not closed on a day still to come")
    return [
        Problem(message, place, "closed_on")
        for place, write in enumerate(writes)
        if write.entity.id == "sales.deal" and write.kind in kinds and _closes_ahead(context, write)
    ]


def _closes_ahead(context: WriteContext, write: Write) -> bool:
    if write.get("stage_kind") == "open" or (write.kind == "update" and not write.changes("closed_on")):
        return False
    day = write.get("closed_on")
    return day is not None and day > context.today
