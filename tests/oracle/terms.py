"""The words of the model: entities, fields, roles, restrictions and writes as plain data. Nothing of crmkit is here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

SYSTEM = None
ME, MY_TEAM = ("me",), ("my_team",)
ANY = "*"


class Denied(Exception):
    """The answer is no; *code* is the slug of the error that crmkit gives, *instead* one that it may give as well."""

    def __init__(self, code: str, instead: str | None = None) -> None:
        super().__init__(code)
        self.code, self.instead = code, instead


class Cash(NamedTuple):
    """Money: minor units, currency, and minor units of the company's currency."""

    minor: int
    currency: str
    base: int


@dataclass(frozen=True)
class Field:
    """*to* is the entity referred to, or ``*``; *system* fields are set by crmkit alone."""

    to: str | None = None
    follows: bool = False
    on_delete: str = "restrict"
    default: Any = None
    required: bool = False
    system: bool = False


@dataclass(frozen=True)
class Move:
    """What a move demands: conditions, and one of some roles."""

    guards: tuple[Any, ...] = ()
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Entity:
    """*links* maps a relation to (link entity, near field, far field), *stages* a stage to its required fields.

    *unique* are groups of fields whose values together occur once.
    """

    fields: dict[str, Field]
    owned: bool = False
    computed: dict[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], Any]]] = field(default_factory=dict)
    links: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    stages: dict[str, tuple[str, ...]] = field(default_factory=dict)
    moves: dict[tuple[str, str], Move] = field(default_factory=dict)
    unique: tuple[tuple[str, ...], ...] = ()

    @property
    def hangs(self) -> bool:
        """Whether records are visible only with the record of any entity that they point at."""
        return any(f.to == ANY for f in self.fields.values())


@dataclass(frozen=True)
class Grant:
    """*scope* is own, team, subtree, all, or a condition."""

    entity: str
    verbs: frozenset[str]
    scope: Any

    def gives(self, entity: str, *verbs: str) -> bool:
        """Return whether it allows one of *verbs* somewhere on *entity*."""
        return self.entity in (entity, ANY) and not self.verbs.isdisjoint(verbs)


@dataclass(frozen=True)
class Role:
    """*masks* are (entity, field, hidden or read_only)."""

    grants: tuple[Grant, ...] = ()
    masks: frozenset[tuple[str, str, str]] = frozenset()


@dataclass(frozen=True)
class Restriction:
    """Binds everyone but the system and those with a role in *unless*."""

    entity: str
    condition: Any
    verbs: frozenset[str]
    unless: frozenset[str] = frozenset()


@dataclass
class Write:
    """What is asked for; *row* is what the record will be, filled in while planning."""

    kind: str
    entity: str
    id: Any
    values: dict[str, Any] = field(default_factory=dict)
    version: int | None = None
    row: dict[str, Any] = field(default_factory=dict)
