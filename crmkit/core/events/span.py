"""Being told that something happened, whatever it was: for who reads for others what they may know of it."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

__all__ = ["EveryEvent", "Span"]


def _names(given: Iterable[str]) -> frozenset[str]:
    return frozenset(given)


@attrs.frozen
class EveryEvent:
    """What a subscriber names that wants to know of everything: it gets a :class:`Span` for many writes at once.

    Where nothing but records of the entities in *but* was written it is told nothing: those that it writes itself, say.
    """

    but: frozenset[str] = attrs.field(converter=_names, default=())


@attrs.frozen
class Span:
    """The positions behind *after*, up to *until*: something was written there that was not told before.

    What, :meth:`crmkit.Reader.events` tells each reader as far as they may know it.
    """

    after: int
    until: int
