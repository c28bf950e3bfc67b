"""A checker for histories of lists that only grow, after Kingsbury and Alvaro, "Elle" (VLDB 2020).

Every element is appended once, so that a list that somebody read tells the order of all appends before it. From that
follow the dependencies between transactions: who wrote before whom (ww), who read what another wrote (wr), and who
read what another then wrote over (rw). A circle of them means that no order of the transactions explains the history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

import attrs


@attrs.frozen
class Transaction:
    """What one transaction that was committed read of each list, and what it appended, one element a list at most."""

    reads: Mapping[Any, Sequence[int]]
    appends: Mapping[Any, int]


def orders(history: Sequence[Transaction]) -> dict[Any, list[int]]:
    """Return the longest version of each list, after checking that every other version is the beginning of it."""
    longest: dict[Any, list[int]] = {}
    for transaction in history:
        for key, seen in transaction.reads.items():
            longest[key] = max(longest.get(key, []), list(seen), key=len)
    for transaction in history:
        for key, seen in transaction.reads.items():
            assert longest[key][: len(seen)] == list(seen), f"two versions of {key} disagree"
    return longest


def dependencies(history: Sequence[Transaction]) -> dict[int, set[int]]:
    """Return for each transaction, by its place, those that must have come before it."""
    versions = orders(history)
    writer = {(key, value): place for place, t in enumerate(history) for key, value in t.appends.items()}
    before: dict[int, set[int]] = {place: set() for place in range(len(history))}
    for key, values in versions.items():
        for earlier, later in pairwise(values):
            before[writer[key, later]].add(writer[key, earlier])
    for place, transaction in enumerate(history):
        for key, seen in transaction.reads.items():
            if seen:
                before[place].add(writer[key, seen[-1]])
            if len(seen) < len(versions[key]):
                before[writer[key, versions[key][len(seen)]]].add(place)
    return {place: earlier - {place} for place, earlier in before.items()}


def cycle(history: Sequence[Transaction]) -> list[Transaction]:
    """Return a circle of transactions that no order explains; nothing if there is none."""
    try:
        TopologicalSorter(dependencies(history)).prepare()
    except CycleError as error:
        return [history[place] for place in error.args[1]]
    return []
