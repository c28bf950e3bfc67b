"""What the plugin adds to crmkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit import DemoPart, Matcher, Problem, Role, Section, TimelinePart, Verb, Write, WriteContext, hookimpl

from . import demo, entities, matching, roles, sections, services, verbs


@hookimpl
def crmkit_register_entities() -> Sequence[type[Any]]:
    """Declare companies, contacts, interactions, and what people decided about likely duplicates."""
    return entities.ENTITIES


@hookimpl
def crmkit_register_roles() -> Sequence[Role]:
    """Ship the roles."""
    return roles.ROLES


@hookimpl
def crmkit_register_sections() -> Sequence[Section | TimelinePart]:
    """Show the people, subsidiaries and conversations of a customer."""
    return sections.SECTIONS


@hookimpl
def crmkit_register_verbs() -> Sequence[Verb]:
    """Offer by name to ask who may be contacted."""
    return verbs.VERBS


@hookimpl
def crmkit_register_matchers() -> Sequence[Matcher]:
    """Recognise companies and people who are known already."""
    return matching.MATCHERS


@hookimpl
def crmkit_check_write(context: WriteContext, writes: Sequence[Write]) -> Sequence[Problem]:
    """Refuse circles of parents, what has not taken place yet, pairs that are none, and changes of consents."""
    checks = (services.check_parents, services.check_interactions, services.check_pairs, services.check_consents)
    return [problem for check in checks for problem in check(context, writes)]


@hookimpl
def crmkit_register_demo() -> DemoPart:
    """Take part in the demo company."""
    return demo.PART
