"""Links of the OpenAPI document: where an answer leads, and what of it the next operation is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.core.text import Text
from crmkit.rest.openapi.operations import Follows, Operation

if TYPE_CHECKING:
    from crmkit.rest.doors import Door

__all__ = ["ETAG", "Step", "links_after", "steps_by_source"]

#: Where the version of a record stands in the answer that shows it.
ETAG = "$response.header.ETag"


@attrs.frozen
class Step:
    """One way on: to the operation of *door*, as it *follows* another."""

    door: Door
    operation: Operation
    follows: Follows


def steps_by_source(doors: Iterable[Door]) -> Mapping[str, Sequence[Step]]:
    """Return all ways on between *doors*, by the names of those from which they lead."""
    found: dict[str, list[Step]] = {}
    for door in doors:
        for follows in door.operation.follows if door.operation else ():
            assert door.operation is not None
            found.setdefault(follows.after, []).append(Step(door, door.operation, follows))
    return found


def links_after(
    steps: Sequence[Step], status: int, id_of: Callable[[Step], str | None], text: Callable[[Text | str], str]
) -> dict[str, Any]:
    """Return the Link objects of the answer *status*, of *steps* whose operation is there: *id_of* gives its id."""
    links: dict[str, Any] = {}
    for step in steps:
        if step.follows.status == status and (operation := id_of(step)) is not None:
            links[step.door.name.replace(" ", "-")] = {
                "operationId": operation,
                "description": text(step.operation.summary),
                "parameters": dict(step.follows.parameters),
            }
    return links
