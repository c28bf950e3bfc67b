"""The files of a package, with places for what it is made of."""

__all__ = [
    "CONFORMANCE",
    "ENTITIES",
    "HOOKS",
    "MANIFEST",
    "PIPELINES",
    "PIPELINES_HOOK",
    "PYPROJECT",
    "README",
    "README_ENTITIES",
    "README_FIELDS",
    "ROLES",
    "ROLES_HOOK",
]

PYPROJECT = """\
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

MANIFEST = """\
\"\"\"What was made at run time, as a plugin.\"\"\"

from __future__ import annotations

from crmkit import Plugin, translator

__all__ = ["PLUGIN"]

_ = translator(__name__)

PLUGIN = Plugin(
    name="{name}",
    version="0.1.0",
    label=_({label}),
    summary=_("What was made at run time"),
    requires={{{requires}}},
)
"""

ENTITIES = """\
\"\"\"Entities that were made at run time, and what is added to entities of other plugins.\"\"\"

from __future__ import annotations

{imports}

__all__ = [{exported}]

_ = translator(__package__)


{code}"""

PIPELINES = """\
\"\"\"The stages of records, and the moves between them.\"\"\"

from __future__ import annotations

{imports}

__all__ = ["PIPELINES"]

_ = translator(__package__)

PIPELINES = {pipelines}
"""

ROLES = """\
\"\"\"Who may do what.\"\"\"

from __future__ import annotations

from crmkit import Grant, Role, translator

__all__ = ["ROLES"]

_ = translator(__package__)

_ENTITIES = (
{entities})
_VERBS = ["read", "create", "update", "delete", "move", "transfer", "share", "export"]

ROLES = [Role("{name}.manager", _("Full access"), [Grant(entity, _VERBS, "all") for entity in _ENTITIES])]
"""

HOOKS = """\
\"\"\"What the plugin adds to crmkit.\"\"\"

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit import hookimpl

from . import {modules}


@hookimpl
def crmkit_register_entities() -> Sequence[Any]:
    \"\"\"Declare entities and fields.\"\"\"
    return [{declared}]
{further}"""

PIPELINES_HOOK = """

@hookimpl
def crmkit_register_pipelines() -> Sequence[Any]:
    \"\"\"Ship the pipelines.\"\"\"
    return pipelines.PIPELINES
"""

ROLES_HOOK = """

@hookimpl
def crmkit_register_roles() -> Sequence[Any]:
    \"\"\"Ship the roles.\"\"\"
    return roles.ROLES
"""

README = """\
# {name}

What was made at run time, and is code now.
"""

README_ENTITIES = """\
## Entities

{entities}
Their ids, and the names of their fields, are those that they had at run time.
The first revision takes the tables over where there are any; taking it back gives them back.

The role `{name}.manager` may do everything with them.
"""

README_FIELDS = """\
## Fields

It extends

{hosts}

| Entity | Field | It was |
|-|-|-|
{rows}
The first revision moves the values, and the masks and rules that administrators made; taking it back moves them back.
"""

CONFORMANCE = """\
\"\"\"The plugin keeps the rules of all plugins.\"\"\"

from crmkit.testing import PluginConformance


class TestConformance(PluginConformance, {said}): ...
"""
