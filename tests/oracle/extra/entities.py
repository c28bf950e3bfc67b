"""What this plugin adds to deals: a value with a default, one without, and a reference."""

from __future__ import annotations

from uuid import UUID

from crmkit import Choice, extension, field, ref


@extension(of="trade.deal")
class DealExtra:
    """Points, a grade and a sponsor."""

    points: int = field(default=0, indexed=True)
    grade: str | None = field(Choice(["a", "b"]), default=None)
    hint: str | None = field(default=None, indexed=True, search=True)
    sponsor_id: UUID | None = ref("trade.firm", default=None, on_delete="clear")
