"""Doors are the ways to reach data: functions from a Questioner to probes. A surface adds its own with ``@door``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from tests.oracle.acts import CLASSES
from tests.oracle.http.remote import Remote
from tests.oracle.mirror import VERBS, TradeWorld
from tests.oracle.play import Play
from tests.oracle.worlds import Chance

__all__ = ["DOORS", "Door", "Probe", "Questioner", "door", "exists", "through"]


def _as_it_is(answer: Any) -> Any:
    return answer


@dataclass(frozen=True)
class Probe:
    """One question: *want* asks the model (and may raise Denied), *call* asks crmkit; *view* makes the two comparable.

    *told* is the part of the answer that the principal gets. A probe that *writes* gets a writer whose transaction is
    undone. One that asks for *several* records is refused for the first that is not to be had, of which the model tells
    nothing. What is done *in_part* tells of every other part why it was refused.
    """

    label: str
    want: Callable[[], Any]
    call: Callable[[Any], Any]
    view: Callable[[Any], Any] = _as_it_is
    told: Callable[[Any], Any] = _as_it_is
    writes: bool = False
    several: bool = False
    in_part: bool = False


@dataclass(frozen=True)
class Questioner:
    """Who asks, in which play, and chance. What it draws depends on nothing but the seed and the ids there are."""

    play: Play
    p: UUID
    random: Random
    chance: Chance = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "chance", Chance(self.random))

    @property
    def world(self) -> TradeWorld:
        """The model as it is when the question is asked."""
        return self.play.world

    def entity(self) -> str:
        """Return any entity, the interesting ones more often."""
        return self.chance.one(
            [
                *CLASSES,
                "trade.deal",
                "trade.deal",
                "trade.deal",
                "trade.line",
                "trade.note",
                "trade.firm",
                "custom.project",
            ]
        )

    def ids(self, entity: str, most: int) -> list[UUID]:
        """Return ids of records, visible or not, deleted or not, and sometimes of none."""
        return list(dict.fromkeys(self.chance.id_of(self.world, entity) for _ in range(self.random.randint(1, most))))

    def seen(self, entity: str) -> list[UUID]:
        """Return the ids of what is visible, newest first."""
        return self.world.find(self.p, entity)


Door = Callable[[Questioner], Iterator[Probe]]
DOORS: dict[str, Door] = {}


def door(made: Door) -> Door:
    """Register *made* under its name: from now on every comparison goes through it."""
    DOORS[made.__name__] = made
    return made


def through(db: Any, function: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    """Return what *function* gives for *db*: over HTTP there is a request in its place."""
    if isinstance(db, Remote):
        return getattr(db, function.__name__)(*arguments, **more)
    return function(db, *arguments, **more)


def exists(q: Questioner, entity: str) -> bool:
    """Return whether there is anything of *entity* for the principal: a grant, or a share, even one that has ended."""
    granted = any(g.gives(entity, *VERBS) for role in q.world.roles_of(q.p) for g in role.grants)
    mine = {(q.p, None), *((None, team) for team in q.world.teams(q.p))}
    return granted or any(key[0] == entity and key[2:] in mine for key in q.world.shares)
