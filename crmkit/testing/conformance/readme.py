"""Whether a plugin's README says what the plugin has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from crmkit.core.registry import Registry

__all__ = ["unmentioned"]


def unmentioned(folder: Path, registry: Registry, plugin: str) -> Iterator[str]:
    """Yield each entity, role, event, job, verb and hook of *plugin* that ``README.md`` does not name as code."""
    file = folder / "README.md"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    own = [info.id for info in registry.tables() if info.plugin == plugin]
    declared = (
        registry.roles,
        registry.events,
        registry.subscribers,
        registry.jobs,
        registry.schedules,
        registry.record_schedules,
        registry.verbs,
    )
    named = [id_ for things in declared for id_ in things if id_.partition(".")[0] == plugin]
    for name in (*own, *named, *_hooks(folder / "hooks.py")):
        if f"`{name}`" not in text:
            yield name


def _hooks(file: Path) -> list[str]:
    """Return the names of the hooks that decide something; what is registered is listed by itself."""
    if not file.exists():
        return []
    names = [
        node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    ]
    return [name for name in names if not name.startswith("crmkit_register_")]
