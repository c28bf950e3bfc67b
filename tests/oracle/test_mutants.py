from __future__ import annotations

import pytest

from tests.oracle.compare import compare
from tests.oracle.interference import interfere
from tests.oracle.mutants import MUTANTS
from tests.oracle.play import Mismatch
from tests.oracle.session import chase

WORLDS = 200


@pytest.fixture
def changed_stage(stage):
    """The stage for a crmkit that has been changed: nothing prepared before is used, nor kept after."""
    yield stage
    stage.forget()


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_seeded_fault_is_caught(changed_stage, name):
    mutant = MUTANTS[name]
    ask = interfere if mutant.two_worlds else compare
    with mutant.seeded():
        changed_stage.forget()
        with pytest.raises(Mismatch):
            for seed in range(WORLDS):
                chase(changed_stage, seed, mutant.doors, mutant.steps, ask)


def test_a_hundred_faults_are_seeded():
    assert len(MUTANTS) >= 100
