"""Seeding a fault: pieces of crmkit are replaced inside a block, and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

from crmkit.core.policy.access import Access

__all__ = ["MUTANTS", "Mutant", "all_names", "evolved", "mutant"]

Make = Callable[[], Iterator[tuple[Any, str, Any]]]


@attrs.frozen
class Mutant:
    """A named fault; *steps* lead to it, *doors* are those that it opens, *make* yields what is replaced by what.

    What the model does not foresee of an answer, only a comparison of *two_worlds* shows.
    """

    name: str
    doors: tuple[str, ...]
    steps: tuple[str, ...]
    make: Make
    two_worlds: bool = False

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Have the fault inside the block."""
        undo: list[tuple[Any, str, Any]] = []
        try:
            for owner, name, replacement in self.make():
                # A KeyError says that crmkit has changed, and the fault must be seeded elsewhere.
                undo.append((owner, name, vars(owner)[name]))
                setattr(owner, name, replacement)
            yield
        finally:
            for owner, name, original in reversed(undo):
                setattr(owner, name, original)


MUTANTS: dict[str, Mutant] = {}


def mutant(*doors: str, steps: Sequence[str] = ("wait", "wait"), two_worlds: bool = False) -> Callable[[Make], Make]:
    """Register the decorated function, which yields ``(owner, name, replacement)``, as a fault that opens *doors*.

    *steps* are what must happen before it shows; by default nothing does, while more is asked. With *two_worlds* it
    shows only where secrets change.
    """

    def register(make: Make) -> Make:
        MUTANTS[make.__name__] = Mutant(make.__name__, doors, tuple(steps), make, two_worlds)
        return make

    return register


def evolved(**change: Any) -> Callable[[Access, Any], Any]:
    """Return a replacement of ``Access._resolve`` that changes its answer; values are functions of all three."""
    original = Access._resolve

    def resolve(self: Access, info: Any) -> Any:
        found = original(self, info)
        if self.is_system:
            return found
        return attrs.evolve(found, **{name: make(self, info, found) for name, make in change.items()})

    return resolve


def all_names(access: Access, info: Any) -> frozenset[str]:
    """Return the names of all fields of *info*."""
    return frozenset(access.registry.fields(info.id)) | frozenset(info.computed)
