"""Every abuse case and every fault has a test that carries its number, and none carries a number that there is not.

The numbers are those of the threat model: ``test_t15_…`` tries the abuse case T15, ``test_f04_…`` the fault F04. A case
of abuse is tried through the HTTP API, unless it is about documents or pages.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ABUSE = frozenset(f"t{number:02}" for number in range(1, 34))
FAULTS = frozenset(f"f{number:02}" for number in range(1, 19))
#: What crmkit makes no document of and no page for, yet.
LATER = frozenset({"t21", "t22"})
OVER_HTTP = ROOT / "tests" / "rest"
_NUMBERED = re.compile(r"test_([tf]\d\d)_")


@pytest.fixture(scope="module")
def numbered():
    """The files in which the tests of each case and fault are."""
    found = dict[str, set[Path]]()
    for path in [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("crmkit/**/tests/test_*.py")]:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and (number := _NUMBERED.match(node.name)):
                found.setdefault(number[1], set()).add(path)
    return found


@pytest.mark.parametrize("case", sorted(ABUSE - LATER))
def test_abuse_case_is_tried_over_http(numbered, case):
    assert [path for path in numbered.get(case, ()) if path.is_relative_to(OVER_HTTP)]


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_fault_is_tried(numbered, fault):
    assert numbered.get(fault)


def test_no_test_carries_a_number_that_there_is_not(numbered):
    assert set(numbered) <= ABUSE | FAULTS
