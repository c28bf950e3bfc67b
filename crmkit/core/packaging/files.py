"""The files of a package, but for its revision."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from crmkit.core.packaging.declaring import declared_extension, literal
from crmkit.core.packaging.package import Package
from crmkit.core.text import gettext as _

__all__ = ["label_of", "package_files"]

SUMMARY = _("Fields that were made at run time")
_STANDARD = {"date": "datetime", "datetime": "datetime", "Decimal": "decimal", "UUID": "uuid"}
_CRMKIT = (
    "Boolean Choice Date DateTime Decimals Integer LongText MultiChoice Option Percent PlainEmail Text Url "
    "Reference extension field translator"
).split()


def label_of(package: Package) -> str:
    """Return what people call the plugin."""
    return package.name.replace("_", " ").capitalize()


def package_files(package: Package, locales: Sequence[str]) -> dict[str, str]:
    """Return what the files hold, by their paths; *locales* are the languages into which all is translated."""
    module, places = package.module, {"name": package.name, "module": package.module}
    return {
        "pyproject.toml": _PYPROJECT.format(**places, project=module.replace("_", "-")),
        f"{module}/__init__.py": _manifest(package),
        f"{module}/entities.py": _entities(package),
        f"{module}/hooks.py": _hooks(package),
        f"{module}/py.typed": "",
        f"{module}/README.md": _readme(package),
        f"{module}/tests/__init__.py": "",
        f"{module}/tests/test_conformance.py": _tests(package, locales),
    }


def _manifest(package: Package) -> str:
    requires = "".join(f"{literal(name)}: {literal(wanted)}, " for name, wanted in package.requires.items())
    return _MANIFEST.format(name=package.name, label=literal(label_of(package)), requires=requires.rstrip(", "))


def _entities(package: Package) -> str:
    classes = "\n\n".join(declared_extension(extension) for extension in package.extensions)
    standard = _used(classes, _STANDARD)
    imports = "".join(
        f"from {module} import {', '.join(names)}\n"
        for module in sorted({_STANDARD[name] for name in standard})
        if (names := [name for name in sorted(standard) if _STANDARD[name] == module])
    )
    listed = "".join(
        f"    {name},\n" for name in sorted(_used(classes, _CRMKIT) | {"extension", "translator"}, key=_order)
    )
    exported = ", ".join(literal(name) for name in sorted(extension.class_name for extension in package.extensions))
    separator = "\n" if imports else ""
    return _ENTITIES.format(standard=imports + separator, names=listed, exported=exported, classes=classes)


def _used(code: str, names: Iterable[str]) -> set[str]:
    words = set(re.findall(r"[A-Za-z]\w*", re.sub(r'"(?:[^"\\]|\\.)*"', "", code)))
    return words & set(names)


def _order(name: str) -> tuple[bool, str]:
    return name[0].islower(), name


def _hooks(package: Package) -> str:
    classes = ", ".join(f"entities.{extension.class_name}" for extension in package.extensions)
    return _HOOKS.format(classes=classes)


def _readme(package: Package) -> str:
    rows = "".join(
        f"| `{extension.host}` | `{package.name}.{field.name}` | `custom.{field.definition.key}` |\n"
        for extension in package.extensions
        for field in extension.fields
    )
    return _README.format(name=package.name, rows=rows, hosts="\n".join(f"- `{e.host}`" for e in package.extensions))


def _tests(package: Package, locales: Sequence[str]) -> str:
    said = f"plugin={literal(package.module)}, locales={literal(tuple(locales))}"
    return _TESTS.format(said=said)


_PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{project}"
version = "0.1.0"
dependencies = ["crmkit>=0.1,<1"]

[project.entry-points."crmkit.plugins"]
{name} = "{module}"
"""

_MANIFEST = """\
\"\"\"Fields that were made at run time.\"\"\"

from __future__ import annotations

from crmkit import Plugin, translator

__all__ = ["PLUGIN"]

_ = translator(__name__)

PLUGIN = Plugin(
    name="{name}",
    version="0.1.0",
    label=_({label}),
    summary=_("Fields that were made at run time"),
    requires={{{requires}}},
)
"""

_ENTITIES = """\
\"\"\"What is added to entities of other plugins.\"\"\"

from __future__ import annotations

{standard}from crmkit import (
{names})

__all__ = [{exported}]

_ = translator(__package__)


{classes}"""

_HOOKS = """\
\"\"\"What the plugin adds to crmkit.\"\"\"

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit import hookimpl

from . import entities


@hookimpl
def crmkit_register_entities() -> Sequence[type[Any]]:
    \"\"\"Declare the fields.\"\"\"
    return [{classes}]
"""

_README = """\
# {name}

Fields that were made at run time and are code now.

## Fields

It extends

{hosts}

| Entity | Field | It was |
|-|-|-|
{rows}
The first revision moves the values, and the masks and rules that administrators made; taking it back moves them back.
"""

_TESTS = """\
\"\"\"The plugin keeps the rules of all plugins.\"\"\"

from crmkit.testing import PluginConformance


class TestConformance(PluginConformance, {said}): ...
"""
