from __future__ import annotations

import pytest

from tests.oracle.mutants import MUTANTS
from tests.oracle.play import Mismatch
from tests.oracle.session import chase

WORLDS, MANY = 40, 5


@pytest.fixture
def changed_stage(stage):
    """The stage for a crmkit that has been changed: nothing prepared before is used, nor kept after."""
    yield stage
    stage.forget()


# What shows only after many steps is sought for when there is time.
_FAULTS = [pytest.param(name, marks=[pytest.mark.slow] * (len(m.steps) >= MANY)) for name, m in MUTANTS.items()]


@pytest.mark.parametrize("name", _FAULTS)
def test_seeded_fault_is_caught(changed_stage, name):
    mutant = MUTANTS[name]
    with mutant.seeded():
        changed_stage.forget()
        with pytest.raises(Mismatch):
            for seed in range(WORLDS):
                chase(changed_stage, seed, mutant.doors, mutant.steps)


def test_a_hundred_faults_are_seeded_and_most_are_sought_for_each_time():
    assert len(MUTANTS) >= 100
    assert sum(len(mutant.steps) < MANY for mutant in MUTANTS.values()) >= 80
