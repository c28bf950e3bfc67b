"""A plugin in a folder of its own, installed as any other: memos, in two versions, the second with a data step."""

import importlib
import itertools
import json
import sys

from crmkit.core.migrating import apply, make_revision
from tests.faults.plugin_killed import ROWS
from tests.modules import write_module

__all__ = ["Memos"]

_numbers = itertools.count(1)

MANIFEST = """
from crmkit import Plugin, translator
_ = translator(__name__)
PLUGIN = Plugin(name="memos", version="{version}", label=_("Memos"){more})
"""
HOOKS = """
from crmkit import Grant, Record, Role, entity, field, hookimpl, translator

_ = translator(__package__)


@entity("memos.memo", label=_("Memo"))
class Memo(Record):
    title: str = field()
    {more}


@hookimpl
def crmkit_register_entities():
    return [Memo]


@hookimpl
def crmkit_register_roles():
    return [Role("memos.reader", _("Reader"), [Grant("memos.memo", ["read"], "all")])]
"""
RANK = "rank: int | None = field(default=None, indexed=True)"
STEP = '''
from crmkit import Batch, in_batches


@in_batches("memos_memo")
def give_ranks(batch: Batch) -> None:
    """Give each memo the rank that its title says."""
    memo = batch.table
    batch.connection.execute(sa.update(memo).where(batch.rows).values(rank=sa.cast(memo.c.title, sa.Integer)))


def finish() -> None:
    op.execute("UPDATE memos_memo SET rank = 0 WHERE rank IS NULL")
'''


class Memos:
    """The plugin's files, and the folder of a CRM that may enable it."""

    def __init__(self, tmp_path, monkeypatch, make_crm, database):
        self.make_crm, self.database = make_crm, database
        self.name = f"acme_memos_{next(_numbers)}"
        self.site, self.folder = tmp_path / "site", tmp_path / "office"
        self.package = self.site / self.name
        self.package.mkdir(parents=True)
        self.folder.mkdir()
        info = self.site / f"{self.name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {self.name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[crmkit.plugins]\nmemos = {self.name}\n")
        monkeypatch.syspath_prepend(self.site)
        self.url = make_crm.blank(database=database).storage.url.render_as_string(hide_password=False)

    def write(self, version="1.0", more="", hooks=HOOKS, rank=True):
        """Write the plugin's files anew."""
        write_module(self.package / "__init__.py", MANIFEST.format(version=version, more=more))
        write_module(self.package / "hooks.py", hooks.replace("{more}", RANK if rank else ""))
        self.forget()

    def forget(self):
        for name in [name for name in sys.modules if name.partition(".")[0] == self.name]:
            del sys.modules[name]
        importlib.invalidate_caches()

    def revise(self):
        """Make both revisions; the second gives every memo a rank, in batches."""
        self.write(rank=False)
        make_revision(self._scratch(), "memos", "first")
        self.write()
        path = make_revision(self._scratch(), "memos", "ranks")
        path.write_text(path.read_text() + STEP)

    def _scratch(self):
        return self.make_crm.blank(importlib.import_module(self.name))

    def enable(self, *names, more=""):
        text = f"[database]\nurl = {json.dumps(self.url)}\n[plugins]\nenabled = {json.dumps(names)}\n{more}"
        (self.folder / "crm.toml").write_text(text)

    def crm(self, *, present=True):
        """Return a CRM on the database, with or without the plugin."""
        from crmkit import CRM, Config, Database
        from crmkit.core.plugins import find_plugins

        self.forget()
        plugins = find_plugins(["memos"] if present else [])
        return CRM(Config(database=Database(url=self.url)), plugins=plugins)

    def fill(self):
        """Apply every revision and write memos titled 0, 1, 2, … with their rank, and one user."""
        crm = self.crm()
        apply(crm)
        with crm.system("test") as db:
            memo = crm.registry.entity("memos.memo").cls
            db.create_many([memo(title=str(n), rank=n) for n in range(ROWS)])
            ada = db.create(crm.registry.entity("core.user").cls(name="Ada"))
            db.create(crm.registry.entity("core.assignment").cls(user_id=ada.id, role="core.administrator"))
        crm.close()
