"""One world from beginning to end: it is built, things happen, and after each of them questions are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from tests.oracle.compare import compare
from tests.oracle.interference import interfere
from tests.oracle.stage import Stage
from tests.oracle.steps import STEPS, Steps
from tests.oracle.worlds import USERS

__all__ = ["chase", "session"]


def session(stage: Stage, seed: int, steps: int = 8) -> int:
    """Play the world drawn from *seed*, ask every door, and return how many comparisons were made.

    Raises:
        Mismatch: crmkit and the model disagree, or an answer tells a secret.
    """
    play = stage.play()
    taken = Steps(play, Random(seed))
    taken.build()
    for place, user in enumerate(USERS):
        compare(play, user, seed)
        if place == seed % len(USERS):
            interfere(play, user, seed)
    for number in range(steps):
        getattr(taken, taken.chance.one(STEPS))()
        stage.clock.advance(minutes=7)
        user = taken.chance.one(USERS)
        compare(play, user, seed + number)
        if number % 3 == 2:
            interfere(play, user, seed + number)
    return play.compared


def chase(
    stage: Stage, seed: int, doors: Sequence[str], steps: Sequence[str], ask: Callable[..., None] = compare
) -> None:
    """Play the world drawn from *seed*: just *steps* are taken, and after each everybody asks just *doors*, by *ask*.

    Raises:
        Mismatch: crmkit and the model disagree, or, if that is asked, an answer tells a secret.
    """
    play = stage.play()
    taken = Steps(play, Random(seed))
    taken.build()
    for number in range(len(steps) + 1):
        # A question goes to one after the other, so that what is kept of it for one may serve the next.
        for place, user in enumerate(USERS):
            ask(play, user, seed + number + place, doors)
        for step in steps[number : number + 1]:
            getattr(taken, step)()
            stage.clock.advance(minutes=7)
