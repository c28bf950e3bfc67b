"""What is there for crmkit's own steps alone: whoever else calls it is refused, and that it was tried is kept."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextvars import ContextVar, Token
from functools import cache, wraps
from typing import Concatenate, ParamSpec, TypeVar

import attrs

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["Attempt", "SideDoorError", "asking_module", "begin_watching", "end_watching", "note_tried", "own_step"]

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
_log = logging.getLogger(__name__)


class SideDoorError(CrmkitError):
    """Code that is not crmkit's asked for a way past the wall. It was refused, and that it was tried is kept."""

    code = "side-door"
    template = _("{module} may not use {door}: it leads past the wall. Use the methods of readers and writers.")

    def __init__(self, module: str, door: str) -> None:
        """Name the *module* that asked and the *door*."""
        super().__init__(module=module, door=door)


@attrs.frozen
class Attempt:
    """A way past the wall that somebody tried: which *door*, from which *module*."""

    module: str
    door: str


_tried: ContextVar[list[Attempt] | None] = ContextVar("crmkit_tried", default=None)


def begin_watching() -> Token[list[Attempt] | None] | None:
    """Keep what is tried from now on, until :func:`end_watching`; ``None`` if somebody further out does so already."""
    return _tried.set([]) if _tried.get() is None else None


def end_watching(token: Token[list[Attempt] | None] | None) -> list[Attempt]:
    """Return what was tried since :func:`begin_watching` returned *token*."""
    if token is None:
        return []
    tried = _tried.get() or []
    _tried.reset(token)
    return tried


def note_tried(module: str, door: str) -> None:
    """Keep that *module* tried *door*: in the log, and for who watches."""
    _log.error("%s tried to use %s", module, door)
    tried = _tried.get()
    if tried is not None:
        tried.append(Attempt(module, door))


def asking_module() -> str:
    """Return the module that called who calls this."""
    return str(sys._getframe(2).f_globals.get("__name__", "?"))


def own_step(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Return *method* so that it can be called by crmkit's own code alone.

    Python cannot keep code in the same process from anything: this refuses what stands there by a public name, so that
    nobody passes the wall without meaning to, and nobody can say that they did not.
    """
    door = method.__name__

    @wraps(method)
    def checked(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        module = asking_module()
        if not _is_crmkit(module):
            note_tried(module, door)
            raise SideDoorError(module, door)
        return method(self, *args, **kwargs)

    return checked


@cache
def _is_crmkit(module: str) -> bool:
    # The plugins that come with crmkit have no privilege.
    return module.startswith("crmkit.") and not module.startswith("crmkit.plugins.")
