"""What ``crmkit doctor`` finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from crmkit.core.text import Text, translate

__all__ = ["Finding", "Status"]

Status = Literal["ok", "warn", "fail"]


@attrs.frozen
class Finding:
    """One line of the report: what was looked at, how it is, and what to do where it is not well."""

    check: str
    status: Status
    message: Text
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    todo: Text | None = None

    @property
    def sentence(self) -> str:
        """What was found."""
        return translate(self.message).format_map(self.facts)

    @property
    def advice(self) -> str | None:
        """What to do about it."""
        return translate(self.todo).format_map(self.facts) if self.todo else None
