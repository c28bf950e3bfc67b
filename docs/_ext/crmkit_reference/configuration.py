"""The configuration reference: every setting of ``crm.toml``, with its variables and its default."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from crmkit.core.configuration.settings import Setting, known_settings

_TYPES: dict[Any, str] = {int: "whole number", bool: "true or false", list[str]: "list of texts"}


def render() -> str:
    """Return a Markdown section for each section of ``crm.toml``."""
    sections = groupby(known_settings().values(), key=lambda setting: setting.section)
    return "\n".join(_section(name, settings) for name, settings in sections)


def _section(name: str, settings: Iterable[Setting]) -> str:
    return f"\n## `[{name}]`\n" + "".join(_entry(setting) for setting in settings)


def _entry(setting: Setting) -> str:
    variables = ", ".join(f"`{variable}`" for variable in _variables(setting))
    default = "none" if setting.default is None else f"`{json.dumps(setting.default, ensure_ascii=False)}`"
    return f"""
### `{setting.key}`

{setting.info.help}

- Type: {_TYPES.get(setting.type, "text")}
- Default: {default}
- Environment: {variables}
"""


def _variables(setting: Setting) -> Iterable[str]:
    for variable in setting.variables:
        yield variable
        if setting.info.secret:
            yield f"{variable}_FILE"
