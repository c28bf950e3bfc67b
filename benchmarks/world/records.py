"""Companies and deals by the hundred thousand: the same ones in every run, from one seed.

Distributions are uneven as in life: half of the deals are won, a few cities have most companies, a tenth of the deals
belongs to somebody of another team, values are missing. What the figures look for is placed by count: 50 deals of the
tier ``platinum``, 20 with ``Zeppelin`` in their name, whatever the size.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any
from uuid import UUID

import attrs

from benchmarks.world.people import Member, People
from crmkit.core.storage.columns import uuid_from_bytes

__all__ = ["COMMON_CITY", "RARE_CITY", "SHARES", "Deals", "Firm", "Sale", "Shares", "Showing", "companies"]

START = datetime(2024, 11, 1, tzinfo=UTC)
SPAN = timedelta(days=730)
CITIES = ["Berlin", "Hamburg", "München", "Köln", "上海", "Wien", "Zürich", "Bonn", "Ulm", "Trier"]
CITY_WEIGHTS = [30, 20, 15, 10, 8, 7, 5, 3, 1.5, 0.1]
COMMON_CITY, RARE_CITY = CITIES[0], CITIES[-1]
STAGES = [("prospecting", "open"), ("engaging", "open"), ("proposal", "open"), ("won", "won"), ("lost", "lost")]
STAGE_WEIGHTS = [6, 14, 5, 50, 25]
TIERS = ["silver", "gold", None]
TIER_WEIGHTS = [20, 2, 38]
SOURCES = ["web", "referral", "event", "partner", None]
WORDS = "Pilot Upgrade Renewal Migration Audit Rollout Support Licence Training Study Machine Press Line Plant".split()
PLATINUM, ZEPPELIN, SHARES = 50, 20, 200
_MILLISECOND, _LOW = timedelta(milliseconds=1), (1 << 62) - 1
_START_MILLISECONDS = int(START.timestamp() * 1000)


@attrs.frozen
class Firm:
    """One company."""

    id: UUID
    at: datetime
    owner: Member
    name: str
    city: str


@attrs.frozen
class Sale:
    """One deal and what the extension says of it; *side* is None where nothing was ever written."""

    id: UUID
    at: datetime
    owner: UUID
    team: UUID
    number: int
    name: str
    company: UUID
    minor: int | None
    currency: str | None
    base: int | None
    stage: str
    kind: str
    close: date | None
    source: str | None
    side: tuple[str | None, int | None] | None


@attrs.frozen
class Showing:
    """One share."""

    id: UUID
    at: datetime
    record: UUID
    user: UUID


class _Weighted:
    """Picks from *values* by weight, several times faster than ``random.choices`` one by one."""

    def __init__(self, values: Sequence[Any], weights: Sequence[float]) -> None:
        self.values, self.sums = values, list(accumulate(weights))

    def draw(self, chance: float) -> Any:
        return self.values[bisect(self.sums, chance * self.sums[-1])]


class _Even:
    """Picks from *values*, each as often as any other."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.values, self.length = values, len(values)

    def draw(self, chance: float) -> Any:
        return self.values[int(chance * self.length)]


def record_id(at: datetime, chance: Random) -> UUID:
    """Return a UUID of version 7 made at *at*, as crmkit makes them, but the same in every run."""
    milliseconds = (at - START) // _MILLISECOND + _START_MILLISECONDS
    noise = chance.getrandbits(74)
    return uuid_from_bytes((milliseconds << 80 | 0x7 << 76 | noise >> 62 << 64 | 0x2 << 62 | noise & _LOW).to_bytes(16))


def companies(people: People, number: int) -> list[Firm]:
    """Return *number* companies."""
    chance, city = Random(number), _Weighted(CITIES, CITY_WEIGHTS)
    made: list[Firm] = []
    for place in range(number):
        at = START + SPAN * place / number
        name = f"{chance.choice(WORDS)} {chance.choice(WORDS)} {place}"
        made.append(Firm(record_id(at, chance), at, chance.choice(people.users), name, city.draw(chance.random())))
    return made


class Deals:
    """*number* deals on *firms*."""

    def __init__(self, people: People, firms: Sequence[Firm], number: int) -> None:
        """Draw nothing yet."""
        self.people, self.firms, self.number = people, firms, number

    def __iter__(self) -> Iterator[Sale]:
        chance, people, teams = Random(self.number), self.people.users, self.people.teams
        stages, tiers, sources = _Weighted(STAGES, STAGE_WEIGHTS), _Weighted(TIERS, TIER_WEIGHTS), _Even(SOURCES)
        owners, elsewhere, words, firms = _Even(people), _Even(teams), _Even(WORDS), _Even(self.firms)
        platinum, zeppelin = self.number // PLATINUM, self.number // ZEPPELIN
        step, some = SPAN / self.number, chance.random
        for place in range(self.number):
            at = START + step * place
            owner: Member = owners.draw(some())
            minor = None if some() < 0.05 else int(math.exp(13 + 4 * (some() + some() - 1)))
            dollars = minor is not None and some() < 0.1
            stage, kind = stages.draw(some()) if minor is not None else ("engaging", "open")
            word = "Zeppelin" if place % zeppelin == zeppelin // 2 else words.draw(some())
            tier = "platinum" if place % platinum == platinum // 2 else tiers.draw(some())
            score = None if some() < 0.4 else int(some() * 10_000)
            yield Sale(
                id=record_id(at, chance),
                at=at,
                owner=owner.id,
                team=owner.team if some() < 0.9 else elsewhere.draw(some()).id,
                number=place + 1,
                name=f"{words.draw(some())} {word} {place}",
                company=firms.draw(some()).id,
                minor=minor,
                currency=None if minor is None else "USD" if dollars else "EUR",
                base=minor if minor is None or not dollars else round(minor * 0.9),
                stage=stage,
                kind=kind,
                close=None if some() < 0.2 else at.date() + timedelta(days=int(some() * 190) + 10),
                source=sources.draw(some()),
                side=(tier, score) if tier is not None or score is not None else None,
            )


class Shares:
    """200 shares for the salesperson and for each of fifty others, picked while deals pass by.

    The salesperson's are of deals that she would not see otherwise.
    """

    def __init__(self, people: People, number: int) -> None:
        """Decide which of *number* deals are shared, but for the salesperson's."""
        self._people, self._chance = people, Random(number)
        self._inside = set(people.subtree(people.salesperson))
        self._step = max(number // (2 * SHARES), 1)
        self._others: dict[int, list[Member]] = {}
        for user in people.other_users:
            for place in self._chance.sample(range(number), SHARES):
                self._others.setdefault(place, []).append(user)
        self.made: list[Showing] = []
        self._hers = 0

    def note(self, deal: Sale) -> None:
        """Share *deal* with whom it is to be shared."""
        place = deal.number - 1
        for user in self._others.get(place, ()):
            self._share(deal, user)
        if place >= self._hers * self._step and self._hers < SHARES and deal.team not in self._inside:
            self._hers += 1
            self._share(deal, self._people.salesperson)

    def _share(self, deal: Sale, user: Member) -> None:
        self.made.append(Showing(UUID(int=self._chance.getrandbits(128)), deal.at, deal.id, user.id))
