"""Names that somebody may have meant who gave one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from crmkit.core.text import gettext as _, translate

__all__ = ["Suggesting", "close_names"]


def close_names(name: str, known: Iterable[str], likeness: float = 0.6) -> list[str]:
    """Return those of *known* that look like *name*, the closest first; 1.0 is the *likeness* of the same."""
    return get_close_matches(name, sorted(set(known)), n=3, cutoff=likeness)


class Suggesting:
    """Mixed into an error: its fact ``options`` stands behind its sentence."""

    facts: Mapping[str, Any]

    def localized(self, locale: str | None = None) -> str:
        """Return the sentence, and behind it the names that may have been meant."""
        sentence: str = super().localized(locale)  # type: ignore[misc]
        if not self.facts["options"]:
            return sentence
        question = translate(_("Did you mean {options}?"), locale)
        return f"{sentence} {question.format(options=', '.join(self.facts['options']))}"
