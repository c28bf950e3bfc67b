"""Completeness of errors is tested, not remembered."""

from collections import Counter

import pytest
from crmkit_reference.errors import find_errors, render

ERRORS = find_errors()


def test_error_codes_occur_once():
    assert [code for code, times in Counter(error.code for error in ERRORS).items() if times > 1] == []


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_error_declares_what_its_reference_shows(error):
    own = vars(error)

    assert own.get("code"), "the code is the heading in the reference"
    assert own.get("template"), "the message that people read"
    assert own.get("__doc__"), "why it is raised"
    assert error.code == error.code.lower().replace("_", "-").replace(" ", "-")


def test_errors_reference_has_a_heading_for_every_code():
    headings = {line.removeprefix("## ") for line in render().splitlines() if line.startswith("## ")}

    assert headings == {error.code for error in ERRORS}
