"""What becomes of a message, and of its endpoint, once it was sent: tried again over days, given up, switched off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random
from typing import Any
from uuid import UUID

import attrs

from crmkit import Writer, translate, translator

from ..entities import Delivery, Endpoint
from .client import Answer

__all__ = ["ATTEMPTS", "GONE", "HOPELESS", "Outcome", "keep_outcomes", "switch_off"]

_ = translator(__package__.rpartition(".")[0])

#: How long a message waits after each attempt that failed: ten attempts over 75 hours (Standard Webhooks).
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
ATTEMPTS = len(WAITS) + 1
#: An endpoint that has failed for so long without a success is switched off.
HOPELESS = timedelta(days=5)
#: Why an endpoint is switched off whose user is gone.
GONE = _("The user as whom it acts is gone or inactive.")
# So long a receiver may ask us to wait.
_LONGEST_PAUSE = timedelta(hours=24)
_JITTER = 0.1
_GONE, _TOO_MANY, _UNAVAILABLE = 410, 429, 503
_KEPT_OF_ANSWER, _KEPT_OF_ERROR = 2000, 2000


@attrs.frozen
class Outcome:
    """What came of one attempt. Without an *answer* nobody may be told of the message any more.

    A message that could not even be made *was_sent* to nobody, which is not the fault of its endpoint.
    """

    delivery: Delivery
    sent_at: datetime
    answer: Answer | None = None
    took: timedelta = timedelta(0)
    was_sent: bool = True

    @property
    def tells(self) -> bool:
        """Whether it says something of the endpoint."""
        return self.was_sent and self.answer is not None

    @property
    def is_success(self) -> bool:
        """Whether the endpoint has taken the message."""
        return self.answer is not None and self.answer.status is not None and 200 <= self.answer.status < 300


def keep_outcomes(db: Writer, outcomes: Sequence[Outcome], chance: Random) -> None:
    """Write down what came of messages, and what that means for their endpoints.

    A message that somebody else has changed or removed meanwhile is left as it is.
    """
    stored = db.get_many(Delivery, [each.delivery.id for each in outcomes])
    versions = {each.id: each.version for each in db.hold(list(stored.values()))}
    mine = [each for each in outcomes if versions.get(each.delivery.id) == each.delivery.version]
    db.update_many([(each.delivery, _values(each, db.now, chance)) for each in mine])
    by_endpoint: dict[UUID, list[Outcome]] = {}
    for each in mine:
        by_endpoint.setdefault(each.delivery.endpoint_id, []).append(each)
    for endpoint in db.get_many(Endpoint, by_endpoint).values():
        _judge(db, endpoint, [each for each in by_endpoint[endpoint.id] if each.tells])


def _values(outcome: Outcome, now: datetime, chance: Random) -> Mapping[str, Any]:
    answer = outcome.answer
    if answer is None:
        return {"state": "withheld", "next_at": None}
    attempts = outcome.delivery.attempts + 1
    said = {
        "attempts": attempts,
        "sent_at": outcome.sent_at,
        "took_ms": int(outcome.took.total_seconds() * 1000),
        "status": answer.status,
        "response": _text(answer.body)[:_KEPT_OF_ANSWER] or None,
    }
    if outcome.is_success:
        return {**said, "state": "delivered", "next_at": None, "error": None}
    error = answer.error or f"HTTP {answer.status}"
    if attempts >= ATTEMPTS:
        return {**said, "state": "dead", "next_at": None, "error": error[:_KEPT_OF_ERROR]}
    wait = WAITS[attempts - 1] * chance.uniform(1 - _JITTER, 1 + _JITTER)
    due = max(now + wait, asked_for(answer, now) or now)
    return {**said, "state": "waiting", "next_at": due, "error": error[:_KEPT_OF_ERROR]}


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace").replace("\x00", "")


def asked_for(answer: Answer, now: datetime) -> datetime | None:
    """Return until when the receiver wants to be left alone; ``None`` if it has not said so."""
    if answer.status not in (_TOO_MANY, _UNAVAILABLE) or not answer.retry_after:
        return None
    said = answer.retry_after.strip()
    try:
        until = now + timedelta(seconds=int(said)) if said.isdecimal() else parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    return min(until if until.tzinfo else until.replace(tzinfo=UTC), now + _LONGEST_PAUSE)


def _judge(db: Writer, endpoint: Endpoint, outcomes: Iterable[Outcome]) -> None:
    """Keep since when *endpoint* fails and until when it wants to be left alone; switch it off if nobody is there."""
    answers = [(each, each.answer) for each in outcomes if each.answer is not None]
    if not answers or not endpoint.is_active:
        return
    if any(answer.status == _GONE for _each, answer in answers):
        switch_off(db, [endpoint], _("It has answered that it is gone for good (410)."))
        return
    pauses = [until for _each, answer in answers if (until := asked_for(answer, db.now)) is not None]
    values = {
        "failing_since_at": None
        if any(each.is_success for each, _a in answers)
        else endpoint.failing_since_at or db.now,
        "resumes_at": max(pauses, default=endpoint.resumes_at),
    }
    since = values["failing_since_at"]
    if since is not None and db.now - since >= HOPELESS:
        reason = translate(_("It has failed for {days} days, the last time with: {error}"))
        last = answers[-1][1]
        switch_off(db, [endpoint], reason.format(days=HOPELESS.days, error=last.error or f"HTTP {last.status}"))
    elif (values["failing_since_at"], values["resumes_at"]) != (endpoint.failing_since_at, endpoint.resumes_at):
        db.update(endpoint, values)


def switch_off(db: Writer, endpoints: Iterable[Endpoint], reason: str) -> None:
    """Tell *endpoints* nothing any more, for this *reason*; what waits for them goes on waiting."""
    db.update_many([(each, {"is_active": False, "off_reason": translate(reason)}) for each in endpoints])
