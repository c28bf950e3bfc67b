"""The worlds as a state machine: hypothesis chooses what happens, and shrinks what goes wrong to the fewest steps."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.oracle.compare import compare
from tests.oracle.interference import interfere
from tests.oracle.stage import Stage
from tests.oracle.steps import STEPS, Steps
from tests.oracle.worlds import USERS, Chance

__all__ = ["Machine"]

_seeds = st.integers(0, 10_000)
_users = st.sampled_from(USERS)


class Machine(RuleBasedStateMachine):
    """One world at a time on *stage*."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.play = stage, stage.play()
        self.steps = Steps(self.play, Random(0))

    @initialize(seed=_seeds)
    def build(self, seed):
        self.steps.chance = Chance(Random(seed))
        self.steps.build()

    @rule(step=st.sampled_from(sorted(set(STEPS))), seed=_seeds, user=_users)
    def something_happens(self, step, seed, user):
        self.steps.chance = Chance(Random(seed))
        getattr(self.steps, step)()
        self.stage.clock.advance(minutes=7)
        compare(self.play, user, seed)

    @rule(seed=_seeds, user=_users)
    def secrets_change(self, seed, user):
        interfere(self.play, user, seed)
