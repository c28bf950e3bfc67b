"""What a rule's SQL leaves open, so that one prepared statement serves every moment and every constant asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from datetime import timedelta
from typing import Any

from crmkit.core.rules import plan
from crmkit.core.rules.kinds import Kind
from crmkit.core.rules.moment import Moment

__all__ = ["NOW", "RunValues", "constants", "kept", "parameter_name", "shape"]

# The parameter that stands for the moment itself.
NOW = "crm_now"
_MOMENT = re.compile(r"crm_(now|today|me|my_team)(?:_(plus|minus)_(\d+))?")


def parameter_name(value: plan.Now) -> str:
    """Return the name of the parameter that stands for *value* where no moment is given yet."""
    seconds = value.offset // timedelta(seconds=1)
    return f"crm_{value.name}" + (f"_{'minus' if seconds < 0 else 'plus'}_{abs(seconds)}" if seconds else "")


class RunValues(dict[str, Any]):
    """The named values of one run of a statement; what depends on the moment is worked out when it is asked for."""

    def __init__(self, moment: Callable[[], Moment], values: dict[str, Any]) -> None:
        """Take *values*, and *moment* for the names that :func:`parameter_name` gives."""
        super().__init__(values)
        self._moment = moment

    def __missing__(self, name: str) -> Any:
        found = _MOMENT.fullmatch(name)
        if found is None:
            raise KeyError(name)
        function, sign, seconds = found.groups()
        offset = timedelta(seconds=int(seconds or 0))
        return self._moment().value(function, -offset if sign == "minus" else offset)


def constants(condition: plan.Condition) -> Iterator[plan.Const]:
    """Yield the constants of *condition* whose value changes nothing in its SQL: compared with a field, not null.

    Where a missing row of an extension stands for a default, the value decides which rows are gathered.
    """
    for part in plan.walk(condition):
        if isinstance(part, plan.Compare):
            for one, other in ((part.left, part.right), (part.right, part.left)):
                fits = isinstance(other, plan.Field) and other.missing is None
                if fits and isinstance(one, plan.Const) and one.value is not None:
                    yield one


def shape(condition: plan.Condition) -> Hashable:
    """Return what two conditions share exactly if their SQL is the same but for :func:`constants`."""
    open_ = {id(constant) for constant in constants(condition)}
    return tuple(_own(part, id(part) in open_) for part in plan.walk(condition))


def _own(part: plan.Part, is_open: bool) -> Hashable:
    # The type of a field follows from its name.
    values = [getattr(part, name) for name in part.own_names if name != "type" and not (is_open and name == "value")]
    return (type(part).__name__, len(part.parts), *values)


def kept(value: Any, kind: Kind) -> Any:
    """Return the *value* of a constant in the form in which its column keeps it."""
    return "|" + "".join(f"{slug}|" for slug in value) if kind.name == "slugs" else value
