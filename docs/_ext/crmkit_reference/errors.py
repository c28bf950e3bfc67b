"""The errors reference: one section per code, found by importing every module of crmkit."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import iter_modules

import crmkit
from crmkit.core.errors import CrmkitError

# What belongs to no running CRM is not imported: it may need what only a developer has installed.
_SKIPPED = re.compile(r"\.(tests|migrations|testing|__main__)(\.|$)")


def render() -> str:
    """Return a Markdown section for every error of crmkit, sorted by code."""
    return "\n".join(_section(error) for error in find_errors())


def find_errors() -> list[type[CrmkitError]]:
    """Return the error classes of crmkit and its plugins, sorted by code, without the base class."""
    _import_all()
    found = {error for error in _subclasses(CrmkitError) if error.__module__.split(".")[0] == "crmkit"}
    return sorted(found, key=lambda error: (error.code, error.__name__))


def _import_all(path: Iterable[str] = crmkit.__path__, prefix: str = "crmkit.") -> None:
    for found in iter_modules(path, prefix):
        if not _SKIPPED.search(found.name):
            module = import_module(found.name)
            _import_all(getattr(module, "__path__", ()), f"{found.name}.")


def _subclasses(error: type[CrmkitError]) -> Iterator[type[CrmkitError]]:
    for child in error.__subclasses__():
        yield child
        yield from _subclasses(child)


def _section(error: type[CrmkitError]) -> str:
    return f"""
## {error.code}

{_prose(error)}

Raised as `{error.__module__}.{error.__qualname__}`, with the message:

```text
{error.template}
```
"""


def _prose(error: type[CrmkitError]) -> str:
    """Return the docstring, its reStructuredText roles and literals written as Markdown."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", inspect.getdoc(error) or "")
    return text.replace("``", "`")
