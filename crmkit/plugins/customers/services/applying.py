"""Doing what people decided about likely duplicates: merging them, or keeping that they are not the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import combinations

import attrs

from crmkit import (
    ConflictError,
    CrmkitError,
    ForbiddenError,
    NotFoundError,
    Record,
    StaleError,
    ValidationError,
    Writer,
    WriteRefusedError,
    translate,
    translator,
)

from .deciding import not_duplicates, told_apart
from .reviewed import Decision

__all__ = ["Applied", "apply_decisions"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

_AT_ONCE = 50
# What is wrong with one row; every other error stops, and the same file goes on after the last whole batch.
_OF_ONE_ROW = (ConflictError, ForbiddenError, NotFoundError, StaleError, ValidationError, WriteRefusedError)


@attrs.define
class Applied:
    """How many rows merged records, told two apart, were done already or were skipped; and which were refused, why."""

    merged: int = 0
    told_apart: int = 0
    unchanged: int = 0
    skipped: int = 0
    refused: list[tuple[Decision, str]] = attrs.field(factory=list)


class DecisionRefusedError(CrmkitError):
    """A decision about likely duplicates makes no sense."""

    code = "decision-refused"
    template = _("{reason}")

    def __init__(self, reason: str) -> None:
        """Say why."""
        super().__init__(reason=reason)


def apply_decisions(
    writing: Callable[[], AbstractContextManager[Writer]], entity: type[Record], decisions: Sequence[Decision]
) -> Applied:
    """Do what *decisions* say about records of *entity*, and return what became of each.

    *writing* gives the writer of a batch: a transaction of its own. What is refused changes nothing and hinders no
    other row. What is done already stays as it is, so that the same decisions may be applied again, as after a crash.

    Raises:
        CrmkitError: the database or a plugin failed; the batches before stay.
    """
    applied = Applied()
    for start in range(0, len(decisions), _AT_ONCE):
        batch = Applied()
        with writing() as db:
            for decision in decisions[start : start + _AT_ONCE]:
                _apply(db, entity, decision, batch)
        # Only what is committed counts.
        _add(applied, batch)
    return applied


def _add(applied: Applied, batch: Applied) -> None:
    for name in ("merged", "told_apart", "unchanged", "skipped"):
        setattr(applied, name, getattr(applied, name) + getattr(batch, name))
    applied.refused += batch.refused


def _apply(db: Writer, entity: type[Record], decision: Decision, batch: Applied) -> None:
    try:
        with db.attempt():
            became = _done(db, entity, decision)
    except (*_OF_ONE_ROW, DecisionRefusedError) as error:
        batch.refused.append((decision, str(error)))
    else:
        setattr(batch, became, getattr(batch, became) + 1)


def _done(db: Writer, entity: type[Record], decision: Decision) -> str:
    """Do it, and return which count of :class:`Applied` that is one more of."""
    if decision.kind == "skip":
        return "skipped"
    if decision.kind not in ("merge", "not"):
        raise DecisionRefusedError(translate(_("the decision is merge, not or skip")))
    if len(set(decision.references)) < 2:
        raise DecisionRefusedError(translate(_("name two records: winner and losers, or one and other")))
    # What was merged leads to its winner.
    records = list({found.id: found for found in (db.get(entity, each) for each in decision.references)}.values())
    return (_merged if decision.kind == "merge" else _kept_apart)(db, records, decision)


def _merged(db: Writer, records: Sequence[Record], decision: Decision) -> str:
    winner, *losers = records
    if not losers:
        return "unchanged"
    apart = told_apart(db, *records)
    if any({one.id, other.id} in apart for one, other in combinations(records, 2)):
        raise DecisionRefusedError(
            translate(_("somebody decided that they are not the same; delete that decision first"))
        )
    db.merge(winner, losers)
    return "merged"


def _kept_apart(db: Writer, records: Sequence[Record], decision: Decision) -> str:
    if len(records) == 1:
        raise DecisionRefusedError(translate(_("they are merged; tell them apart first: crmkit unmerge")))
    if len(records) > 2:
        raise DecisionRefusedError(translate(_("name two records only: the others may be the same as one of them")))
    one, other = records
    if {one.id, other.id} in told_apart(db, one):
        return "unchanged"
    not_duplicates(db, one, other, decision.reason)
    return "told_apart"
