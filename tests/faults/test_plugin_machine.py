"""Plugins come, are upgraded, go and are killed in the middle while people work: nothing is lost, every state opens."""

import itertools
import shutil

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.plugin_machine import Machine, Versions


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    return Versions(tmp_path_factory.mktemp("versions"))


def play(machine, examples, steps):
    found = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        # What led to a failure is printed; finding a shorter way there takes minutes.
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        database=None,
    )
    run_state_machine_as_test(machine, settings=found)


@pytest.fixture
def on_sqlite(versions, tmp_path):
    numbers = itertools.count()

    class OnSQLite(Machine):
        def fresh(self):
            place = tmp_path / f"{next(numbers)}.db"
            shutil.copy(versions.template, place)
            return f"sqlite:///{place}", place.with_suffix(".json")

    OnSQLite.versions = versions
    return OnSQLite


@pytest.fixture
def on_postgresql(versions, tmp_path, make_crm):
    numbers = itertools.count()

    class OnPostgreSQL(Machine):
        def fresh(self):
            crm = make_crm(database="postgresql")
            url = crm.storage.url.render_as_string(hide_password=False)
            crm.close()
            return url, tmp_path / f"{next(numbers)}.json"

    OnPostgreSQL.versions = versions
    return OnPostgreSQL


@pytest.mark.long
def test_nothing_is_lost_on_sqlite(on_sqlite):
    play(on_sqlite, 3, 20)

    assert on_sqlite.taken > 30


@pytest.mark.postgresql
def test_nothing_is_lost_on_postgresql(on_postgresql):
    play(on_postgresql, 2, 10)

    assert on_postgresql.taken > 10


@pytest.mark.slow
def test_nothing_is_lost_in_ten_thousand_steps_on_sqlite(on_sqlite):
    play(on_sqlite, 110, 100)

    assert on_sqlite.taken >= 10_000


@pytest.mark.slow
@pytest.mark.postgresql
def test_nothing_is_lost_in_a_thousand_steps_on_postgresql(on_postgresql):
    play(on_postgresql, 22, 50)

    assert on_postgresql.taken >= 1_000
