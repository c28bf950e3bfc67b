"""A machine that adds, upgrades, removes and kills plugins and edits their records, beside a model of it all.

Two plugins in several versions, the second on the first: a reference, an any-reference and an extension. What is
enabled stands in a file, as in ``crm.toml``. After every step the CRM opens, and has exactly what the model has.
"""

import importlib.util
import itertools
import json
import os
import signal
import sys
from functools import cache

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from crmkit import CRM, Config, Database, Target
from crmkit.core.migrating import apply, make_revision, note_absence, note_presence, park
from crmkit.core.migrating.applied import read_state
from tests.faults.plugin_killed import in_child

__all__ = ["Machine", "Versions"]

MANIFEST = """
from crmkit import Plugin
from crmkit.core.text import Text
PLUGIN = Plugin(name={0!r}, version='{1}.0', label=Text({0!r}), requires={2!r})
"""
HOOKS = """
from uuid import UUID

from crmkit import Grant, Record, Role, Target, any_ref, entity, extension, field, hookimpl, ref
from crmkit.core.text import Text

{classes}

@hookimpl
def crmkit_register_entities():
    return [{names}]

@hookimpl
def crmkit_register_roles():
    return [Role("{plugin}.reader", Text("Reader"), [Grant("{plugin}.{one}", ["read"], "all")])]
"""
ITEM = """
@entity("alpha.item", label=Text("Item"))
class Item(Record):
    title: str = field({title})
"""
TAG = """
@entity("beta.tag", label=Text("Tag"))
class Tag(Record):
    item_id: UUID = ref("alpha.item")
    regarding: Target = any_ref()
    label: str = field()

@extension(of="alpha.item")
class Coloured:
    colour: str = field(default="grey")
"""
RANK = "    rank: int = field(default=3, indexed=True)\n"
NOTE = "    note: str | None = field(default=None)\n"
SIZE = "    label: str = field()\n    size: int = field(default=5)\n"
ALPHA = [ITEM.format(title=""), ITEM.format(title="") + RANK, ITEM.format(title="indexed=True") + RANK + NOTE]
BETA = [TAG, TAG.replace("    label: str = field()\n", SIZE)]
RANKS = '''
from crmkit import in_batches


@in_batches("alpha_item")
def rank_by_length(batch):
    """Rank each item by the length of its title."""
    item = batch.table
    batch.connection.execute(sa.update(item).where(batch.rows).values(rank=sa.func.length(item.c.title)))
'''
NEWEST = {"alpha": 3, "beta": 2}


class Versions:
    """The packages of every version, with the revisions up to it, in *folder*."""

    def __init__(self, folder):
        self.folder = folder
        for plugin, sources in (("alpha", ALPHA), ("beta", BETA)):
            for version, source in enumerate(sources, 1):
                self._write(plugin, version, source)
        self.module = cache(self._module)
        self.template = folder / "template.db"
        crm = CRM(Config(database=Database(url=f"sqlite:///{self.template}")), plugins=[])
        apply(crm)
        crm.close()

    def _write(self, plugin, version, source):
        place = self.folder / f"{plugin}{version}"
        (place / "migrations").mkdir(parents=True)
        (place / "__init__.py").write_text(MANIFEST.format(plugin, version, ["alpha"] if plugin == "beta" else []))
        names, one = ("Item", "item") if plugin == "alpha" else ("Tag, Coloured", "tag")
        (place / "hooks.py").write_text(HOOKS.format(classes=source, names=names, plugin=plugin, one=one))
        before = self.folder / f"{plugin}{version - 1}" / "migrations"
        for file in sorted(before.glob("*.py")) if version > 1 else ():
            (place / "migrations" / file.name).write_text(file.read_text())
        modules = [self._module(plugin, version)]
        modules += [self._module("alpha", 1)] if plugin == "beta" else []
        crm = CRM(Config(database=Database(url=f"sqlite:///{self.folder / 'scratch.db'}")), plugins=modules)
        path = make_revision(crm, plugin, f"version {version}")
        crm.close()
        if (plugin, version) == ("alpha", 2):
            path.write_text(path.read_text() + RANKS)

    def _module(self, plugin, version):
        name = f"crmkit_machine_{plugin}{version}"
        place = self.folder / f"{plugin}{version}"
        init = place / "__init__.py"
        spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(place)])
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


