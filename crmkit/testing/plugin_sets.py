"""Which plugins a test's CRM has, and what of it is built once: registry, tables, statements."""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache, cached_property
from itertools import count
from types import ModuleType

from crmkit.core.configuration.config import Company, Config, Database, Encryption
from crmkit.core.crm import CRM
from crmkit.core.migrating.revisions import all_revisions, revisions_of
from crmkit.core.plugins import LoadedPlugin, as_loaded, find_plugins, load_order

__all__ = ["PluginSet", "resolve"]

_KEPT = 32
# With which fields are encrypted in tests: nobody keeps a secret there.
_KEYS = f"tests:{base64.b64encode(bytes(32)).decode()}"
_numbers = count(1)
_cache: OrderedDict[object, PluginSet] = OrderedDict()


class PluginSet:
    """A CRM that every test with these plugins shares as a pattern; it is never connected to a database."""

    def __init__(self, plugins: Sequence[LoadedPlugin], company: Company, url: str) -> None:
        """Load *plugins* and build everything that depends on no data, for the kind of database that *url* names."""
        self.plugins = tuple(plugins)
        config = Config(company=company, database=Database(url=url), encryption=Encryption(_KEYS))
        self.pattern = CRM(config, plugins=self.plugins)
        for built_once in ("system_access", "store", "ledger", "numbers", "visits", "jobs"):
            getattr(self.pattern.model, built_once)
        self.number, self.uses = next(_numbers), 0

    @cached_property
    def fingerprint(self) -> str:
        """What tells the tables that these revisions make from those of others."""
        digest = hashlib.sha256()
        for revision in all_revisions(self.pattern):
            digest.update(revision.id.encode() + revision.path.read_bytes())
        return digest.hexdigest()[:12]

    @cached_property
    def migrated(self) -> tuple[LoadedPlugin, ...]:
        """The plugins whose tables are made by revisions."""
        return tuple(plugin for plugin in self.plugins if revisions_of(self.pattern, plugin.name))

    @cached_property
    def declared(self) -> frozenset[str]:
        """The names of the plugins whose tables are made from what they declare: they have no revisions yet."""
        return frozenset(plugin.name for plugin in self.plugins) - {plugin.name for plugin in self.migrated}


def resolve(plugins: Sequence[str | ModuleType | LoadedPlugin]) -> tuple[LoadedPlugin, ...]:
    """Return *plugins*, installed ones by name, with the installed plugins that they require, in load order.

    Raises:
        PluginError: one is not installed, or they do not fit together.
    """
    found = {plugin.name: plugin for plugin in map(_loaded, plugins)}
    todo = list(found.values())
    while todo:
        absent = [name for name in todo.pop().manifest.requires if name not in found]
        for plugin in map(_installed, absent):
            found[plugin.name] = plugin
            todo.append(plugin)
    return tuple(load_order(list(found.values())))


def _loaded(plugin: str | ModuleType | LoadedPlugin) -> LoadedPlugin:
    if isinstance(plugin, str):
        return _installed(plugin)
    return plugin if isinstance(plugin, LoadedPlugin) else as_loaded(plugin)


@cache
def _installed(name: str) -> LoadedPlugin:
    # Looking through everything that is installed takes as long as a hundred databases.
    return find_plugins([name])[0]


def plugin_set(plugins: Sequence[LoadedPlugin], company: Company, url: str) -> PluginSet:
    """Return the set of *plugins* on the kind of database that *url* names, built once and kept while it is used."""
    # What a throw-away plugin declares lives as long as the set that is kept, so that no id comes twice.
    key = (company, url.partition(":")[0], *(vars(p.module).get("declares", id(p.module)) for p in plugins))
    if key not in _cache:
        _cache[key] = PluginSet(plugins, company, url)
    _cache.move_to_end(key)
    while len(_cache) > _KEPT:
        _cache.popitem(last=False)
    return _cache[key]
