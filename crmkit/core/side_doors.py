"""What is there for crmkit's own steps alone: whoever else calls it is refused, and that it was tried is kept."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import Concatenate, ParamSpec, TypeVar

import attrs

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["SideDoorError", "Tried", "asking_module", "note_tried", "own_step", "watched"]

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
class Tried:
    """A way past the wall that somebody tried: which *door*, from which *module*."""

    module: str
    door: str


_tried: ContextVar[list[Tried] | None] = ContextVar("crmkit_tried", default=None)


@contextmanager
def watched() -> Iterator[list[Tried]]:
    """Give the list to which what is tried inside the block is added; inside another such block, that one's has it."""
    tried: list[Tried] = []
    if _tried.get() is not None:
        yield tried
        return
    token = _tried.set(tried)
    try:
        yield tried
    finally:
        _tried.reset(token)


def note_tried(module: str, door: str) -> None:
    """Keep that *module* tried *door*: in the log, and for who watches."""
    _log.error("%s tried to use %s", module, door)
    tried = _tried.get()
    if tried is not None:
        tried.append(Tried(module, door))


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
