"""Each rule of PluginConformance catches a plugin that breaks it, and a plugin that keeps them passes."""

import shutil
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.long

GOOD = {
    "__init__.py": """
        from crmkit import Plugin, translator
        _ = translator(__name__)
        PLUGIN = Plugin(name="loyalty", version="1.0", label=_("Loyalty"))
        """,
    "entities.py": """
        from crmkit import Record, Text, entity, field, translator
        _ = translator(__package__)

        @entity("loyalty.card", label=_("Card"))
        class Card(Record):
            code: str = field(Text(max=20), label=_("Code"))
        """,
    "roles.py": """
        from crmkit import Grant, Role, translator
        _ = translator(__package__)
        ROLES = [Role("loyalty.clerk", _("Clerk"), [Grant("loyalty.card", ["read"], "all")])]
        """,
    "hooks.py": """
        from crmkit import hookimpl
        from . import entities, roles

        @hookimpl
        def crmkit_register_entities():
            return [entities.Card]

        @hookimpl
        def crmkit_register_roles():
            return roles.ROLES
        """,
    "README.md": "# loyalty\n`loyalty.card` `loyalty.clerk`\n",
    "tests/test_conformance.py": """
        from crmkit.testing import PluginConformance
        class TestConformance(PluginConformance, plugin="crmkit_loyalty", locales=()): ...
        """,
}
BROKEN = {
    "test_manifest_is_readable_before_any_other_code": {
        "__init__.py": GOOD["__init__.py"].replace("PLUGIN =", "from . import entities\n        PLUGIN =")
    },
    "test_folder_has_the_one_shape": {"helpers.py": ""},
    "test_files_import_only_the_public_api": {"services.py": "from crmkit.core.crm import CRM\n"},
    "test_hooks_are_a_table_of_contents": {
        "hooks.py": GOOD["hooks.py"].replace(
            "return roles", "a = 1\n            b = 2\n            c = 3\n            return roles"
        )
    },
    "test_plugin_loads_with_nothing_but_what_it_requires": {
        "roles.py": GOOD["roles.py"].replace(
            'Grant("loyalty.card"', 'Grant("customers.company", ["read"], "all"), Grant("loyalty.card"'
        )
    },
    "test_names_follow_the_rules": {
        "entities.py": GOOD["entities.py"].replace("code: str", "sent_at: str").replace("Code", "Sent at")
    },
    "test_personal_data_is_declared_with_its_purpose": {
        "entities.py": GOOD["entities.py"].replace("code: str", "given_name: str")
    },
    "test_readme_names_what_the_plugin_has": {"README.md": "# loyalty\n"},
    "test_texts_are_translated": {
        "tests/test_conformance.py": GOOD["tests/test_conformance.py"].replace("locales=()", 'locales=("zh_CN",)')
    },
    "test_texts_belong_to_the_plugin": {"entities.py": GOOD["entities.py"].replace("__package__", '"somebody_else"')},
    "test_revisions_make_what_is_declared_and_can_be_taken_back[sqlite]": {
        "entities.py": GOOD["entities.py"].replace("code:", "more: str | None = field(default=None)\n            code:")
    },
}


NAMES = {rule: f"crmkit_loyalty_{number}" for number, rule in enumerate(BROKEN)}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What fails, by package: all of them are tested in one run."""
    place = tmp_path_factory.mktemp("conformance")
    write(place / "crmkit_loyalty", GOOD)
    subprocess.run([sys.executable, "-c", textwrap.dedent(MAKE)], check=True, cwd=place)
    for rule, name in NAMES.items():
        shutil.copytree(place / "crmkit_loyalty", place / name, ignore=shutil.ignore_patterns("__pycache__"))
        write(place / name, {**GOOD, **BROKEN[rule]}, package=name)
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "--import-mode=importlib", "-m", "not postgresql", "-rfE"]
    program = [sys.executable, "-m", "pytest", *options, "--tb=no", "--rootdir", str(place), "."]
    done = subprocess.run(program, capture_output=True, text=True, cwd=place)
    failed = {name: set() for name in ("crmkit_loyalty", *NAMES.values())}
    for line in done.stdout.splitlines():
        if line.startswith(("FAILED", "ERROR")):
            path, _class, test = line.partition(" ")[2].split(" - ")[0].split("::")
            failed[path.partition("/")[0]].add(test)
    return failed


MAKE = """
    import crmkit_loyalty
    from crmkit import CRM, Config, Database
    from crmkit.core.migrating import make_revision
    crm = CRM(Config(database=Database(url="sqlite://")), plugins=[crmkit_loyalty])
    make_revision(crm, "loyalty", "Cards")
    """


def write(folder, files, package="crmkit_loyalty"):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).replace("crmkit_loyalty", package))


@pytest.mark.long
def test_plugin_that_keeps_the_rules_passes(outcome):
    assert outcome["crmkit_loyalty"] == set()


@pytest.mark.parametrize("rule", BROKEN)
def test_rule_catches_a_plugin_that_breaks_it(outcome, rule):
    assert rule in outcome[NAMES[rule]]
