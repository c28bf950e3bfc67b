"""Declaring who may do what: roles, their grants and masks, and restrictions that no grant overrides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import attrs

from crmkit.core.errors import DeclarationError
from crmkit.core.rules.rule import Rule
from crmkit.core.text import Text, gettext as _

__all__ = ["EVERY_ENTITY", "OPERATIONS", "SCOPES", "SUBJECTS", "VERBS", "Grant", "Mask", "Restriction", "Role", "Scope"]

VERBS = ("read", "create", "update", "delete", "move", "transfer", "share", "export", "see_duplicates", "erase")
SCOPES = ("own", "team", "subtree", "all")
EVERY_ENTITY = "*"
#: How the work of the whole company goes.
OPERATIONS = "core.operations"
#: What grants may name beside entities: crmkit's own books, of which there is no record.
SUBJECTS = frozenset({"core.job", OPERATIONS})
Scope = Literal["own", "team", "subtree", "all"] | Rule
_ROLE_ID = re.compile(r"[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,40}\Z")


def _verbs(given: Iterable[str]) -> frozenset[str]:
    verbs = frozenset([given] if isinstance(given, str) else given)
    if unknown := sorted(verbs - set(VERBS)):
        raise DeclarationError(", ".join(unknown), _("no verb; the verbs are {verbs}"), verbs=", ".join(VERBS))
    return verbs


def _names(given: Iterable[str]) -> frozenset[str]:
    return frozenset([given] if isinstance(given, str) else given)


def _scope(given: Scope | str) -> Scope:
    if isinstance(given, Rule) or given in SCOPES:
        return given  # type: ignore[return-value]
    return Rule.parse(given)


@attrs.frozen
class Grant:
    """Allows *verbs* on the records of *entity* that lie in *scope*.

    The scope is ``own``, ``team``, ``subtree``, ``all``, or a Rule (text is parsed as one). A Rule here is evaluated
    with trusted access: it may look at what the principal may not.
    """

    entity: str
    verbs: frozenset[str] = attrs.field(converter=_verbs)
    scope: Scope = attrs.field(converter=_scope, default="own")


@attrs.frozen
class Mask:
    """Hides *fields* of *entity* from the role, or makes them read-only for it."""

    entity: str
    fields: frozenset[str] = attrs.field(converter=_names)
    access: Literal["hidden", "read_only"] = "hidden"


def _grants(given: Iterable[Grant]) -> tuple[Grant, ...]:
    return tuple(given)


def _masks(given: Iterable[Mask]) -> tuple[Mask, ...]:
    return tuple(given)


def _rule(given: Rule | str) -> Rule:
    return given if isinstance(given, Rule) else Rule.parse(given)


@attrs.frozen
class Role:
    """A named set of grants and masks; *id* is ``<plugin>.<role>``."""

    id: str
    label: Text
    grants: tuple[Grant, ...] = attrs.field(converter=_grants, default=())
    masks: tuple[Mask, ...] = attrs.field(converter=_masks, default=())

    def __attrs_post_init__(self) -> None:
        if not _ROLE_ID.match(self.id):
            raise DeclarationError(self.id, _("a role's id is <plugin>.<role> in lower case"))


@attrs.frozen
class Restriction:
    """Allows *verbs* on *entity* only where *rule* holds, whatever a grant or a share says.

    It binds everyone but the system and the holders of a role in *unless*.
    """

    id: str
    entity: str
    rule: Rule = attrs.field(converter=_rule)
    verbs: frozenset[str] = attrs.field(converter=_verbs, default=VERBS)
    unless: frozenset[str] = attrs.field(converter=_names, default=())
