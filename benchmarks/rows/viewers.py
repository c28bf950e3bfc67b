"""Who looks: a salesperson, a manager and an administrator, and what each sees, written by hand."""

from __future__ import annotations

import attrs

from benchmarks.handwritten.reading import Eyes, Hand
from benchmarks.world.people import Member

__all__ = ["Viewer", "viewers"]


@attrs.frozen
class Viewer:
    """Somebody who looks at lists and sums."""

    name: str
    member: Member
    eyes: Eyes


def viewers(hand: Hand) -> list[Viewer]:
    """Return the three who look."""
    people = hand.world.people
    return [
        Viewer("salesperson", people.salesperson, hand.scoped(people.salesperson, shared=True)),
        Viewer("manager", people.manager, hand.scoped(people.manager, shared=False)),
        Viewer("administrator", people.administrator, hand.administrator()),
    ]
