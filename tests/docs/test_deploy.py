"""The page about deploying: what it has systemd run exists, and the files that it shows are what the programs take."""

import configparser
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import attrs
import click
import pytest

from crmkit.cli.root import root
from crmkit.core.configuration.config import Config

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "deploy.md").read_text("utf-8")
FILES = {
    match["name"]: match["text"]
    for match in re.finditer(r"```{code-block} \w+\n:caption: (?P<name>[^\s,]+).*\n(?P<text>(?:.*\n)*?)```", PAGE)
}
UNITS = [name for name in FILES if "systemd" in name]


def read_unit(name):
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string(FILES[name])
    return unit


def commands():
    """Yield the arguments of every call of crmkit on the page."""
    for line in PAGE.splitlines():
        for call in re.findall(r"/bin/crmkit (.*)", line):
            yield shlex.split(re.sub(r"\$\(.*?\)", "2026-11-27", call).rstrip("'"))


@pytest.mark.parametrize("name", UNITS)
def test_unit_is_one_and_starts_what_belongs_to_it(name):
    unit = read_unit(name)

    assert "Description" in unit["Unit"]
    if name.endswith(".service"):
        assert unit["Service"]["User"] == "crm"
        assert "/srv/crm/venv/bin/crmkit " in unit["Service"]["ExecStart"]


def _there(folder, argument):
    """Return *argument*; a file of the server as one that is there."""
    if not argument.startswith("/srv/crm/"):
        return argument
    file = folder / argument.removeprefix("/srv/crm/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return str(file)


@pytest.mark.parametrize("arguments", list(commands()), ids=" ".join)
def test_command_on_the_page_is_one(arguments, tmp_path):
    context = click.Context(root, info_name="crmkit")
    _name, command, rest = root.resolve_command(context, list(arguments))
    while isinstance(command, click.Group):
        _name, command, rest = command.resolve_command(click.Context(command, parent=context), rest)
    rest = [_there(tmp_path, each.replace("%i", "8001")) for each in rest]
    # It parses, or says why not.
    command.make_context("crmkit", rest, parent=context)


def test_settings_on_the_page_are_known():
    (text,) = [text for name, text in FILES.items() if "crm.toml" in name]
    sections = {attribute.name: attribute for attribute in attrs.fields(Config)}
    for section, values in tomllib.loads(text).items():
        attrs.evolve(getattr(Config(), section), **values)
        assert section in sections


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_units_are_what_systemd_takes(tmp_path):
    for name in UNITS:
        text = re.sub(r"/srv/crm/venv/bin/crmkit", "/bin/true", FILES[name]).replace("User=crm\n", "")
        (tmp_path / Path(name).name).write_text(text)
    (tmp_path / "crm@.service").rename(tmp_path / "crm@8001.service")
    files = [str(path) for path in tmp_path.iterdir() if path.suffix != ".target"]
    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
