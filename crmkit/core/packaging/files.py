"""The files of a package, but for its revision."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from crmkit.core.packaging import templates
from crmkit.core.packaging.declaring import declared_entity, declared_extension, declared_fields, literal
from crmkit.core.packaging.declaring_pipelines import declared_pipelines
from crmkit.core.packaging.package import Package
from crmkit.core.text import gettext as _

__all__ = ["COMMON", "SUMMARY", "label_of", "package_files"]

SUMMARY = _("What was made at run time")
#: Texts of every package that has entities; crmkit's catalogue translates them.
COMMON = (_("Full access"), _("Name"), _("Number"))
_STANDARD = {"date": "datetime", "datetime": "datetime", "timedelta": "datetime", "Decimal": "decimal", "UUID": "uuid"}
_CRMKIT = (
    "Approval Boolean Choice Date DateTime Decimals EntryTask Integer LongText Move MultiChoice Number Option Owned "
    "PastPipeline Percent Pipeline Pipelined PlainEmail Reason Reasons Record Reference Rule Stage Text Url "
    "custom_field entity extension field ref translator"
).split()


def label_of(package: Package) -> str:
    """Return what people call the plugin."""
    return package.name.replace("_", " ").capitalize()


def package_files(package: Package, locales: Sequence[str]) -> dict[str, str]:
    """Return what the files hold, by their paths; *locales* are the languages into which all is translated."""
    module, places = package.module, {"name": package.name, "module": package.module}
    files = {
        "pyproject.toml": templates.PYPROJECT.format(**places, project=module.replace("_", "-")),
        f"{module}/__init__.py": _manifest(package),
        f"{module}/entities.py": _entities(package),
        f"{module}/hooks.py": _hooks(package),
        f"{module}/py.typed": "",
        f"{module}/README.md": _readme(package),
        f"{module}/tests/__init__.py": "",
        f"{module}/tests/test_conformance.py": _tests(package, locales),
    }
    if package.entities:
        grants = "".join(f"    {literal(entity.id)},\n" for entity in package.entities)
        files[f"{module}/roles.py"] = templates.ROLES.format(name=package.name, entities=grants)
    if package.pipelines:
        declared = declared_pipelines(package)
        files[f"{module}/pipelines.py"] = templates.PIPELINES.format(imports=_imports(declared, []), pipelines=declared)
    return files


def _manifest(package: Package) -> str:
    requires = "".join(f"{literal(name)}: {literal(wanted)}, " for name, wanted in package.requires.items())
    return templates.MANIFEST.format(
        name=package.name, label=literal(label_of(package)), requires=requires.rstrip(", ")
    )


def _entities(package: Package) -> str:
    classes = [declared_entity(entity) for entity in package.entities]
    classes += [declared_extension(extension) for extension in package.extensions]
    exported = sorted([e.info.cls.__name__ for e in package.entities] + [e.class_name for e in package.extensions])
    fields = f"\n\nCUSTOM_FIELDS = {declared_fields(package.entities)}\n" if _has_fields(package) else ""
    code = "\n\n".join(classes) + fields
    listed = ", ".join(literal(name) for name in [*(["CUSTOM_FIELDS"] if fields else []), *exported])
    return templates.ENTITIES.format(imports=_imports(code, ["translator"]), exported=listed, code=code)


def _has_fields(package: Package) -> bool:
    return any(entity.fields for entity in package.entities)


def _imports(code: str, also: Sequence[str]) -> str:
    """Return the imports of what *code* uses, and *also* of crmkit."""
    standard = _used(code, _STANDARD)
    lines = "".join(
        f"from {module} import {', '.join(names)}\n"
        for module in sorted({_STANDARD[name] for name in standard})
        if (names := [name for name in sorted(standard) if _STANDARD[name] == module])
    )
    listed = "".join(f"    {name},\n" for name in sorted(_used(code, _CRMKIT) | {*also, "translator"}, key=_order))
    separator = "\n" if lines else ""
    return f"{lines}{separator}from crmkit import (\n{listed})"


def _used(code: str, names: Iterable[str]) -> set[str]:
    words = set(re.findall(r"[A-Za-z]\w*", re.sub(r'"(?:[^"\\]|\\.)*"', "", code)))
    return words & set(names)


def _order(name: str) -> tuple[bool, str]:
    return name[0].islower(), name


def _hooks(package: Package) -> str:
    names = [entity.info.cls.__name__ for entity in package.entities]
    names += [extension.class_name for extension in package.extensions]
    said = ", ".join(f"entities.{name}" for name in names)
    said += ", *entities.CUSTOM_FIELDS" if _has_fields(package) else ""
    modules = ["entities", *(["pipelines"] if package.pipelines else []), *(["roles"] if package.entities else [])]
    further = (templates.PIPELINES_HOOK if package.pipelines else "") + (
        templates.ROLES_HOOK if package.entities else ""
    )
    return templates.HOOKS.format(modules=", ".join(modules), declared=said, further=further)


def _readme(package: Package) -> str:
    rows = "".join(
        f"| `{extension.host}` | `{package.name}.{field.name}` | `custom.{field.definition.key}` |\n"
        for extension in package.extensions
        for field in extension.fields
    )
    parts = [templates.README.format(name=package.name)]
    if package.entities:
        listed = "".join(f"- `{entity.id}`\n" for entity in package.entities)
        parts.append(templates.README_ENTITIES.format(entities=listed, name=package.name))
    if package.extensions:
        hosts = "\n".join(f"- `{extension.host}`" for extension in package.extensions)
        parts.append(templates.README_FIELDS.format(hosts=hosts, rows=rows))
    return "\n".join(parts)


def _tests(package: Package, locales: Sequence[str]) -> str:
    said = f"plugin={literal(package.module)}, locales={literal(tuple(locales))}"
    return templates.CONFORMANCE.format(said=said)
