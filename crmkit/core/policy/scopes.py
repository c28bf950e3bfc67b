"""Scopes: to which part of their user's rights a token is limited.

A scope is ``<plugin>:read`` or ``<plugin>:write``; ``*`` stands for every plugin, ``core`` for users, teams and roles,
``custom`` for entities made at run time. Writing includes reading. Scopes give nothing: they take away what they do
not name, so that no scopes at all leave nothing. That there is no limit is ``None``, and said by whoever knows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["EVERY_PLUGIN", "Scopes", "UnknownScopeError", "checked_scopes", "covers", "scope_for"]

Scopes = frozenset[str]
EVERY_PLUGIN = "*"
_READS = frozenset({"read", "export", "see_duplicates"})
_SCOPE = re.compile(r"([a-z][a-z0-9_]*|\*):(read|write)\Z")


class UnknownScopeError(CrmkitError):
    """A token was to be limited to what no plugin here is called, or to nothing at all."""

    code = "unknown-scope"
    template = _("{scope!r} is no scope. Give read or write behind one of {plugins}: such as {example}.")

    def __init__(self, scope: str, plugins: Iterable[str]) -> None:
        """Name the *scope*, and the *plugins* that there are."""
        known = sorted(plugins)
        super().__init__(scope=scope, plugins=", ".join(known), example=f"{known[-1]}:read")


def covers(scopes: Scopes | None, subject: str, verb: str) -> bool:
    """Return whether *scopes* leave *verb* on *subject*, an entity or one of ``SUBJECTS``; ``None`` leaves all."""
    if scopes is None:
        return True
    plugin = subject.partition(".")[0]
    if not scopes.isdisjoint((f"{plugin}:write", f"{EVERY_PLUGIN}:write")):
        return True
    return verb in _READS and not scopes.isdisjoint((f"{plugin}:read", f"{EVERY_PLUGIN}:read"))


def scope_for(subject: str, verb: str) -> str:
    """Return the narrowest scope that covers *verb* on *subject*."""
    return f"{subject.partition('.')[0]}:{'read' if verb in _READS else 'write'}"


def checked_scopes(given: Iterable[str], plugins: Iterable[str]) -> Scopes:
    """Return *given* as scopes, each about one of *plugins* or about all.

    Raises:
        UnknownScopeError: one is something else, or there is none.
    """
    scopes, known = frozenset(given), {EVERY_PLUGIN, *plugins}
    for scope in sorted(scopes) or [""]:
        found = _SCOPE.match(scope)
        if found is None or found[1] not in known:
            raise UnknownScopeError(scope, known)
    return scopes
