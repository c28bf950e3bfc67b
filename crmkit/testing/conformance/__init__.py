"""Every rule that a plugin keeps, as tests that a plugin inherits in one line.

::

    class TestConformance(PluginConformance): ...

"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest

from crmkit.core.configuration.config import Config, Database
from crmkit.core.crm import CRM
from crmkit.core.migrating import apply, check, park, revert
from crmkit.core.migrating.errors import IrreversibleRevisionError
from crmkit.core.plugins import LoadedPlugin, as_loaded, installed_plugins
from crmkit.testing.conformance import declarations, readme, records, sources, texts
from crmkit.testing.crms import CRMMaker, DatabaseKind
from crmkit.testing.marks import both_databases
from crmkit.testing.plugin_sets import resolve

__all__ = ["PluginConformance"]


class PluginConformance:
    """What every plugin's ``tests/test_conformance.py`` inherits.

    *plugin* names the package where the tests stand outside of it. *locales* are the languages into which the plugin's
    texts are translated, completely.
    """

    plugin: ClassVar[str]
    locales: ClassVar[tuple[str, ...]] = ("zh_CN",)

    def __init_subclass__(cls, *, plugin: str | None = None, locales: Iterable[str] | None = None) -> None:
        """Keep what the class line says."""
        # A copy of the plugin under another name then proves itself, and not the original.
        cls.plugin = plugin or cls.__module__.rpartition(".tests.")[0]
        if locales is not None:
            cls.locales = tuple(locales)

    @pytest.fixture
    def package(self) -> ModuleType:
        """The plugin's package."""
        return import_module(self.plugin)

    @pytest.fixture
    def folder(self, package: ModuleType) -> Path:
        """The plugin's folder."""
        return Path(package.__path__[0])

    @pytest.fixture
    def loaded(self, package: ModuleType) -> LoadedPlugin:
        """The plugin with its manifest."""
        return as_loaded(package)

    @pytest.fixture
    def alone(self, package: ModuleType) -> CRM:
        """A CRM with the plugin and what it requires, connected to nothing."""
        return CRM(Config(database=Database(url="sqlite://")), plugins=resolve([package]))

    def test_manifest_is_readable_before_any_other_code(self, loaded: LoadedPlugin, folder: Path) -> None:
        """``__init__.py`` imports crmkit and the standard library, so that reading a manifest is cheap and safe."""
        assert loaded.manifest.label.package == self.plugin
        assert sources.eager_imports(folder / "__init__.py") <= {"crmkit"}

    def test_folder_has_the_one_shape(self, folder: Path) -> None:
        """Open one plugin and you know them all."""
        assert list(sources.misshapen(folder)) == []

    def test_files_import_only_the_public_api(self, folder: Path, loaded: LoadedPlugin) -> None:
        """What is behind ``crmkit`` may change; of other plugins, only what they declare, tell and offer is public."""
        required = [plugin.module.__name__ for plugin in resolve([loaded]) if plugin.name in loaded.manifest.requires]
        assert list(sources.forbidden_imports(folder, self.plugin, required)) == []

    def test_hooks_are_a_table_of_contents(self, folder: Path) -> None:
        """Every implementation is at most three lines, so that ``hooks.py`` can be read in one go."""
        assert list(sources.long_hooks(folder / "hooks.py")) == []

    def test_hooks_are_specified(self, alone: CRM) -> None:
        """Loading refuses an implementation that no hook specification knows."""
        assert alone.hooks.has("crmkit_register_roles") or not alone.registry.entities

    def test_plugin_loads_with_nothing_but_what_it_requires(self, alone: CRM, loaded: LoadedPlugin) -> None:
        """Every role, reference, pipeline and guard that it names is its own or belongs to what it requires."""
        assert loaded.name in [plugin.name for plugin in alone.plugins]

    def test_plugin_loads_beside_all_that_are_installed(self, package: ModuleType) -> None:
        """Two plugins that claim the same thing would not load."""
        others = [name for name in installed_plugins() if name != package.PLUGIN.name]
        beside = CRM(Config(database=Database(url="sqlite://")), plugins=resolve([package, *others]))
        assert len(beside.plugins) > len(others)

    def test_names_follow_the_rules(self, alone: CRM, loaded: LoadedPlugin) -> None:
        """The name of an entity, field or guard says what it is."""
        assert list(declarations.misnamed(alone.registry, loaded.name)) == []

    def test_personal_data_is_declared_with_its_purpose(self, alone: CRM, loaded: LoadedPlugin) -> None:
        """Export and erasure follow the declaration; what only looks like personal data says ``personal=False``."""
        assert list(declarations.undeclared_personal(alone.registry, loaded.name)) == []

    def test_somebody_may_read_every_entity(self, alone: CRM, loaded: LoadedPlugin) -> None:
        """An entity that only an administrator can see was probably forgotten."""
        assert list(declarations.unreadable(alone.registry, loaded.name)) == []

    def test_readme_names_what_the_plugin_has(self, alone: CRM, loaded: LoadedPlugin, folder: Path) -> None:
        """Entities, roles and hooks stand in ``README.md``."""
        assert list(readme.unmentioned(folder, alone.registry, loaded.name)) == []

    def test_texts_are_translated(self, folder: Path) -> None:
        """Every text has a translation in each language."""
        lacking = {locale: list(texts.untranslated(folder, locale)) for locale in self.locales}
        assert {locale: found for locale, found in lacking.items() if found} == {}

    def test_texts_belong_to_the_plugin(self, alone: CRM, loaded: LoadedPlugin) -> None:
        """A text is looked up in the catalogue of the package that marked it."""
        assert list(texts.strangers(alone.registry, loaded.name, self.plugin)) == []

    @both_databases
    def test_revisions_make_what_is_declared_and_can_be_taken_back(
        self, make_crm: CRMMaker, package: ModuleType, database: DatabaseKind
    ) -> None:
        """Up, down, and up again; then there is nothing left to generate."""
        crm = make_crm.blank(package, database=database)
        apply(crm)
        revert(crm, package.PLUGIN.name)
        apply(crm)

        assert [str(finding) for finding in check(crm) if finding.is_problem] == []

    @both_databases
    def test_records_survive_that_revisions_are_taken_back_and_applied_again(
        self, make_crm: CRMMaker, package: ModuleType, database: DatabaseKind
    ) -> None:
        """Down to the first revision and up again with rows in every table: none is gone, and none is in the way."""
        crm, name = make_crm(package, database=database), package.PLUGIN.name
        records.fill(crm, name)
        before = records.counted(crm, name)
        with suppress(IrreversibleRevisionError):
            revert(crm, name, to=1)
            apply(crm)

        after = records.counted(crm, name)
        assert {table: rows for table, rows in before.items() if rows > after[table] > 0} == {}
        assert [str(finding) for finding in check(crm) if finding.is_problem] == []

    @both_databases
    def test_records_survive_that_the_plugin_leaves_and_comes_back(
        self, make_crm: CRMMaker, package: ModuleType, database: DatabaseKind
    ) -> None:
        """What is parked is restored to the last value, and the CRM goes on meanwhile."""
        crm, name = make_crm(package, database=database), package.PLUGIN.name
        rest = CRM(crm.config, plugins=[plugin for plugin in crm.plugins if plugin.name != name], clock=crm.clock)
        records.fill(crm, name)
        before = records.stored(crm, name)

        park(rest, name)
        rest.check_ready()
        rest.close()
        apply(crm)

        assert records.stored(crm, name) == before
        assert [str(finding) for finding in check(crm) if finding.is_problem] == []
