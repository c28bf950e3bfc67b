"""What a plugin's files say before they run: their shape, their imports, the length of their hooks."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["eager_imports", "forbidden_imports", "long_hooks", "misshapen"]

_FILES = {
    "__init__.py",
    "automations.py",
    "README.md",
    "commands.py",
    "demo.py",
    "entities.py",
    "events.py",
    "hooks.py",
    "jobs.py",
    "matching.py",
    "pipelines.py",
    "py.typed",
    "roles.py",
    "sections.py",
    "services.py",
    "ui.py",
    "verbs.py",
    "views.py",
}
# Services of several subjects are a folder, which is imported as the file is.
_FOLDERS = {"locales", "migrations", "services", "templates", "tests"}
_PUBLIC = {"entities", "events", "services"}
_DECLARATIONS = {"automations.py", "entities.py", "events.py", "pipelines.py", "roles.py", "sections.py", "views.py"}
_ONLY_IN = {"click": "commands.py", "crmkit.ui": "ui.py"}
_NEVER = ("alembic", "pluggy", "litestar", "jinja2", "cookiecutter", "rich")
_MOST_LINES = 3
# All else of crmkit may have changed by the time that a revision runs.
_FOR_REVISIONS = set(
    "Batch give_back_entity give_back_fields in_batches rename_field take_over_entity take_over_fields".split()
)


def misshapen(folder: Path) -> Iterator[str]:
    """Yield what stands at the top of *folder* and has no place there, and what is missing."""
    present = {path.name for path in folder.iterdir() if not path.name.startswith((".", "__pycache__"))}
    allowed = {path.name: path.is_dir() for path in folder.iterdir()}
    for name in sorted(present):
        if name not in (_FOLDERS if allowed[name] else _FILES):
            yield f"{name} has no place at the top of a plugin"
    for name in ("__init__.py", "README.md", "tests"):
        if name not in present:
            yield f"{name} is missing"


def eager_imports(file: Path) -> set[str]:
    """Return the packages outside the standard library that *file* imports when it is itself imported."""
    from sys import stdlib_module_names

    nodes = [node for node in _tree(file).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return {name for node in nodes for name in _modules(node) if name.partition(".")[0] not in stdlib_module_names}


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return what *node* imports; what lies in the package itself begins with a dot."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    name = "." * node.level + (node.module or "")
    return [f"{name}{alias.name}" for alias in node.names] if name.endswith(".") else [name]


def forbidden_imports(folder: Path, package: str, required: Sequence[str]) -> Iterator[str]:
    """Yield ``file: module`` of each import in *folder* that a plugin has no right to."""
    for file in sorted(folder.rglob("*.py")):
        place = file.relative_to(folder)
        for node in ast.walk(_tree(file)):
            if place.parts[0] == "migrations" and _is_for_revisions(node):
                continue
            for module in _modules(node) if isinstance(node, ast.Import | ast.ImportFrom) else ():
                if not _is_allowed(module, place, package, required):
                    yield f"{place}: {module}"


def _is_for_revisions(node: ast.AST) -> bool:
    """Return whether *node* imports of crmkit what it keeps for revisions, and nothing else."""
    names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else {""}
    return isinstance(node, ast.ImportFrom) and node.module == "crmkit" and names <= _FOR_REVISIONS


def _is_allowed(module: str, place: Path, package: str, required: Sequence[str]) -> bool:
    top = module.partition(".")[0]
    if place.parts[0] == "migrations":
        return top != "crmkit" and not module.startswith((".", package))
    if place.parts[0] == "tests":
        return top != "crmkit" or not module.startswith("crmkit.core")
    if module.startswith((".", f"{package}.")) or module == package:
        return True
    if module in _ONLY_IN:
        return place.name == _ONLY_IN[module]
    if any(module == f"{other}.{name}" for other in required for name in _PUBLIC) or module in required:
        return True
    if top == "sqlalchemy":
        return place.name not in _DECLARATIONS
    return module == "crmkit" or top not in (*_NEVER, "crmkit")


def long_hooks(file: Path) -> Iterator[str]:
    """Yield each function in *file* that is no hook, and each hook whose body has more than three lines."""
    if not file.exists():
        return
    for node in _tree(file).body:
        if isinstance(node, ast.FunctionDef):
            if not any("hookimpl" in ast.unparse(decorator) for decorator in node.decorator_list):
                yield f"{node.name} is no hook; it belongs into services.py"
            elif (lines := _length(node)) > _MOST_LINES:
                yield f"{node.name} has {lines} lines; what it does belongs into services.py"


def _length(function: ast.FunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return sum((statement.end_lineno or statement.lineno) - statement.lineno + 1 for statement in body)
