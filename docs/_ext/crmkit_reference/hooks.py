"""The hooks reference: every question that crmkit asks plugins, with its signature and those that answer it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from crmkit.cli.project import first_party_plugins
from crmkit.core import hooks
from crmkit.core.plugins import find_plugins
from crmkit_reference.prose import prose

# How the docstring of a hook is divided, in this order.
PARTS = ("When", "Return", "Combined", "Used by")


def render() -> str:
    """Return a Markdown section for every hook, in the order in which they are declared."""
    return "\n".join(_section(name, function) for name, function in find_hooks())


def find_hooks() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield name and specification of every hook."""
    for name, value in vars(hooks).items():
        if hasattr(value, "crmkit_spec"):
            yield name, value


def users_of(hook: str) -> list[str]:
    """Return the plugins of crmkit that implement *hook*."""
    return [name for name in first_party_plugins() if hasattr(_implementation(name, hook), "crmkit_impl")]


def _implementation(plugin: str, hook: str) -> Any:
    return getattr(find_plugins([plugin])[0].submodule("hooks"), hook, None)


def parts_of(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """Return the summary of a hook's docstring and its labelled parts."""
    summary, *labelled = re.split(rf"^({'|'.join(PARTS)}):", inspect.getdoc(function) or "", flags=re.MULTILINE)
    pairs = zip(labelled[::2], labelled[1::2], strict=True)
    return summary.strip(), {label: " ".join(text.split()) for label, text in pairs}


def _section(name: str, function: Callable[..., Any]) -> str:
    summary, parts = parts_of(function)
    lines = "\n".join(f"- {label}: {prose(parts.get(label, ''))}" for label in PARTS[:-1])
    return f"""
## {name}

```python
def {name}{_signature(function)}: ...
```

{prose(summary)}

{lines}
- Implemented by: {", ".join(users_of(name)) or "no plugin"}
"""


def _signature(function: Callable[..., Any]) -> str:
    # Annotations are kept as text, which inspect shows in quotes.
    return str(inspect.signature(function)).replace("'", "")
