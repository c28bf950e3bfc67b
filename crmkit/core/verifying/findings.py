"""What a look at a database finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmkit.core.text import Text, translate

__all__ = ["Finding"]


@attrs.frozen
class Finding:
    """One thing that is wrong: which *check* found it, in which *row* of which *table*, and what mends it."""

    check: str
    table: str
    row: str
    message: Text
    mend: Text
    facts: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def sentence(self) -> str:
        """What is wrong."""
        return translate(self.message).format_map(self.facts)

    @property
    def advice(self) -> str:
        """What mends it."""
        return translate(self.mend).format_map({**self.facts, "row": self.row, "table": self.table})
