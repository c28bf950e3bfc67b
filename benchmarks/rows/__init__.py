"""The figures, a module for each kind of work.

Those of a world are measured in every one, in this order: what adds most rows comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from benchmarks.figures import Figure
from benchmarks.rows import (
    changing,
    creating,
    custom_fields,
    deduplicating,
    delivering,
    duplicates,
    exports,
    getting,
    imports,
    leaving,
    listening,
    lists,
    overviews,
    searches,
    serving,
    starting,
    sums,
    telling,
    testing_kit,
)
from benchmarks.world.opening import World

__all__ = ["IN_A_WORLD", "ONCE"]

#: What yields figures, and the groups that they belong to.
ONCE: Mapping[Callable[[], Iterator[Figure]], tuple[str, ...]] = {
    starting.figures: ("start",),
    testing_kit.figures: ("testing kit",),
}
IN_A_WORLD: Mapping[Callable[[World], Iterator[Figure]], tuple[str, ...]] = {
    lists.figures: ("list",),
    searches.figures: ("search",),
    getting.figures: ("get",),
    sums.figures: ("funnel", "count", "aggregate"),
    creating.figures: ("create",),
    changing.figures: ("update", "move"),
    imports.figures: ("import",),
    exports.figures: ("export",),
    overviews.figures: ("overview",),
    duplicates.figures: ("duplicates",),
    deduplicating.figures: ("batch dedupe",),
    custom_fields.figures: ("custom field",),
    telling.figures: ("events",),
    serving.figures: ("http",),
    listening.figures: ("http",),
    delivering.figures: ("http",),
    leaving.figures: ("offboarding",),
}
