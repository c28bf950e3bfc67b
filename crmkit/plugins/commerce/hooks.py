"""What the plugin adds to crmkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit import DemoPart, Problem, Role, Verb, Write, WriteContext, hookimpl

from . import demo, entities, roles, services, verbs


@hookimpl
def crmkit_register_entities() -> Sequence[type[Any]]:
    """Declare products and prices."""
    return [entities.Product, entities.Price]


@hookimpl
def crmkit_register_roles() -> Sequence[Role]:
    """Ship the roles."""
    return roles.ROLES


@hookimpl
def crmkit_register_verbs() -> Sequence[Verb]:
    """Offer prices by name."""
    return verbs.VERBS


@hookimpl
def crmkit_check_write(context: WriteContext, writes: Sequence[Write]) -> Sequence[Problem]:
    """Refuse prices that no one could mean."""
    return services.check_prices(context, writes)


@hookimpl
def crmkit_register_demo() -> DemoPart:
    """Take part in the demo company."""
    return demo.PART
