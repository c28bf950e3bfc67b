"""Isolation: what one plugin does wrong is told with its name, and ends nothing but what asked it."""

import sys
from importlib import metadata

import pytest

from crmkit import CRM, Config, CrmkitError, Database, PluginError, Problem
from crmkit.core.hook_answers import HookAnswerError
from crmkit.core.hooks import HookFailedError
from crmkit.core.plugins import find_plugins
from crmkit.testing import plugin
from tests.core.atelier import ROLES, Artist, atelier


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return what installs a plugin with this text in its ``__init__.py``."""

    def install(name, **files):
        folder = tmp_path / f"crmkit_{name}"
        folder.mkdir()
        for file, text in files.items():
            (folder / f"{file}.py").write_text(text)
        info = tmp_path / f"crmkit_{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: crmkit-{name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[crmkit.plugins]\n{name} = crmkit_{name}\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, f"crmkit_{name}", raising=False)
        assert name in {point.name for point in metadata.entry_points(group="crmkit.plugins")}

    return install


MANIFEST = 'from crmkit import Plugin\nPLUGIN = Plugin(name="rude", version="1", label="Rude")\n'


@pytest.mark.parametrize("text", ["import sys\nsys.exit(3)", "raise SystemExit", "1 / 0", "import nosuch"])
def test_plugin_that_ends_the_program_when_it_is_imported_is_named(installed, text):
    installed("rude", __init__=text)

    with pytest.raises(PluginError, match="rude: importing it failed"):
        find_plugins(["rude"])


def test_plugin_whose_hooks_end_the_program_when_they_are_imported_is_named(installed):
    installed("rude", __init__=MANIFEST, hooks="raise SystemExit(3)")

    with pytest.raises(PluginError, match="rude: its hooks cannot be imported: SystemExit: 3"):
        CRM(Config(database=Database("sqlite://"), plugins=["rude"]))


def test_keyboard_interrupt_ends_the_program_whatever_is_imported(installed):
    installed("rude", __init__="raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        find_plugins(["rude"])


WRONG = {
    "crmkit_register_entities": [5, [int], ["atelier.artist"], [ROLES[0]], {}],
    "crmkit_register_roles": ["role", [None], [Artist]],
    "crmkit_register_pipelines": [True, [ROLES[0]]],
    "crmkit_check_write": [[1], "no", Problem("no"), [Problem("no", 7)], [Problem("no", -1)], {"a": 1}, 1],
    "crmkit_before_write": [[], "done", 5],
}


def answering(hook, answer):
    """Return an implementation of *hook* that answers so."""
    arguments = "" if "register" in hook else "context, writes"
    made = {}
    exec(f"def {hook}({arguments}): return answer[0]", {"answer": [answer]}, made)
    return made[hook]


@pytest.mark.parametrize(("hook", "place"), [(hook, n) for hook, answers in WRONG.items() for n in range(len(answers))])
def test_wrong_answer_of_a_hook_names_plugin_and_hook(make_crm, hook, place):
    rude = plugin("rude", hooks=[answering(hook, WRONG[hook][place])])
    with pytest.raises(HookAnswerError) as caught, make_crm(atelier(), rude).system("test") as db:
        db.create(Artist(name="Ada"))

    assert (caught.value.plugin, caught.value.hook, caught.value.code) == ("rude", hook, "hook-answer")


def test_problems_may_be_yielded(make_crm):
    def crmkit_check_write(writes):
        yield from (Problem("no Bobs", place) for place, write in enumerate(writes) if write.get("name") == "Bob")

    crm = make_crm(plugin("rude", hooks=[crmkit_check_write]), atelier())
    with crm.system("test") as db:
        db.create(Artist(name="Ada"))
        with pytest.raises(CrmkitError, match="no Bobs"):
            db.create(Artist(name="Bob"))


def test_failing_hook_tells_the_caller_nothing_but_the_kind_of_its_error(make_crm, caplog):
    def crmkit_check_write(context, writes):
        raise ValueError("the secret of " + writes[0].get("name"))

    crm = make_crm(plugin("rude", hooks=[crmkit_check_write]), atelier())
    with crm.system("test") as db, pytest.raises(HookFailedError) as caught:
        db.create(Artist(name="Ada"))

    said = "Plugin 'rude' failed in crmkit_check_write, so nothing was written: ValueError."
    assert str(caught.value).startswith(said)
    assert "secret" not in str(caught.value) + str(caught.value.facts)
    assert "ValueError: the secret of Ada" in caplog.text


def test_failing_hook_prints_nothing(make_crm, capfd):
    def crmkit_check_write(context, writes):
        raise ValueError("the secret")

    crm = make_crm(plugin("rude", hooks=[crmkit_check_write]), atelier())
    with crm.system("test") as db, pytest.raises(HookFailedError):
        db.create(Artist(name="Ada"))

    assert capfd.readouterr() == ("", "")
