"""The errors reference: one section per code, found by importing every module of crmkit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import groupby
from pkgutil import iter_modules

import crmkit
from crmkit.core.errors import CrmkitError
from crmkit_reference.prose import prose

# What belongs to no running CRM is not imported: it may need what only a developer has installed.
_SKIPPED = re.compile(r"\.(tests|migrations|testing|__main__)(\.|$)")


def render() -> str:
    """Return a Markdown section for every code, sorted; errors that share one stand in one section."""
    return "\n".join(_section(code, list(errors)) for code, errors in groupby(find_errors(), lambda error: error.code))


def find_errors() -> list[type[CrmkitError]]:
    """Return the error classes of crmkit and its plugins without the base class, by code, the general ones first."""
    _import_all()
    found = {error for error in _subclasses(CrmkitError) if _is_described(error.__module__)}
    return sorted(found, key=lambda error: (error.code, len(error.__mro__), error.__name__))


def _import_all(path: Iterable[str] = crmkit.__path__, prefix: str = "crmkit.") -> None:
    for found in iter_modules(path, prefix):
        if _is_described(found.name):
            module = import_module(found.name)
            _import_all(getattr(module, "__path__", ()), f"{found.name}.")


def _is_described(module: str) -> bool:
    # Others may be imported already, by whoever runs in the same process.
    return module.split(".")[0] == "crmkit" and not _SKIPPED.search(module)


def _subclasses(error: type[CrmkitError]) -> Iterator[type[CrmkitError]]:
    for child in error.__subclasses__():
        yield child
        yield from _subclasses(child)


def _section(code: str, errors: list[type[CrmkitError]]) -> str:
    return f"\n## {code}\n" + "".join(map(_entry, errors))


def _entry(error: type[CrmkitError]) -> str:
    return f"""
{prose(error)}

Raised as `{error.__module__}.{error.__qualname__}`, with the message:

```text
{error.template}
```
"""
