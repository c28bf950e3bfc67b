"""The plugin has no privilege: copied out under another name, as a stranger would ship it, it keeps every promise."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

HERE = Path(__file__).parents[1]
NAME = "acme_sales"
GUARD = """
import sys

import pytest


@pytest.fixture(autouse=True)
def original_stays_out():
    yield
    assert "{original}" not in sys.modules
"""


@pytest.fixture
def site(tmp_path):
    """A folder for sys.path in which crmkit does not offer the plugin, but a copy of it offers itself."""
    copytree(HERE, tmp_path / NAME, ignore=ignore_patterns("__pycache__", Path(__file__).name))
    original = __name__.rpartition(".tests.")[0]
    (tmp_path / "conftest.py").write_text(GUARD.format(original=original))
    distribution = metadata.distribution("crmkit")
    offered = str(distribution.read_text("entry_points.txt")).splitlines()
    others = "\n".join(line for line in offered if not line.replace(" ", "").startswith("sales="))
    _install(tmp_path, "crmkit", distribution.version, others)
    _install(tmp_path, NAME, "1.0", f"[crmkit.plugins]\nsales = {NAME}\n")
    return tmp_path


def _install(site, name, version, entry_points):
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "entry_points.txt").write_text(entry_points)


def run_tests(site, *which):
    """Run the copy's own tests in a process that knows only the copy, and return what pytest says."""
    options = ["-q", "--import-mode=importlib", "-W", "error", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(str(site / NAME / "tests" / name) for name in which)],
        cwd=site,
        env={**os.environ, "PYTHONPATH": str(site), "PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_copy_of_the_plugin_works_as_a_foreign_package(site):
    assert "passed" in run_tests(site, "test_funnel.py")


@pytest.mark.slow
def test_copy_of_the_plugin_passes_all_its_tests(site):
    assert "passed" in run_tests(site, "")
