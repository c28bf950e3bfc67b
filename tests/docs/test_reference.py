"""The reference is complete: whoever adds a name, a key or a permission documents it, or a test fails."""

import re
from pathlib import Path

import crmkit_reference
import pytest
from crmkit_reference.api import GROUPS, grouped, members
from crmkit_reference.entities import find_entities
from crmkit_reference.events import find_event_types
from crmkit_reference.fields import find_types
from crmkit_reference.hooks import find_hooks

import crmkit
import crmkit.testing
from crmkit.core.fields import FieldType
from crmkit.core.policy.roles import SCOPES, VERBS
from crmkit.transfer import convert, plan_file, plan_table, template
from crmkit.transfer.errors_file import COLUMNS
from crmkit.transfer.writers import FORMATS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
ENTITIES = find_entities()


def page(name):
    """Return a page of the reference as it is built."""
    text = (REFERENCE / f"{name}.md").read_text("utf-8")
    return re.sub(r"<!-- generated: (\S+) -->", lambda mark: crmkit_reference.PARTS[mark[1]](), text)


def headings(text):
    return [line.lstrip("# ").strip("`") for line in text.splitlines() if line.startswith("##")]


# Public API.


def test_public_name_stands_in_one_group():
    assert sorted(grouped("crmkit")) == sorted(crmkit.__all__)
    assert sorted(grouped("crmkit.testing")) == sorted(crmkit.testing.__all__)
    assert set(GROUPS) == {"crmkit", "crmkit.testing"}


def test_public_name_has_a_docstring():
    classes_and_functions = [getattr(crmkit, name) for name in crmkit.__all__ if name != "hookimpl"]

    assert [name for name in classes_and_functions if not name.__doc__] == []


def test_public_method_that_is_described_exists_and_has_a_docstring():
    lacking = [(cls, name) for cls, name in members() if not getattr(getattr(crmkit, cls), name).__doc__]

    assert lacking == []


def test_public_names_are_listed_where_they_come_from():
    assert set(crmkit.__all__) == set(crmkit._HOME_OF)


# Fields and entities.


def test_field_type_of_the_core_is_public_and_has_a_section():
    def below(kind):
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    own = [kind for kind in below(FieldType) if kind.__module__.startswith("crmkit.core")]

    assert set(find_types()) == set(own) - {FieldType}
    assert headings(page("fields")) == [kind.__name__ for kind in find_types()]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.id)
def test_entity_has_a_section_with_every_field(entity):
    text = page("entities")
    section = text.partition(f"\n## {entity.id}\n")[2].partition("\n## ")[0]
    common = text.partition("\n## What records have in common\n")[2].partition("\n## ")[0]

    assert entity.cls.__doc__
    assert [name for name in entity.fields if f"| `{name}` |" not in section + common] == []
    assert [name for name in entity.computed if f"| `{name}` |" not in section] == []


# Events.


def test_catalogue_has_every_type_of_event():
    text, found = page("event-types"), find_event_types()
    declared = [each.type for each in found if each.event is not None]
    assert [type_ for type_ in declared if f"`{type_}`" not in text] == []
    assert {f"`crm.{each.entity}.…`" for each in found if each.event is None} <= set(re.findall(r"`crm\.\S+…`", text))
    assert len(found) > len(declared) > 3


# Hooks and permissions.


def test_hook_has_a_section():
    assert headings(page("hooks")) == [name for name, _function in find_hooks()]


def test_permissions_name_every_verb_scope_entity_and_role():
    text = page("permissions")

    assert [verb for verb in VERBS if f"`{verb}`" not in text] == []
    assert [scope for scope in SCOPES if f"| {scope} |" not in text] == []
    assert [entity.id for entity in ENTITIES if f"| `{entity.id}` |" not in text] == []


# Import and export.


def test_import_plans_name_every_key_and_every_word():
    text = page("import-plans")
    keys = {*plan_file._FORMAT_KEYS, *plan_file._FILE_KEYS, *plan_file._STEP_KEYS, "name", "system", "formats", "files"}
    keys |= {"default", "currency_column", "factor", "entity", "on_missing"}

    assert [key for key in sorted(keys) if f"| `{key}` |" not in text] == []
    assert [source for source in plan_file._SOURCES if f"{{ {source} = " not in text and source != "find"] == []
    assert [word for words in plan_table._CHOICES.values() for word in words if f'`"{word}"`' not in text] == []
    assert [name for name in template.FILTERS if name and f":{name}}}`" not in text] == []


def test_import_plan_of_the_page_is_understood():
    first = re.search(r"```toml\n(.*?)```", page("import-plans"), re.DOTALL)

    plan = plan_file.parse_plan(first[1])

    assert [step.name for step in plan.steps] == ["companies"]


def test_files_names_every_format_word_and_column():
    text = page("files")

    assert [name for name in FORMATS if f"`.{name}`" not in text] == []
    assert [word for word in convert._TRUE | convert._FALSE if f"`{word}`" not in text] == []
    assert [column for column in COLUMNS if f"| `{column}` |" not in text] == []
