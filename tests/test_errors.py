"""Completeness of errors is tested, not remembered."""

from itertools import groupby

import pytest
from crmkit_reference.errors import find_errors, render

ERRORS = find_errors()


def test_error_code_is_shared_only_with_what_is_a_kind_of_the_same():
    for _code, same in groupby(ERRORS, key=lambda error: error.code):
        first, *others = same
        assert [error for error in others if not issubclass(error, first)] == []


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_error_declares_what_its_reference_shows(error):
    assert vars(error).get("__doc__"), "why it is raised"
    assert error.template, "the message that people read"
    assert error.code == error.code.lower().replace("_", "-").replace(" ", "-")


def test_errors_reference_has_a_heading_for_every_code():
    headings = [line.removeprefix("## ") for line in render().splitlines() if line.startswith("## ")]

    assert headings == sorted({error.code for error in ERRORS})
