"""What the plugin registers."""

from __future__ import annotations

from crmkit import hookimpl
from tests.oracle.extra.entities import DealExtra


@hookimpl
def crmkit_register_entities():
    return [DealExtra]
