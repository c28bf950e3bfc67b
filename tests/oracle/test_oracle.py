from __future__ import annotations

import time
from itertools import count
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from crmkit.rest import app
from tests.oracle.compare import compare
from tests.oracle.doors import DOORS, PREFIX
from tests.oracle.doors.rest.lending import caller_of
from tests.oracle.doors.rest.unasked import is_unasked
from tests.oracle.machine import Machine
from tests.oracle.session import session
from tests.oracle.steps import Steps
from tests.oracle.worlds import USERS

HERE = Path(__file__).parent


def play_until(stage, many, first_seed, tell):
    """Play world after world until *many* comparisons were made."""
    started, compared = time.process_time(), 0
    for seed in count(first_seed):
        compared += session(stage, seed)
        if compared >= many:
            break
    tell(compared, time.process_time() - started)


def explore(stage, examples, steps):
    run_state_machine_as_test(
        lambda: Machine(stage),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_model_knows_nothing_of_crmkit_and_stays_short():
    texts = [(HERE / f"{name}.py").read_text() for name in ("terms", "model", "model_writes", "model_merging")]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    assert not [line for line in lines if line.startswith(("import crmkit", "from crmkit"))]
    assert all(len(text.splitlines()) <= 300 for text in texts)


def test_every_door_gives_exactly_what_the_model_says_and_tells_no_secret(stage, tell):
    play_until(stage, 1_500, 0, tell)


@pytest.mark.long
def test_every_route_of_the_http_api_is_asked_or_it_is_said_why_not(stage):
    wanted = {door.name for door in app.DOORS if not is_unasked(door.name)}
    over_http = [name for name in DOORS if name.startswith(PREFIX)]
    # What was asked of this CRM before counts as well; whoever may do everything is refused least.
    play, answered = stage.play(), caller_of(stage.crm).answered
    taken = Steps(play, Random(0))
    taken.build()
    if (USERS[0], "core.administrator") not in play.world.assignments:
        taken.link("assignment", USERS[0], "core.administrator")
    for seed in range(20):
        if wanted - answered:
            compare(play, USERS[0], seed, over_http)
    assert wanted == answered


@pytest.mark.long
def test_worlds_that_hypothesis_makes_agree_with_the_model(stage):
    explore(stage, examples=3, steps=8)


@pytest.mark.long
@pytest.mark.postgresql
def test_every_door_agrees_with_the_model_on_postgresql(postgresql_stage, tell):
    play_until(postgresql_stage, 1_000, 500, tell)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_fifty_thousand_comparisons_agree(stage, tell, part):
    play_until(stage, 12_500, 1_000 + 10_000 * part, tell)


@pytest.mark.slow
def test_many_worlds_that_hypothesis_makes_agree_with_the_model(stage):
    explore(stage, examples=60, steps=12)


@pytest.mark.slow
@pytest.mark.postgresql
def test_thousands_of_comparisons_agree_on_postgresql(postgresql_stage, tell):
    play_until(postgresql_stage, 5_000, 50_000, tell)
