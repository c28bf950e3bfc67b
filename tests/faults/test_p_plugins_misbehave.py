"""P04, P07 and P08: a plugin that does not fit, whose migration fails, or that nobody trusts, hurts only itself."""

import os
import shutil
import subprocess
import sys
import sysconfig
import time

import pytest

from crmkit.cli.opening import load_crm
from crmkit.cli.plugin_changes import add_plugin, purge_plugin, remove_plugin
from crmkit.core.configuration.settings import load_settings
from crmkit.core.migrating import apply
from crmkit.core.migrating.errors import MigrationFailedError
from crmkit.core.plugins import PluginError, find_plugins, installed_plugins
from crmkit.core.trust import PluginNotTrustedError, fingerprint
from crmkit.testing import both_databases
from tests.faults.memos import HOOKS, Memos
from tests.faults.plugin_killed import ROWS
from tests.modules import write_module

SQLITE = pytest.mark.parametrize("database", ["sqlite"])


@pytest.fixture
def memos(tmp_path, monkeypatch, make_crm, database):
    made = Memos(tmp_path, monkeypatch, make_crm, database)
    made.write()
    made.enable("memos")
    return made


def settings(memos):
    memos.forget()
    return load_settings(memos.folder / "crm.toml")


def crmkit(memos, *arguments):
    command = [os.path.join(sysconfig.get_path("scripts"), "crmkit"), "--config", str(memos.folder / "crm.toml")]
    environ = {**os.environ, "PYTHONPATH": str(memos.site)}
    return subprocess.run([*command, *arguments], capture_output=True, text=True, env=environ)


@pytest.mark.long
@SQLITE
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"more": ", crmkit='>=9'"}, "memos: was written for the plugin API >=9; this is"),
        ({"more": ", requires=['nosuch']"}, "memos: requires the plugin 'nosuch'; enable it"),
        ({"hooks": HOOKS + "\n\n@hookimpl\ndef crmkit_before_wirte(writes):\n    pass\n"}, "crmkit_before_wirte"),
        ({"hooks": HOOKS + "\n\n@hookimpl\ndef crmkit_before_write(wirtes):\n    pass\n"}, "wirtes"),
        ({"hooks": HOOKS.replace("import Grant", "import Grants")}, "its hooks cannot be imported: ImportError"),
    ],
    ids=["wrong API version", "missing dependency", "misspelt hook", "bad signature", "broken import"],
)
def test_p04_plugin_that_does_not_fit_is_refused_with_its_reason_and_the_rest_starts_without_it(memos, broken, reason):
    memos.revise()
    memos.fill()
    memos.write(**broken)

    with pytest.raises(PluginError) as caught:
        load_crm(settings(memos).config)

    assert "memos" in str(caught.value)
    assert reason in str(caught.value)
    rest = load_crm(settings(memos).config, frozenset({"memos"}))
    with rest.system("test") as db:
        assert db.count(rest.registry.entity("core.user").cls) == 1
    rest.close()


@pytest.mark.long
@both_databases
def test_p07_plugin_whose_migration_fails_is_not_added_and_the_core_stays_at_head(memos, database):
    memos.revise()
    memos.enable()
    empty = memos.crm(present=False)
    apply(empty)
    empty.close()
    (broken,) = (memos.package / "migrations").glob("0002*.py")
    good, upgrade = broken.read_text(), "def upgrade() -> None:\n"
    broken.write_text(good.replace(upgrade, f"{upgrade}    op.execute('SELECT nosuch')\n"))

    with pytest.raises(MigrationFailedError, match="memos_0002 failed and changed nothing"):
        add_plugin(settings(memos), "memos")

    crm = load_crm(settings(memos).config)
    crm.check_ready()
    crm.close()
    broken.write_text(good)
    assert add_plugin(settings(memos), "memos").revisions == ("memos_0002",)


@pytest.mark.long
@both_databases
def test_p07_uninstalled_plugin_keeps_its_data_until_somebody_purges_it(memos, database):
    memos.revise()
    memos.fill()
    shutil.move(memos.package, memos.folder / "away")
    shutil.move(memos.site / f"{memos.name}-1.0.dist-info", memos.folder / "info")

    remove_plugin(settings(memos), "memos")
    crm = load_crm(settings(memos).config)
    crm.check_ready()
    crm.close()
    shutil.move(memos.folder / "away", memos.package)
    shutil.move(memos.folder / "info", memos.site / f"{memos.name}-1.0.dist-info")
    add_plugin(settings(memos), "memos")

    crm = load_crm(settings(memos).config)
    with crm.system("test") as db:
        assert db.count(crm.registry.entity("memos.memo").cls) == ROWS
    crm.close()
    remove_plugin(settings(memos), "memos")
    assert purge_plugin(settings(memos), "memos") == ("memos_memo",)


@pytest.mark.long
@SQLITE
def test_p08_safe_mode_boots_within_three_seconds_whatever_the_plugins_do(memos):
    memos.revise()
    memos.fill()
    memos.write(hooks="import time\ntime.sleep(60)")

    begun = time.monotonic()
    done = crmkit(memos, "user", "list", "--no-plugins", "--as", "Ada")

    assert (done.returncode, done.stderr) == (0, "")
    assert "Ada" in done.stdout
    assert time.monotonic() - begun < 3


@pytest.mark.long
@SQLITE
def test_p08_only_plugins_on_the_allow_list_load_and_only_as_they_are_there(memos):
    memos.revise()
    memos.fill()
    (point,) = installed_plugins()["memos"]
    trusted = fingerprint(point)
    memos.enable("memos", more=f'[trust]\nplugins = ["memos={trusted}"]\n')
    load_crm(settings(memos).config).close()
    assert crmkit(memos, "plugin", "hash").stdout == f"memos={trusted}\n"

    write_module(memos.package / "services.py", "raise SystemExit('this must never run')")
    with pytest.raises(PluginError) as caught:
        load_crm(settings(memos).config)

    (reason,) = caught.value.facts["reasons"]
    assert isinstance(reason, PluginNotTrustedError)
    assert (reason.plugin, reason.expected, reason.found) == ("memos", trusted, fingerprint(point))
    assert f"memos: the allow-list under [trust] expects {trusted}, found sha256:" in str(reason)


@pytest.mark.long
@SQLITE
def test_p08_code_of_a_plugin_that_is_not_allowed_never_runs(memos):
    memos.write()
    write_module(memos.package / "__init__.py", "raise RuntimeError('it ran')")
    write_module(memos.package / "commands.py", "raise RuntimeError('it ran')")
    memos.enable("memos", more=f'[trust]\nplugins = ["sales=sha256:{"0" * 64}"]\n')

    with pytest.raises(PluginError, match="memos: the allow-list under .trust. expects -, found sha256:"):
        find_plugins(["memos"], [f"sales=sha256:{'0' * 64}"])
    for command in (["doctor"], ["memos", "anything"], ["plugin", "list"], ["--help"]):
        assert "it ran" not in crmkit(memos, *command).stdout + crmkit(memos, *command).stderr


@SQLITE
def test_p08_fingerprint_does_not_change_because_the_plugin_ran(memos):
    (point,) = installed_plugins()["memos"]
    before = fingerprint(point)
    environ = {"PYTHONPATH": str(memos.site)}
    subprocess.run([sys.executable, "-c", f"import {memos.name}.hooks"], env=environ, check=True)

    assert (memos.package / "__pycache__").exists()
    assert fingerprint(point) == before
