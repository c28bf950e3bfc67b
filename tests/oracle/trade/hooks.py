"""What the plugin registers."""

from __future__ import annotations

from crmkit import hookimpl
from tests.oracle.trade import entities, events, matchers, pipelines, roles, sections, verbs


@hookimpl
def crmkit_register_entities():
    return [entities.Firm, entities.Deal, entities.Line, entities.Partner, entities.Note]


@hookimpl
def crmkit_register_roles():
    return [roles.CLERK, roles.AUDITOR, *roles.RESTRICTIONS]


@hookimpl
def crmkit_register_pipelines():
    return [pipelines.FLOW, pipelines.HAS_LINES]


@hookimpl
def crmkit_register_events():
    return events.EVENTS


@hookimpl
def crmkit_register_sections():
    return [*sections.SECTIONS, *sections.PARTS]


@hookimpl
def crmkit_register_matchers():
    return [matchers.FIRMS]


@hookimpl
def crmkit_register_verbs():
    return verbs.VERBS
