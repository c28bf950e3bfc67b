"""One world from beginning to end: it is built, things happen, and after each of them somebody asks every door."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.oracle.compare import compare
from tests.oracle.interference import interfere
from tests.oracle.stage import Stage
from tests.oracle.steps import STEPS, Steps
from tests.oracle.worlds import USERS

__all__ = ["session"]


def session(stage: Stage, seed: int, steps: int = 8, doors: Sequence[str] = (), rounds: int = 1) -> int:
    """Play the world drawn from *seed* and return how many comparisons were made.

    With *doors* only these are asked, and *rounds* times as often.

    Raises:
        Mismatch: crmkit and the model disagree, or an answer tells a secret.
    """
    play = stage.play()
    taken = Steps(play, Random(seed))
    taken.build()
    for place, user in enumerate(USERS):
        for number in range(rounds):
            compare(play, user, seed + number, doors)
        if place == seed % len(USERS):
            interfere(play, user, seed, doors)
    for number in range(steps):
        getattr(taken, taken.chance.one(STEPS))()
        stage.clock.advance(minutes=7)
        user = taken.chance.one(USERS)
        for place in range(rounds):
            compare(play, user, seed + number + 1000 * place, doors)
        if number % 3 == 2:
            interfere(play, user, seed + number, doors)
    return play.compared
