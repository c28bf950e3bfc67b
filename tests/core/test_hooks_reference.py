from pathlib import Path

import pytest
from crmkit_reference import PARTS
from crmkit_reference.hooks import PARTS as DOCSTRING_PARTS, find_hooks, parts_of, users_of

ROOT = Path(__file__).parents[2]
HOOKS = dict(find_hooks())


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_says_when_it_is_asked_what_to_return_and_how_answers_combine(hook):
    summary, parts = parts_of(HOOKS[hook])
    assert summary.endswith(".")
    assert list(parts) == list(DOCSTRING_PARTS)
    assert all(parts.values())


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_is_implemented_by_a_plugin_and_names_one(hook):
    named = parts_of(HOOKS[hook])[1]["Used by"]
    assert users_of(hook)
    assert any(f"crmkit/plugins/{plugin}/hooks.py" in named for plugin in users_of(hook)), named


@pytest.mark.parametrize("part", PARTS)
def test_generated_part_stands_on_a_page_of_the_reference(part):
    pages = (ROOT / "docs" / "reference").glob("*.md")
    assert [page.name for page in pages if f"<!-- generated: {part} -->" in page.read_text("utf-8")]


@pytest.mark.parametrize("part", PARTS)
def test_generated_part_has_text(part):
    assert len(PARTS[part]()) > 500
