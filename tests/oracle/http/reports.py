"""What records add up to, asked for over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from crmkit import board, conversion, cycle_times, funnel
from tests.oracle.http.client import Client

__all__ = ["Reports"]


class Reports(Client):
    """Measures, boards, funnels, cycle times and conversion."""

    def aggregate(
        self, cls: Any, *, group_by: Sequence[str], measures: Mapping[str, Any], where: str | None
    ) -> list[Any]:
        if not self._exists(cls):
            return self._db.aggregate(cls, group_by=group_by, measures=measures, where=where)  # type: ignore[no-any-return]
        names = {name: _measure(each) for name, each in measures.items()}
        asked = {"group_by": ",".join(group_by), "measures": ",".join(dict.fromkeys(names.values())), "filter": where}
        found = self.ask("GET", f"{self._of(cls)}/aggregate", asked)["items"]
        return [
            {name: self._value(cls, name, value) for name, value in each["group"].items()}
            | {name: _number(each["measures"][asked]) for name, asked in names.items()}
            for each in found
        ]

    def board(self, cls: Any, *, amount: str) -> Any:
        if not self._exists(cls):
            return board(self._db, cls, amount=amount)
        return _lanes(self.ask("GET", f"{self._of(cls)}/board", {"sum": amount}))

    def funnel(self, cls: Any, *, at: datetime, amount: str, amounts: Any) -> Any:
        if not self._exists(cls):
            return funnel(self._db, cls, at=at, amount=amount, amounts=amounts)
        asked = {"at": at.isoformat(), "sum": amount, "sums": amounts}
        return _lanes(self.ask("GET", f"{self._of(cls)}/funnel", asked))

    def cycle_times(self, cls: Any, *, by: Any) -> Any:
        if not self._exists(cls):
            return cycle_times(self._db, cls, by=by)
        found = self.ask("GET", f"{self._of(cls)}/cycle_times", {"by": by})
        return SimpleNamespace(**{name: [_durations(each) for each in found[name]] for name in ("stages", "totals")})

    def conversion(self, cls: Any, starts: Sequence[datetime]) -> Any:
        if not self._exists(cls):
            return conversion(self._db, cls, starts)
        asked = {"starts": ",".join(start.isoformat() for start in starts)}
        found = self.ask("GET", f"{self._of(cls)}/conversion", asked)
        return SimpleNamespace(cohorts=[SimpleNamespace(**each) for each in found["cohorts"]])


def _lanes(found: dict[str, Any]) -> Any:
    lanes = [SimpleNamespace(**each | {"amount": _number(each["amount"])}) for each in found["lanes"]]
    assert found["count"] == sum(lane.count for lane in lanes), found
    return SimpleNamespace(lanes=lanes)


def _durations(each: dict[str, Any]) -> Any:
    return SimpleNamespace(
        what=each["what"], whose=each["whose"] and UUID(each["whose"]), count=each["count"],
        median=timedelta(seconds=each["percentile_seconds"]["50"]),
    )  # fmt: skip


def _measure(measure: Any) -> str:
    function = measure.function.replace(" ", "_")
    return function if measure.field is None else f"{function}.{measure.field}"


def _number(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) and value.replace(".", "").lstrip("-").isdigit() else value
