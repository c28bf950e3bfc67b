import pytest

from tests.core.jobs.watching import Diary


@pytest.fixture
def diary():
    return Diary()
