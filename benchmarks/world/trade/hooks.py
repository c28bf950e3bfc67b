"""What the plugin adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit import Pipeline, Role, hookimpl

from . import entities, pipelines, roles


@hookimpl
def crmkit_register_entities() -> Sequence[type[Any]]:
    """Declare companies and deals."""
    return [entities.Company, entities.Deal]


@hookimpl
def crmkit_register_roles() -> Sequence[Role]:
    """Ship the roles."""
    return roles.ROLES


@hookimpl
def crmkit_register_pipelines() -> Sequence[Pipeline]:
    """Ship the pipeline."""
    return pipelines.PIPELINES
