"""What must not be done twice at once is done by one; the end of its process ends its claim."""

import multiprocessing
import os
import time

import pytest

from crmkit.core.storage.alone import alone
from crmkit.core.storage.engines import Storage
from crmkit.testing import both_databases


@both_databases
def test_one_at_a_time_does_the_same_thing(crm):
    with alone(crm.storage, "import:a") as first:
        with alone(crm.storage, "import:a") as second, alone(crm.storage, "import:b") as other:
            assert (first, second, other) == (True, False, True)
        with alone(crm.storage, "import:a") as third:
            assert not third
    with alone(crm.storage, "import:a") as later:
        assert later


@both_databases
def test_error_ends_the_claim(crm):
    with pytest.raises(ZeroDivisionError), alone(crm.storage, "import:a"):
        raise ZeroDivisionError
    with alone(crm.storage, "import:a") as again:
        assert again


def test_nothing_is_left_beside_the_database(tmp_path):
    storage = Storage(f"sqlite:///{tmp_path / 'crm.db'}")
    with alone(storage, "import:a"):
        pass
    storage.dispose()
    assert os.listdir(tmp_path) == ["crm.db"]


def _free(storage):
    with alone(storage, "import:a") as first:
        return first


def _claim(url, claimed):
    with alone(Storage(url), "import:a") as first:
        assert first
        claimed.set()
        multiprocessing.Event().wait()


@both_databases
def test_claim_of_a_process_that_is_killed_dies_with_it(crm):
    url = crm.storage.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    claimed = context.Event()
    child = context.Process(target=_claim, args=(url, claimed))
    child.start()
    assert claimed.wait(60)
    with alone(crm.storage, "import:a") as second:
        assert not second
    child.kill()
    child.join()
    assert any(_free(crm.storage) or time.sleep(0.1) for _try in range(100))


def test_memory_is_nobody_elses():
    with alone(Storage("sqlite://"), "import:a") as first:
        assert first
