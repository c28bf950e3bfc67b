import json
import os
import shutil
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from crmkit.cli.project import Project, make_project
from crmkit.cli.root import root
from crmkit.core.configuration.config import Company


@pytest.fixture(scope="session")
def _pattern(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pattern") / "acme"
    make_project(folder, Project(Company("Acme"), [], "Ada Winter", "ada@acme.example"))
    return folder


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Stand in an empty folder, with no setting and no language in the environment."""
    for name in os.environ:
        if name.startswith(("CRM_", "LC_")) or name in ("DATABASE_URL", "LANG"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def project(elsewhere, _pattern, monkeypatch):
    """Stand in the folder of a new CRM without plugins; Ada Winter is its administrator."""
    folder = elsewhere / "acme"
    shutil.copytree(_pattern, folder)
    monkeypatch.chdir(folder)
    return folder


class Result:
    """What a command printed and how it ended."""

    def __init__(self, result):
        self.exit_code, self.stdout, self.stderr = result.exit_code, result.stdout, result.stderr
        self.stdout_bytes = result.stdout_bytes
        self.exception = result.exception

    @property
    def json(self):
        return json.loads(self.stdout)

    @property
    def error(self):
        return json.loads(self.stderr)["error"]


@pytest.fixture
def crmkit():
    """Run ``crmkit`` with arguments and return what came of it; it must end with *code*, if that is not ``None``."""

    def crmkit(*arguments, code=0, input=None, environ=None):
        result = CliRunner().invoke(root, list(map(str, arguments)), input=input, env=environ, prog_name="crmkit")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert code is None or result.exit_code == code, result.output
        return Result(result)

    return crmkit


@pytest.fixture
def foreign_plugin(tmp_path, monkeypatch):
    """Install a plugin that is no part of crmkit, from texts of its modules."""

    def install(name, manifest="", *, module=None, **modules):
        module = module or f"acme_{name}"
        site = tmp_path / f"site-{module}"
        package = site / module
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(
            textwrap.dedent(
                manifest
                or f"""
                from crmkit import Plugin, translator
                _ = translator(__name__)
                PLUGIN = Plugin(name="{name}", version="1.0", label=_("{name.title()}"), summary=_("All about {name}"))
                """
            )
        )
        for file, text in modules.items():
            (package / f"{file}.py").write_text(textwrap.dedent(text))
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[crmkit.plugins]\n{name} = {module}\n")
        monkeypatch.syspath_prepend(site)
        return package

    yield install
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


@pytest.fixture
def enable(project):
    """Write the names of plugins into crm.toml."""

    def enable(*names):
        path = Path("crm.toml")
        head, _section, _tail = path.read_text("utf-8").partition("[plugins]")
        path.write_text(f"{head}[plugins]\nenabled = {json.dumps(names)}\n[cli]\nuser = 'ada@acme.example'\n", "utf-8")

    return enable