class Machine(RuleBasedStateMachine):
    """One CRM and its model; a subclass says where its versions and its databases are."""

    versions = None
    steps = itertools.count()
    taken = 0

    def fresh(self):
        """Return the URL of a database in which the core is at its newest revision."""
        raise NotImplementedError

    def __init__(self):
        super().__init__()
        self.url, self.file = self.fresh()
        self.file.write_text("{}")
        self.installed = {"alpha": 1, "beta": 1}
        self.items, self.tags, self.rows = {}, {}, {"alpha": 0, "beta": 0}
        self.made = {}

    def teardown(self):
        for crm in self.made.values():
            crm.close()

    @property
    def enabled(self):
        return json.loads(self.file.read_text())

    def write_enabled(self, names):
        draft = self.file.with_suffix(".draft")
        draft.write_text(json.dumps(sorted(names)))
        os.replace(draft, self.file)

    def crm(self, names=None):
        names = sorted(self.enabled if names is None else names)
        key = tuple((name, self.installed[name]) for name in names)
        if key not in self.made:
            modules = [self.versions.module(*each) for each in key]
            self.made[key] = CRM(Config(database=Database(url=self.url)), plugins=modules)
        return self.made[key]

    def has(self, plugin, version=1):
        return plugin in self.enabled and self.installed[plugin] >= version

    # What is done to plugins: each may be killed before one of its statements, and is then done again.

    def add(self, plugin):
        crm = self.crm({*self.enabled, plugin})
        note_absence(crm, plugin)
        apply(crm, arriving=plugin)
        self.write_enabled({*self.enabled, plugin})
        note_presence(crm, plugin)

    def remove(self, plugin):
        rest = self.crm([name for name in self.enabled if name != plugin])
        note_absence(rest, plugin)
        self.write_enabled({*self.enabled} - {plugin})
        park(rest, plugin)

    def upgrade(self, _plugin):
        apply(self.crm())

    def survive(self, action, plugin, kill_at):
        for crm in self.made.values():
            crm.close()
        if kill_at:
            in_child(lambda: self._until(action, plugin, kill_at))
            self._opens(action == self.upgrade)
        action(plugin)
        for crm in self.made.values():
            # As a new process would, look at the database again.
            vars(crm).pop("_opened", None)

    def _until(self, action, plugin, kill_at):
        counter = itertools.count(1)

        def happens(*_arguments):
            if next(counter) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        self.made = {}
        sa.event.listen(sa.engine.Engine, "before_cursor_execute", happens)
        sa.event.listen(sa.engine.Engine, "commit", happens)
        action(plugin)
        return 0

    def _opens(self, may_wait):
        from crmkit.core.migrating.errors import NotMigratedError

        try:
            self.crm().check_ready()
        except NotMigratedError:
            assert may_wait

    @rule(kill_at=st.integers(0, 60), plugin=st.sampled_from(["alpha", "beta"]), newer=st.booleans())
    def plugin_comes(self, kill_at, plugin, newer):
        if plugin in self.enabled or (plugin == "beta" and "alpha" not in self.enabled):
            return
        if newer:
            self._install(plugin)
        self.survive(self.add, plugin, kill_at)

    @rule(kill_at=st.integers(0, 30), plugin=st.sampled_from(["alpha", "beta"]))
    def plugin_goes(self, kill_at, plugin):
        if plugin in self.enabled and not (plugin == "alpha" and "beta" in self.enabled):
            self.survive(self.remove, plugin, kill_at)

    @rule(kill_at=st.integers(0, 60), plugin=st.sampled_from(["alpha", "beta"]))
    def plugin_is_upgraded(self, kill_at, plugin):
        if plugin in self.enabled and self._install(plugin):
            self.survive(self.upgrade, plugin, kill_at)

    def _install(self, plugin):
        if self.installed[plugin] == NEWEST[plugin]:
            return False
        self.installed[plugin] += 1
        if (plugin, self.installed[plugin]) == ("alpha", 2):
            self.items = {id_: {**item, "rank": len(item["title"])} for id_, item in self.items.items()}
        return True

    # What is done to records.

    @precondition(lambda self: self.has("alpha"))
    @rule(titles=st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=3))
    def items_are_created(self, titles):
        with self.crm().system("machine") as db:
            made = db.create_many([self._cls("alpha.item")(title=title) for title in titles])
        for item in made:
            self.items[item.id] = {"title": item.title, "rank": 3, "note": None, "colour": "grey"}
        self.rows["alpha"] += len(made)

    @precondition(lambda self: self.has("alpha") and self.items)
    @rule(place=st.integers(0, 99), title=st.text("xyz", min_size=1, max_size=5))
    def item_is_edited(self, place, title):
        id_ = self._pick(self.items, place)
        more = {"rank": place} if self.has("alpha", 2) else {}
        more |= {"note": title} if self.has("alpha", 3) else {}
        colour = {"beta.colour": title} if self.has("beta") else {}
        with self.crm().system("machine") as db:
            db.update(db.get(self._cls("alpha.item"), id_), {"title": title, **more, **colour})
        self.items[id_] |= {"title": title, **more, **({"colour": title} if colour else {})}

    @precondition(lambda self: self.has("alpha") and self.items)
    @rule(place=st.integers(0, 99))
    def item_without_tags_is_deleted(self, place):
        id_ = self._pick(self.items, place)
        if id_ not in {tag["item_id"] for tag in self.tags.values()}:
            with self.crm().system("machine") as db:
                db.delete(db.get(self._cls("alpha.item"), id_))
            del self.items[id_]

    @precondition(lambda self: self.has("beta") and self.items)
    @rule(place=st.integers(0, 99), label=st.text("pqr", min_size=1, max_size=5))
    def item_is_tagged(self, place, label):
        id_ = self._pick(self.items, place)
        with self.crm().system("machine") as db:
            tag = db.create(self._cls("beta.tag")(item_id=id_, regarding=Target("alpha.item", id_), label=label))
        self.tags[tag.id] = {"item_id": id_, "regarding": Target("alpha.item", id_), "label": label, "size": 5}
        self.rows["beta"] += 1

    @staticmethod
    def _pick(records, place):
        return list(records)[place % len(records)]

    def _cls(self, entity):
        return self.crm().registry.entity(entity).cls

    # What holds after every step.

    @invariant()
    def everything_is_there(self):
        type(self).taken += 1
        crm = self.crm()
        crm.check_ready()
        with crm.system("machine") as db:
            if self.has("alpha"):
                assert self._items(db) == {id_: self._shown(item) for id_, item in self.items.items()}
            if self.has("beta"):
                found = {tag.id: tag for tag in db.find(self._cls("beta.tag"), limit=None)}
                names = ["item_id", "regarding", "label", *(["size"] if self.has("beta", 2) else [])]
                assert {id_: {name: getattr(tag, name) for name in names} for id_, tag in found.items()} == {
                    id_: {name: tag[name] for name in names} for id_, tag in self.tags.items()
                }
        self._nothing_is_lost(crm)

    def _shown(self, item):
        names = ["title", *(["rank"] if self.has("alpha", 2) else []), *(["note"] if self.has("alpha", 3) else [])]
        return {name: item[name] for name in [*names, *(["colour"] if self.has("beta") else [])]}

    def _items(self, db):
        found = db.find(self._cls("alpha.item"), limit=None)
        names = [name for name in ("title", "rank", "note") if hasattr(found[0], name)] if found else []
        shown = {item.id: {name: getattr(item, name) for name in names} for item in found}
        if self.has("beta") and found:
            coloured = self.crm().registry.extensions["alpha.item"]["beta"].cls
            for id_, extension in db.extensions(coloured, found).items():
                shown[id_]["colour"] = extension.colour
        return shown

    def _nothing_is_lost(self, crm):
        with crm.storage.reading() as connection:
            parked = read_state(connection).parked
            tables = set(sa.inspect(connection).get_table_names())
            for plugin, table in (("alpha", "alpha_item"), ("beta", "beta_tag")):
                stored = parked[plugin].tables.get(table, table) if plugin in parked else table
                if stored in tables:
                    count = connection.scalar(sa.select(sa.func.count()).select_from(sa.table(stored)))
                    assert count == self.rows[plugin]
                else:
                    assert self.rows[plugin] == 0
