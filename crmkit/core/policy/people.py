"""Users, teams, roles and what grants them access: entities behind the same wall as all others."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from crmkit.core.entity import Record, any_ref, entity, field, ref
from crmkit.core.fields import Choice, Decimals, Locale, LongText, PlainEmail, Target, Text, TimeZone
from crmkit.core.policy.roles import EVERY_ENTITY, OPERATIONS, SCOPES, VERBS, Grant, Role
from crmkit.core.text import gettext as _

__all__ = [
    "ACCESS_ENTITIES",
    "CORE_ROLES",
    "PEOPLE",
    "Assignment",
    "ExchangeRate",
    "GrantRecord",
    "MaskRecord",
    "Membership",
    "RoleRecord",
    "Share",
    "Team",
    "User",
]


@entity("core.team", label=_("Team"))
class Team(Record):
    """A group of people; teams form a tree."""

    name: str = field(Text(max=200), unique=True, search=True, label=_("Name"))
    parent_id: UUID | None = ref("core.team", default=None, label=_("Parent team"))


@entity("core.user", label=_("User"), person=True)
class User(Record):
    """Somebody who signs in. New records belong to the user's home team.

    A service account (*kind*) is a program's: it acts with tokens, and nobody signs in to it.
    """

    name: str = field(Text(max=200), search=True, indexed=True, personal=True, purpose="account", label=_("Name"))
    email: str | None = field(
        PlainEmail(), default=None, unique=True, personal=True, purpose="account", label=_("E-mail")
    )
    team_id: UUID | None = ref("core.team", default=None, label=_("Home team"))
    kind: str = field(Choice(["person", "service"]), default="person", label=_("Kind"))
    is_active: bool = field(default=True, label=_("Active"))
    time_zone: str = field(TimeZone(), default="UTC", label=_("Time zone"))
    locale: str = field(Locale(), default="en", label=_("Language"))


@entity("core.membership", label=_("Team membership"), unique=[("user_id", "team_id")])
class Membership(Record):
    """Puts a user into a further team beside the home team."""

    user_id: UUID = ref("core.user", on_delete="cascade", on_leave="end", label=_("User"))
    team_id: UUID = ref("core.team", on_delete="cascade", label=_("Team"))


@entity("core.role", label=_("Role"))
class RoleRecord(Record):
    """A role made at run time; roles that plugins ship are declared in code."""

    name: str = field(Text(max=80), unique=True, label=_("Name"))
    label: str = field(Text(max=200), label=_("Label"))


@entity("core.grant", label=_("Grant"))
class GrantRecord(Record):
    """One grant of a role made at run time: *verbs* separated by spaces; *scope* own, team, subtree, all or rule."""

    role_id: UUID = ref("core.role", on_delete="cascade", label=_("Role"))
    entity: str = field(Text(max=80), label=_("Entity"))
    verbs: str = field(Text(max=200), label=_("Verbs"))
    scope: str = field(Choice([*SCOPES, "rule"]), default="own", label=_("Scope"))
    rule: str | None = field(LongText(max=10_000), default=None, label=_("Rule"))


@entity("core.mask", label=_("Mask"))
class MaskRecord(Record):
    """Hides one field of an entity from a role made at run time, or makes it read-only."""

    role_id: UUID = ref("core.role", on_delete="cascade", label=_("Role"))
    entity: str = field(Text(max=80), label=_("Entity"))
    field_name: str = field(Text(max=120), label=_("Field"))
    access: str = field(Choice(["hidden", "read_only"]), default="hidden", label=_("Access"))


@entity("core.assignment", label=_("Role assignment"), unique=[("user_id", "role")])
class Assignment(Record):
    """Gives a role to a user; *role* is the id of a shipped role or the name of one made at run time."""

    user_id: UUID = ref("core.user", on_delete="cascade", on_leave="end", label=_("User"))
    role: str = field(Text(max=80), indexed=True, label=_("Role"))


@entity("core.share", label=_("Share"), unique=[("record", "user_id", "team_id")])
class Share(Record):
    """Shows one record to a user or a team; level ``write`` also lets them change it. It counts until it ends."""

    record: Target = any_ref(label=_("Record"))
    user_id: UUID | None = ref("core.user", default=None, on_delete="cascade", on_leave="end", label=_("User"))
    team_id: UUID | None = ref("core.team", default=None, on_delete="cascade", label=_("Team"))
    level: str = field(Choice(["read", "write"]), default="read", label=_("Level"))
    ends_at: datetime | None = field(default=None, label=_("Ends at"))


@entity("core.exchange_rate", label=_("Exchange rate"), unique=[("currency", "valid_from")])
class ExchangeRate(Record):
    """What one unit of *currency* is worth in the company's currency, from a day on."""

    currency: str = field(Text(max=3), label=_("Currency"))
    valid_from: date = field(label=_("Valid from"))
    rate: Decimal = field(Decimals(scale=9, min=Decimal("0.000000001")), label=_("Rate"))


CORE_ROLES = (
    Role("core.administrator", _("Administrator"), [Grant(EVERY_ENTITY, VERBS, "all")]),
    Role(
        "core.member",
        _("Member"),
        [
            *(Grant(entity, ["read"], "all") for entity in ("core.user", "core.team", "core.exchange_rate")),
            Grant("core.token", ["read", "create", "update"], "user_id == me()"),
            Grant("core.session", ["read", "update"], "user_id == me()"),
            Grant("core.passkey", ["read", "create", "delete"], "user_id == me()"),
            Grant("core.identity", ["read", "delete"], "user_id == me()"),
        ],
    ),
    Role("core.monitor", _("Monitoring"), [Grant(OPERATIONS, ["read"], "all")]),
)

PEOPLE = (Team, User, Membership, RoleRecord, GrantRecord, MaskRecord, Assignment, Share, ExchangeRate)

# A write to one of these changes what somebody may do, so it ends the life of every cached access.
ACCESS_ENTITIES = frozenset(
    {
        "core.team",
        "core.user",
        "core.membership",
        "core.role",
        "core.grant",
        "core.mask",
        "core.assignment",
        "core.share",
        "core.local_edit",
        "core.token",
    }
)
