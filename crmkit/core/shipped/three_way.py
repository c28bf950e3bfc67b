"""The three-way merge: what was shipped, what was made of it here, and what is shipped now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import attrs

from crmkit.core.shipped.trees import ABSENT, Absent, Order, Path, Tree, at, placed
from crmkit.core.shipped.weaving import is_reordered, woven

__all__ = ["Difference", "Forms", "Merged", "Side", "Waits", "merge"]

State = Literal["edited", "upgraded", "waiting", "conflict"]
Side = Literal["ours", "theirs"]
#: Whether a change from the local value to the shipped one at a path takes effect only once it is accepted.
Waits = Callable[[Path, Any, Any], bool]


@attrs.frozen
class Difference:
    """One place where the three forms are not the same, as *state* says.

    ``edited``: changed here, and not by the plugin. ``upgraded``: changed by the plugin, and in effect. ``waiting``:
    changed by the plugin, in effect once it is accepted. ``conflict``: changed by both, and what was made here stays.
    *theirs* is what accepting the plugin's side brings.
    """

    path: Path
    state: State
    base: Any
    local: Any
    upstream: Any
    theirs: Any

    @property
    def is_pending(self) -> bool:
        """Whether somebody has to decide."""
        return self.state in ("waiting", "conflict")

    @property
    def place(self) -> str:
        """The path as people write it, such as ``stages/won/label``; ``*`` is the thing as a whole."""
        return "/".join(self.path) or "*"


@attrs.frozen
class Merged:
    """What is in effect, and every difference that there is between the three forms."""

    tree: Tree | Absent
    differences: tuple[Difference, ...]

    @property
    def pending(self) -> tuple[Difference, ...]:
        """The differences about which somebody has to decide."""
        return tuple(difference for difference in self.differences if difference.is_pending)


@attrs.frozen
class Forms:
    """The two forms that are kept of what was edited: *base*, as it was shipped, and *local*, as it was made here.

    What was not shipped, or was removed here, is :data:`ABSENT`.
    """

    base: Tree | Absent
    local: Tree | Absent

    def decided(self, upstream: Tree | Absent, differences: Iterable[Difference], side: Side) -> Forms:
        """Return the forms in which *differences* are decided for one *side*: no later merge asks about them again."""
        base, local = self.base, self.local
        for difference in differences:
            base = placed(base, difference.path, at(upstream, difference.path))
            if side == "theirs":
                local = placed(local, difference.path, _taken(difference))
        return Forms(base, local)

    def edited(self, upstream: Tree, before: Tree | Absent, wanted: Tree | Absent) -> Forms:
        """Return the forms in which *wanted* is in effect instead of *before*.

        Whoever edits has seen what was in effect, so that the places that change are decided. All others stay as
        they are: what waits goes on waiting.
        """
        base, local = _settled(self.base, self.local, upstream, before, wanted)
        return Forms({} if base is ABSENT else base, {} if local is ABSENT else local)


def _taken(difference: Difference) -> Any:
    """Return the plugin's side; an order keeps the place of a member that is decided otherwise than its order."""
    if isinstance(difference.theirs, Order) and isinstance(difference.local, Order):
        return woven(difference.theirs, difference.local)
    return difference.theirs


def merge(forms: Forms, upstream: Tree | Absent, waits: Waits = lambda _path, _local, _upstream: False) -> Merged:
    """Return *forms* merged with what is shipped now, which may be nothing.

    A place that only one side has changed is as that side has it. What was removed here stays removed, and what both
    have changed stays as it is here.
    """
    merger = _Merger(waits)
    tree = merger.value((), forms.base, forms.local, upstream)
    return Merged(tree, tuple(merger.differences))


class _Merger:
    def __init__(self, waits: Waits) -> None:
        self.waits, self.differences = waits, list[Difference]()

    def members(self, path: Path, base: Any, local: Tree, upstream: Tree) -> Tree:
        base = base if isinstance(base, Mapping) else {}
        found: Tree = {}
        for key in dict.fromkeys([*local, *upstream]):
            sides = (side.get(key, ABSENT) for side in (base, local, upstream))
            if (value := self.value((*path, key), *sides)) is not ABSENT:
                found[key] = value
        return found

    def value(self, path: Path, base: Any, local: Any, upstream: Any) -> Any:
        if local == upstream:
            return local
        if isinstance(local, Mapping) and isinstance(upstream, Mapping):
            return self.members(path, base, dict(local), dict(upstream))
        if isinstance(local, Order) and isinstance(upstream, Order):
            return self.order(path, base if isinstance(base, Order) else Order(), local, upstream)
        if base == upstream:
            return self.note(path, "edited", base, local, upstream)
        if base == local:
            state: State = "waiting" if self.waits(path, local, upstream) else "upgraded"
            return self.note(path, state, base, local, upstream)
        return self.note(path, "conflict", base, local, upstream)

    def order(self, path: Path, base: Order, local: Order, upstream: Order) -> Any:
        if base == local:
            state: State = "waiting" if self.waits(path, local, upstream) else "upgraded"
            return self.note(path, state, base, local, upstream)
        ours, theirs = is_reordered(base, local), is_reordered(base, upstream)
        if not theirs and set(upstream) <= set(base):
            # It has nothing new: at most it lacks what is shipped no more.
            return self.note(path, "edited", base, local, upstream)
        merged = woven(upstream, local) if theirs else woven(local, upstream)
        if ours and theirs and is_reordered(local, upstream):
            return self.note(path, "conflict", base, local, upstream, merged)
        state = "waiting" if self.waits(path, local, upstream) else "upgraded"
        return self.note(path, state, base, local, upstream, merged)

    def note(self, path: Path, state: State, base: Any, local: Any, upstream: Any, theirs: Any = None) -> Any:
        theirs = upstream if theirs is None else theirs
        self.differences.append(Difference(path, state, base, local, upstream, theirs))
        return theirs if state == "upgraded" else local


def _settled(base: Any, local: Any, upstream: Any, before: Any, wanted: Any) -> tuple[Any, Any]:
    if before == wanted:
        return base, local
    if not isinstance(before, Mapping) or not isinstance(wanted, Mapping) or (base is ABSENT and upstream is ABSENT):
        return upstream, wanted
    bases: Tree = {}
    locals_: Tree = {}
    sides = [side if isinstance(side, Mapping) else {} for side in (base, local, upstream, before, wanted)]
    for key in dict.fromkeys(key for side in (sides[1], *sides) for key in side):
        kept = _settled(*(side.get(key, ABSENT) for side in sides))
        for members, value in zip((bases, locals_), kept, strict=True):
            if value is not ABSENT:
                members[key] = value
    return (bases or (ABSENT if base is ABSENT else {})), locals_
