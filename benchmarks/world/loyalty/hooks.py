"""What the plugin adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit import hookimpl

from . import entities


@hookimpl
def crmkit_register_entities() -> Sequence[type[Any]]:
    """Declare the extension."""
    return [entities.Loyalty]
