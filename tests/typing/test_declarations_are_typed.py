"""Type checkers know every field of an entity: ``declared.py`` says behind each line what mypy finds there."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).with_name("declared.py")


@pytest.mark.slow
def test_mypy_finds_exactly_what_the_page_says():
    from mypy import api

    report, _errors, _status = api.run(["--strict", "--no-incremental", str(PAGE)])
    found = dict(re.findall(r"declared\.py:(\d+): (?:error|note): (.*)", report))
    said = {
        str(number): line.partition(mark)[2].strip()
        for number, line in enumerate(PAGE.read_text().splitlines(), 1)
        for mark in ("  # E: ", "  # R: ")
        if mark in line
    }

    assert found.keys() == said.keys()
    for number, words in said.items():
        assert words in found[number]
