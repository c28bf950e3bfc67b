"""A throw-away plugin for tests of encrypted fields: bank accounts."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any

from crmkit import (
    Choice,
    Decimals,
    Grant,
    Json,
    LongText,
    Mask,
    MultiChoice,
    Owned,
    Record,
    Role,
    entity,
    extension,
    field,
    translator,
)
from crmkit.testing import plugin

_ = translator("tests")
#: Master keys by name, for tests of the setting.
KEYS = {name: f"{name}:{byte * 43}=" for name, byte in (("old", "A"), ("new", "E"))}
EVERYTHING = ("read", "create", "update", "delete", "transfer", "share", "export")


@entity("vault.account", label=_("Account"), unique=[("bank", "iban")])
class Account(Owned):
    bank: str = field(default="Bank")
    iban: str = field(encrypted=True, blind_index=True, personal=True, purpose="payment")
    note: str | None = field(LongText(), encrypted=True, default=None)
    limit: Decimal | None = field(Decimals(scale=2), encrypted=True, blind_index=True, default=None)
    rank: int | None = field(encrypted=True, blind_index=True, default=None)
    is_blocked: bool | None = field(encrypted=True, default=None)
    opened_on: date | None = field(encrypted=True, blind_index=True, default=None)
    checked_at: datetime | None = field(encrypted=True, blind_index=True, default=None)
    kind: str | None = field(Choice(["giro", "savings"]), encrypted=True, blind_index=True, default=None)
    flags: tuple[str, ...] | None = field(MultiChoice(["a", "b"]), encrypted=True, default=None)
    extra: Any | None = field(Json(), encrypted=True, default=None)


@entity("vault.holder", label=_("Holder"))
class Holder(Record):
    name: str = field()


@extension(of="vault.holder")
class Secret:
    word: str | None = field(encrypted=True, blind_index=True, default=None)


ROLES = [
    Role("vault.keeper", _("Keeper"), [Grant(e, EVERYTHING, "all") for e in ("vault.account", "vault.holder")]),
    Role("vault.clerk", _("Clerk"), [Grant("vault.account", EVERYTHING, "all")], [Mask("vault.account", ["iban"])]),
]


def vault(*more: object, **options: object) -> ModuleType:
    """Return the plugin; *more* are further entities or extensions."""
    given = {"entities": [Account, Holder, Secret, *more], "roles": ROLES}
    return plugin("vault", **(given | options))
