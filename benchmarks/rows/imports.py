"""Ten thousand rows of another system's export: read, checked, looked up, written with all that goes with them."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa

from benchmarks.figures import Figure, WrongResultError, check_written
from benchmarks.handwritten.bulk import Rows
from benchmarks.handwritten.importing import Importer, Result
from benchmarks.handwritten.reading import Hand
from benchmarks.harness import Comparison, compare
from benchmarks.witness import Witness
from benchmarks.world.exports import FAULTS, SYSTEM, Exports, account
from benchmarks.world.opening import World
from benchmarks.world.people import Member
from crmkit.transfer.importing import run_import
from crmkit.transfer.plan import ImportPlan
from crmkit.transfer.plan_file import parse_plan

__all__ = ["figures"]

_ROWS, _PAIRS, _CHECKED = 10_000, 3, 300
_PLAN = f"""
name = "deals"
system = "{SYSTEM}"

[formats]
date = "%m/%d/%Y"
datetime = "%m/%d/%Y %H:%M"
timezone = "UTC"

[[step]]
file = "deals.csv"
entity = "trade.deal"
external_id = "{{id}}"
on_existing = "skip"

[step.fields]
name = "title"
company_id = {{ external_id = "{{company}}" }}
owner_id = {{ find = "name", column = "owner" }}
stage = "stage"
expected_close_on = "close"
amount = {{ column = "amount", currency_column = "currency" }}
source = "source"
description = "notes"
"""
_HISTORY = 'stage_entered_at = "entered"\n'


def figures(world: World) -> Iterator[Figure]:
    """Yield the figures of imports."""
    people = world.people
    teams = set(people.subtree(people.manager))
    owners = [user for user in people.users if user.team in teams]

    def measure(member: Member, *, with_history: bool) -> Callable[[], Comparison]:
        return lambda: _compared(world, member, owners, with_history=with_history)

    yield Figure("import", f"manager, {_ROWS:,} deals", measure(people.manager, with_history=False), most=2.0)
    yield Figure(
        "import",
        f"administrator, {_ROWS:,} deals with their history",
        measure(people.administrator, with_history=True),
        most=2.0,
    )


def _compared(world: World, member: Member, owners: list[Member], *, with_history: bool) -> Comparison:
    hand = Hand(world)
    plan = parse_plan(_PLAN + _HISTORY * with_history)
    importer = Importer(hand, member, with_history=with_history)
    companies = _name_companies(hand)
    with tempfile.TemporaryDirectory(prefix="crmkit-bench-") as folder:
        exports = Exports(Path(folder), companies, owners)
        _check(world, member, plan, importer, exports)
        # A file of its own for every turn, written beforehand. The check has warmed up both sides.
        mine, other = (iter([exports.write(_ROWS) for _turn in range(_PAIRS)]) for _side in range(2))

        def ours() -> None:
            _all_of(_run(world, member, plan, next(mine)))

        def theirs() -> None:
            _all_of(importer.run(next(other)))

        return compare(ours, theirs, calls=1, pairs=_PAIRS)


def _check(world: World, member: Member, plan: ImportPlan, importer: Importer, exports: Exports) -> None:
    """Import one faulty file of the same rows on either side, and compare what is written and what is refused."""
    results: list[Result] = []
    first, second = exports.write_twins(_CHECKED)
    check_written(
        Witness(world),
        lambda: results.append(_run(world, member, plan, first)),
        lambda: results.append(importer.run(second)),
        same_transactions=False,
    )
    ours, theirs = results
    if ours.refused.keys() != theirs.refused.keys() or len(ours.refused) != len(FAULTS):
        raise WrongResultError(f"{ours.refused} / {theirs.refused}")


def _run(world: World, member: Member, plan: ImportPlan, folder: Path) -> Result:
    report = run_import(world.crm, world.principal(member), plan, folder)
    (step,) = report.steps
    return Result(step.created, dict(_refused(folder)))


def _refused(folder: Path) -> Iterator[tuple[int, str]]:
    path = folder / "deals.errors.csv"
    if path.exists():
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                yield int(row["crmkit:line"]), row["crmkit:reason"]


def _all_of(result: Result) -> None:
    if result.created != _ROWS:
        raise WrongResultError(f"{result.created} created, refused: {dict(list(result.refused.items())[:3])}")


def _name_companies(hand: Hand) -> int:
    """Let the other system have a name for every company, unless it has, and return how many there are."""
    tables, rows = hand.world.crm.schema.tables, Rows(hand, "core_external_id", _EXTERNAL)
    company, named = tables["trade_company"], hand.world.crm.schema.system.external_id
    with hand.world.crm.storage.writing() as connection:
        ids = list(connection.scalars(sa.select(company.c.id).order_by(company.c.id)))
        if not connection.scalar(sa.select(sa.func.count()).where(named.c.entity == "trade.company")):
            names = [(SYSTEM, "trade.company", account(place), hand.id(id_)) for place, id_ in enumerate(ids)]
            rows.insert(connection, names)
    return len(ids)


_EXTERNAL = ("system", "entity", "value", "record_id")
