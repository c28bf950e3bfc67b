"""What a rule that cannot be accepted answers: what is wrong, where, and what would be accepted."""

from __future__ import annotations

from typing import Any, NamedTuple

from crmkit.core.errors import CrmkitError, UnknownFieldError
from crmkit.core.text import Text, gettext as _, translate

__all__ = ["Position", "RuleError", "UnknownRuleFieldError"]


class Position(NamedTuple):
    """A place in a rule's text; lines and columns count from 1."""

    line: int
    column: int


class RuleError(CrmkitError):
    """A rule was refused.

    ``line`` and ``column`` say where (``None`` for a rule built in Python), ``what`` says what is wrong,
    ``accepted`` what would do instead.
    """

    code = "rule"
    template = _("{where}: {what} {accepted}")

    def __init__(self, what: Text, at: Position | None = None, accepted: Text | None = None, **facts: Any) -> None:
        """Keep the templates *what* and *accepted*; *facts* fill both."""
        line, column = at if at is not None else (None, None)
        CrmkitError.__init__(self, what=what, accepted=accepted or Text(""), line=line, column=column, **facts)

    def localized(self, locale: str | None = None) -> str:
        """Return the sentence in *locale*, or in the current one."""
        shown = {k: translate(v, locale) if isinstance(v, Text) else v for k, v in self.facts.items()}
        what, accepted = shown["what"].format_map(shown), shown["accepted"].format_map(shown)
        where = translate(self._where(), locale).format_map(shown)
        return translate(self.template, locale).format(where=where, what=what, accepted=accepted).rstrip()

    def _where(self) -> Text:
        if self.facts["line"] is None:
            return _("Rule")
        return _("Rule, column {column}") if self.facts["line"] == 1 else _("Rule, line {line}, column {column}")


class UnknownRuleFieldError(RuleError, UnknownFieldError):
    """A rule names a field that does not exist for this principal: none, or hidden. The words are the same."""

    code = "rule-unknown-field"
    template = _("{where}: {what}")

    def __init__(self, unknown: UnknownFieldError, at: Position | None) -> None:
        """Say what *unknown* says, and where."""
        super().__init__(UnknownFieldError.template, at, **unknown.facts)
