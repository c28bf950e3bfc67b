"""The reference of the language keeps its word: each example in its tables is a rule, each refusal is refused so."""

import re
from pathlib import Path

import pytest

from crmkit.core.rules.check import check
from crmkit.core.rules.errors import RuleError
from crmkit.core.rules.functions import FUNCTIONS, METHODS
from crmkit.core.rules.memory import Row
from crmkit.core.rules.rule import Rule
from tests.core.rules.world import SHANGHAI, Fields

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "rules.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def rows(section):
    """Return the cells of a section's tables, without their heads."""
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("| ")]
    cells = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[1:]]
    return [row for row in cells if row]


def code(cell):
    found = re.match(r"`(.*?)`(?: \(.*\))?$", cell)
    return found and found[1]


EXAMPLES = [code(row[-1]) for section in ("Values", "Operators") for row in rows(section)]
EXAMPLES += [code(row[0]) for row in rows("Fields")]
EXAMPLES += re.findall(r"```text\n(.*?)\n```", PAGE)


@pytest.mark.parametrize("text", EXAMPLES)
def test_example_of_the_reference_is_a_rule(text):
    check(Rule.parse(text), Fields())


@pytest.mark.parametrize("row", rows("Nothing"), ids=lambda row: row[0])
def test_table_of_nothing_is_true(row):
    nothing = Row({"count": None, "vip": None})

    assert check(Rule.parse(code(row[0])), Fields()).holds(nothing, SHANGHAI) is (row[1] == "true")


@pytest.mark.parametrize("row", rows("What is refused"), ids=lambda row: row[0])
def test_refusal_reads_as_the_reference_says(row):
    with pytest.raises(RuleError) as caught:
        check(Rule.parse(code(row[0])), Fields())

    assert str(caught.value) == row[1]


@pytest.mark.parametrize("name", [*FUNCTIONS, *METHODS])
def test_every_function_has_an_example(name):
    assert any(f"{name}(" in text for text in EXAMPLES)
