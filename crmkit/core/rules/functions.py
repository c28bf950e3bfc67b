"""The names that rules know, and how many arguments each takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["FUNCTIONS", "MACROS", "METHODS", "closest"]

FUNCTIONS: Mapping[str, int] = {
    "now": 0,
    "today": 0,
    "me": 0,
    "my_team": 0,
    "date": 1,
    "datetime": 1,
    "days": 1,
    "hours": 1,
    "overdue": 0,
}
METHODS: Mapping[str, int] = {"contains": 1, "startsWith": 1, "endsWith": 1, "lower": 0, "size": 0}
# CEL's own; a rule tests one record and loops over nothing, so that every rule can become SQL.
MACROS = frozenset(["all", "exists", "exists_one", "existsOne", "filter", "has", "map"])


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return which of *known* the writer of *word* may have meant."""
    from difflib import get_close_matches

    plain = {name.replace("_", "").lower(): name for name in known}
    found = get_close_matches(word[:80].replace("_", "").lower(), plain, n=1)
    return plain[found[0]] if found else None
