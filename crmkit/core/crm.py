"""One CRM: its plugins, its registry, its database, and the doors to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import date
from decimal import Decimal
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.clock import Clock, SystemClock
from crmkit.core.configuration.config import Config
from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import NotFoundError
from crmkit.core.hooks import Hooks
from crmkit.core.ledger import Ledger
from crmkit.core.plugins import LoadedPlugin, as_loaded, find_plugins, load_order
from crmkit.core.policy.access import Access
from crmkit.core.policy.access_cache import AccessCache
from crmkit.core.policy.people import CORE_ROLES, PEOPLE
from crmkit.core.policy.principal import Principal, stated
from crmkit.core.policy.shapes import Shapes
from crmkit.core.reading.ordering import Order, order_decoder
from crmkit.core.reading.reader import Reader
from crmkit.core.registry import CORE, Claim, Registry
from crmkit.core.rules.moment import Moment
from crmkit.core.storage.engines import Storage
from crmkit.core.storage.loading import Loader, make_loader
from crmkit.core.storage.numbers import Numbers
from crmkit.core.storage.prepared import Insert
from crmkit.core.storage.schema import Schema
from crmkit.core.storage.statements import StatementCache
from crmkit.core.text import is_storable
from crmkit.core.writing.store import Store
from crmkit.core.writing.values import record_from_values
from crmkit.core.writing.visits import Visits
from crmkit.core.writing.writer import Writer

if TYPE_CHECKING:
    from crmkit.core.explaining.explanation import Explanation

__all__ = ["CRM"]

_REGISTER = ("crmkit_register_entities", "crmkit_register_roles", "crmkit_register_pipelines")


class CRM:
    """A company's CRM. Making one loads its plugins and connects to nothing; several live side by side.

    Raises:
        PluginError: the plugins do not fit together; every reason is given, before anything runs.
    """

    def __init__(
        self,
        config: Config,
        *,
        plugins: Sequence[LoadedPlugin | ModuleType] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Load *plugins*, or those that *config* enables by name, and build the registry and the tables."""
        self.config, self.clock = config, clock or SystemClock()
        found = find_plugins(config.plugins) if plugins is None else [_loaded(plugin) for plugin in plugins]
        self.plugins: tuple[LoadedPlugin, ...] = tuple(load_order(found))
        self.hooks = Hooks(self.plugins)
        self.registry = build_registry(self.plugins, self.hooks, config.company.currency)
        self.schema = Schema.build(self.registry)
        self.storage = Storage(config.database.url, pool_size=config.database.pool_size)
        self.statements = StatementCache()
        self._shapes = Shapes()
        self.loaders = StatementCache()
        self._zone = ZoneInfo(config.company.time_zone)

    def sibling(self, url: str, *, clock: Clock | None = None) -> CRM:
        """Return a CRM of the same plugins on another database of the same kind.

        What depends on no data (tables, statements, loaders) is built once for both, so that this takes a millisecond.
        """
        made = copy(self)
        database = attrs.evolve(self.config.database, url=url)
        made.config, made.clock = attrs.evolve(self.config, database=database), clock or self.clock
        made.storage = Storage(url, pool_size=database.pool_size)
        # Accesses are resolved from data.
        made.__dict__.pop("_accesses", None)
        return made

    # The doors.

    def principal(self, reference: str | UUID) -> Principal:
        """Return the principal of the user with this id, e-mail address or name.

        Raises:
            NotFoundError: there is no such active user, or several have the name.
        """
        user = self.schema.tables["core_user"]
        wanted = user.c.id == reference if isinstance(reference, UUID) else _names(user, reference)
        active = sa.and_(user.c.deleted_at.is_(None), user.c.is_active.is_(True))
        with self.storage.reading() as connection:
            rows = connection.execute(sa.select(user.c.id, user.c.name).where(wanted, active).limit(2)).all()
        if len(rows) != 1:
            raise NotFoundError("core.user", reference)
        return Principal(rows[0].id, rows[0].name)

    @contextmanager
    def read(self, principal: Principal) -> Iterator[Reader]:
        """Give a reader for *principal*: one snapshot on SQLite, autocommit on PostgreSQL.

        Raises:
            InactiveUserError: the user is gone or inactive.
        """
        with self.storage.reading() as connection:
            yield Reader(self, connection, self._accesses.resolve(connection, principal))

    @contextmanager
    def write(self, principal: Principal, *, cause: str = "", request_id: str | None = None) -> Iterator[Writer]:
        """Give a writer for *principal*; it commits when the block ends and rolls back on any error.

        *cause* says in the ledger what made the write happen, such as ``cli:import``.

        Raises:
            InactiveUserError: the user is gone or inactive.
        """
        with self.storage.writing() as connection:
            access = self._accesses.resolve(connection, principal)
            writer = Writer(self, connection, access, cause or principal.name, request_id)
            yield writer
            writer.finish()

    @contextmanager
    def system(self, reason: str) -> Iterator[Writer]:
        """Give a writer without limits, the explicit way around the wall.

        *reason* is kept in the ledger beside every record that it writes; of what it only reads, nothing is kept.

        Raises:
            ReasonError: the reason is empty, or too long.
        """
        with self.write(Principal(None, "system", stated(reason)), cause=f"system: {reason}") as writer:
            yield writer

    def explain(
        self, principal: Principal, verb: str, subject: Record | type[Record] | str, *, asker: Principal
    ) -> Explanation:
        """Return whether *principal* may *verb* a record, or records of an entity, with everything that decided it.

        The *asker* learns nothing that they may not read; see :mod:`crmkit.core.explaining.explain`.

        Raises:
            NotFoundError: the asker does not see the record, or the user.
            ForbiddenError: the asker may not know what others may do.
        """
        from crmkit.core.explaining.explain import Asker, explain

        with self.storage.reading() as connection:
            reader = Reader(self, connection, self._accesses.resolve(connection, asker))
            return explain(Asker(self, self._accesses, connection, reader), principal, verb, subject)

    def close(self) -> None:
        """Close the connections to the database."""
        self.storage.dispose()

    # What readers and writers share.

    @cached_property
    def _accesses(self) -> AccessCache:
        return AccessCache(self.registry, self.schema, self.storage.dialect, self.config.company)

    @cached_property
    def system_access(self) -> Access:
        """The access without limits."""
        return Access(self.registry, 0, None, "system")

    @cached_property
    def store(self) -> Store:
        """The statements that write."""
        return Store(self.registry, self.schema, self.storage.dialect)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        return Ledger(self.schema, self.storage.dialect)

    @cached_property
    def numbers(self) -> Numbers:
        """The counters of human numbers."""
        return Numbers(self.schema, self.storage.dialect)

    @cached_property
    def external_names(self) -> Insert:
        """What keeps external ids."""
        return Insert(self.schema.system.external_id, self.storage.dialect)

    @cached_property
    def visits(self) -> Visits:
        """What keeps visits to stages."""
        return Visits(self.schema, self.storage.dialect)

    def moment(self, access: Access) -> Moment:
        """Return what ``now()``, ``today()``, ``me()`` and ``my_team()`` mean to *access*."""
        zone = self._zone if access.is_system else ZoneInfo(access.time_zone)
        return Moment.at(self.clock.now(), zone, access.user_id, access.home_team)

    def shape_of(self, access: Access) -> int:
        """Return a number that two accesses share exactly if their statements differ only in parameters."""
        known = access.shape_number
        if known is None:
            known = access.shape_number = self._shapes.number(access.shape)
        return known

    def loader(self, info: EntityInfo, access: Access) -> Loader:
        """Return what selects and loads the records of *info* for *access*."""
        host = self.registry.entities[info.host] if info.host else info
        readable = access.entity(host).readable
        return self.loaders.get((info.table, readable), lambda: make_loader(info, readable, self.storage.dialect.name))

    def defaults(self, info: EntityInfo, access: Access) -> Any:
        """Return the extension *info* as it is where nothing was ever written."""
        readable = access.entity(self.registry.entities[str(info.host)]).readable
        names = (*info.fields, *info.computed)
        mine = frozenset(name for name in names if f"{info.extends_as}.{name}" in readable)
        return record_from_values(info, mine, {name: field.default() for name, field in info.fields.items()})

    def order_decoder(self, order: Order) -> Any:
        """Return what decodes the cursor's values of *order*."""
        return order_decoder(order, self.storage.dialect.name)

    def rates_of(self, connection: Connection, currency: str) -> list[tuple[date, Decimal]]:
        """Return the dated exchange rates of *currency*, oldest first."""
        rate = self.schema.tables["core_exchange_rate"]
        statement = sa.select(rate.c.valid_from, rate.c.rate).where(
            rate.c.currency == currency, rate.c.deleted_at.is_(None)
        )
        return [(day, value) for day, value in connection.execute(statement.order_by(rate.c.valid_from))]

    def raise_epoch(self, connection: Connection) -> None:
        """End the life of every cached access, in this process and in all others."""
        epoch = self.schema.system.epoch
        connection.execute(sa.update(epoch).values(value=epoch.c.value + 1))


def build_registry(plugins: Sequence[LoadedPlugin], hooks: Hooks, currency: str) -> Registry:
    """Return the registry of what core and *plugins* declare.

    Raises:
        PluginError: declarations conflict or refer to what is not there.
    """
    claims = [Claim(CORE, declared) for declared in (*PEOPLE, *CORE_ROLES)]
    for hook in _REGISTER:
        claims += [Claim(plugin, declared) for plugin, answer in hooks.ask(hook) for declared in answer]
    return Registry.build(claims, {plugin.name: plugin.manifest.requires for plugin in plugins}, currency)


def _loaded(plugin: LoadedPlugin | ModuleType) -> LoadedPlugin:
    return plugin if isinstance(plugin, LoadedPlugin) else as_loaded(plugin)


def _names(user: sa.Table, reference: str) -> sa.ColumnElement[bool]:
    try:
        return user.c.id == UUID(reference)
    except ValueError:
        if not is_storable(reference):
            return sa.false()
        name, at, domain = reference.rpartition("@")
        return sa.or_(user.c.email == f"{name}{at}{domain.lower()}", user.c.name == reference)
