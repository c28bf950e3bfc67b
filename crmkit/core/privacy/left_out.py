"""Plugins that are only left out for now: their tables are in place, and nobody would come back to erase in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmkit.core.errors import CrmkitError
from crmkit.core.registry import CORE
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["PluginsLeftOutError", "refuse_left_out"]

_APPLIED = sa.table("core_revision", sa.column("plugin"))


class PluginsLeftOutError(CrmkitError):
    """Plugins are left out for now, so that an erasure would neither reach what they have nor be made up for."""

    code = "plugins-left-out"
    template = _(
        "Plugins are left out for now, and what they have of the person would stay: {plugins}. "
        "Erase with them, or take them out for good: crmkit plugin remove"
    )

    def __init__(self, plugins: list[str]) -> None:
        """Name the *plugins*."""
        super().__init__(plugins=", ".join(plugins))


def refuse_left_out(reader: Reader) -> None:
    """Refuse where the database knows plugins that are neither here nor parked.

    Raises:
        PluginsLeftOutError: there are some.
    """
    parked = reader.model.schema.system.parked
    known = sa.select(_APPLIED.c.plugin).distinct()
    away = known.where(~sa.exists().where(parked.c.plugin == _APPLIED.c.plugin))
    if left_out := sorted(set(reader.connection.scalars(away)) - {CORE, *reader.model.hooks.versions}):
        raise PluginsLeftOutError(left_out)
