"""Every abuse case that concerns what is stored, signing in or the HTTP API has a test with its number."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CASES = [f"T{number:02}" for number in (*range(1, 21), *range(23, 34))]


@pytest.fixture(scope="module")
def numbered():
    """The numbers of all cases that a test, or what a module of tests says of itself, names."""
    found = set[str]()
    for path in [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("crmkit/**/tests/test_*.py")]:
        if path != Path(__file__).resolve():
            text = path.read_text()
            found |= {f"T{number}" for number in re.findall(r"def test_t(\d\d)_", text)}
            found |= set(re.findall(r"\bT\d\d\b(?=[:.,])", text))
    return found


@pytest.mark.parametrize("case", CASES)
def test_case_is_tested_by_its_number(numbered, case):
    assert case in numbered
