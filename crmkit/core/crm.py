"""One CRM: its plugins, its registry, its database, and the doors to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from functools import cached_property
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.automating.defining import AUTOMATIONS
from crmkit.core.clock import Clock, SystemClock
from crmkit.core.configuration.config import Config
from crmkit.core.content.store import ContentStore
from crmkit.core.custom_entities.defining import CUSTOM_ENTITIES
from crmkit.core.custom_fields.defining import CUSTOM_FIELDS
from crmkit.core.definitions import Definitions
from crmkit.core.doors_tried import keep_tried
from crmkit.core.encryption.kept import open_keys, read_keys
from crmkit.core.encryption.masters import MasterKeys
from crmkit.core.entity import Record
from crmkit.core.errors import NotFoundError
from crmkit.core.hooks import Hooks
from crmkit.core.migrating.applied import check_agreement
from crmkit.core.model import Model, build_registry
from crmkit.core.network.guard import NetworkGuard
from crmkit.core.observing import NOBODY
from crmkit.core.plugins import LoadedPlugin, as_loaded, find_plugins, load_order
from crmkit.core.policy.access import Access
from crmkit.core.policy.access_cache import InactiveUserError
from crmkit.core.policy.principal import Principal, stated
from crmkit.core.publishing.reading import PIPELINES
from crmkit.core.reading.known_events import Audience, Broadcast, KnownEvent
from crmkit.core.reading.limits import check_limit
from crmkit.core.reading.reader import Reader
from crmkit.core.reading.written import read_written
from crmkit.core.registry import Registry
from crmkit.core.side_doors import Attempt, begin_watching, end_watching, own_step
from crmkit.core.storage.engines import Storage
from crmkit.core.storage.epochs import Epoch
from crmkit.core.storage.held import Held
from crmkit.core.storage.schema import Schema
from crmkit.core.text import is_storable
from crmkit.core.writing.dry_run import DryRun
from crmkit.core.writing.writer import Writer

if TYPE_CHECKING:
    from crmkit.core.automating.trying import Tried
    from crmkit.core.explaining.explanation import Explanation
    from crmkit.core.jobs.carrying import Carrier
    from crmkit.core.policy.roles import Restriction
    from crmkit.core.simulating.simulation import Simulation

__all__ = ["CRM"]


class CRM:
    """A company's CRM. Making one loads its plugins and connects to nothing; several live side by side.

    Raises:
        PluginError: the plugins do not fit together; every reason is given, before anything runs.
    """

    # The kinds of what may be defined at run time, in the order in which they are read: a later one may refer to what
    # an earlier one defines.
    definitions: ClassVar[Sequence[Definitions]] = (CUSTOM_ENTITIES, CUSTOM_FIELDS, PIPELINES, AUTOMATIONS)

    def __init__(
        self,
        config: Config,
        *,
        plugins: Sequence[LoadedPlugin | ModuleType] | None = None,
        clock: Clock | None = None,
        without: Collection[str] = (),
        carrier: Carrier | None = None,
    ) -> None:
        """Load *plugins*, or those that *config* enables by name, and build the registry and the tables.

        *without* names plugins that the database may know and that this CRM does without; ``*`` stands for all. The
        *carrier* tells workers elsewhere of jobs as soon as they are committed.
        """
        self.config, self.clock, self.without = config, clock or SystemClock(), frozenset(without)
        self.carrier = carrier
        #: Is told of transactions and of work, for metrics and traces.
        self.observer = NOBODY
        if plugins is None:
            plugins = find_plugins(config.plugins, config.trust.plugins)
        self.plugins: tuple[LoadedPlugin, ...] = tuple(load_order([_loaded(plugin) for plugin in plugins]))
        self.hooks = Hooks(self.plugins)
        self.storage = Storage(config.database.url, pool_size=config.database.pool_size)
        self._coded = self._new_model()
        self.model, self._redefining = self._coded, Lock()

    def _new_model(self) -> Model:
        registry = build_registry(self.plugins, self.hooks, self.config.company.currency)
        masters = MasterKeys.parse(self.config.encryption.keys)
        company, definitions = self.config.company, self.definitions
        network = NetworkGuard(self.config.network.allow)
        return Model(registry, self.hooks, self.storage, self.clock, company, definitions, masters, network)

    @property
    def registry(self) -> Registry:
        """What the CRM consists of."""
        return self.model.registry

    @property
    def schema(self) -> Schema:
        """The tables."""
        return self.model.schema

    @property
    def contents(self) -> ContentStore:
        """What is inside files; which of them somebody may read, a reader knows."""
        files = self.config.files
        return ContentStore(files.folder, files.most_megabytes * 1_000_000, endpoint=files.endpoint)

    def sibling(self, url: str, *, clock: Clock | None = None) -> CRM:
        """Return a CRM of the same plugins on another database of the same kind.

        What depends on no data (tables, statements, loaders) is built once for both, so that this takes a millisecond.
        """
        made = copy(self)
        database = attrs.evolve(self.config.database, url=url)
        made.config, made.clock = attrs.evolve(self.config, database=database), clock or self.clock
        made.storage = Storage(url, pool_size=database.pool_size)
        # What is defined at run time is data.
        coded = self._coded
        # What seals and opens values is made of the keys of one database.
        alike = not coded.registry.encrypted
        made._coded = made.model = coded.sibling(made.storage, made.clock) if alike else made._new_model()
        made._redefining = Lock()
        # The other database has to be looked at.
        made.__dict__.pop("_opened", None)
        return made

    @property
    @own_step
    def opened(self) -> Storage:
        """The database, once it is known to be what the plugins need; for crmkit's own steps.

        Raises:
            RevisionsMissingError, PluginParkedError, NotMigratedError: it is not, see :meth:`check_ready`.
            SideDoorError: who asks is not crmkit.
        """
        return self._opened

    # The doors.

    def check_ready(self) -> None:
        """Return if the database is what the plugins need. Every door asks once, in one query.

        Raises:
            RevisionsMissingError: the database was changed by a plugin that is not here, or by a newer version of one.
            PluginParkedError: a plugin is enabled and its tables are parked.
            NotMigratedError: the database lacks revisions.
        """
        check_agreement(self, without=self.without)

    def principal(self, reference: str | UUID) -> Principal:
        """Return the principal of the user with this id, e-mail address or name.

        Raises:
            NotFoundError: there is no such active user, or several have the name.
        """
        user = self.schema.tables["core_user"]
        wanted = user.c.id == reference if isinstance(reference, UUID) else _names(user, reference)
        active = sa.and_(user.c.deleted_at.is_(None), user.c.is_active.is_(True))
        with self._opened.reading() as connection:
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
        opened, watching = self._opened, begin_watching()
        try:
            with self.observer.transaction("read"), opened.reading() as connection:
                held = Held(connection)
                try:
                    yield self._reader(held, principal)
                finally:
                    held.end()
        finally:
            self._keep(end_watching(watching), principal)

    @contextmanager
    def write(
        self, principal: Principal, *, cause: str = "", request_id: str | None = None, depth: int = 0
    ) -> Iterator[Writer]:
        """Give a writer for *principal*; it commits when the block ends and rolls back on any error.

        *cause* says in the ledger what made the write happen, such as ``cli:import``; *depth*, how many steps have
        caused each other before it.

        Raises:
            InactiveUserError: the user is gone or inactive.
        """
        opened, watching = self._opened, begin_watching()
        try:
            with self.observer.transaction("write"), opened.writing() as connection:
                model, access = self._resolved(connection, principal)
                held = Held(connection, writes=True)
                writer = Writer(model, held, access, cause or principal.name, request_id, depth, self.observer.traces)
                with held.whole():
                    yield writer
                    writer.finish()
        finally:
            self._keep(end_watching(watching), principal, cause)
        if self.carrier is not None and writer.enqueued:
            self.carrier.carry(writer.enqueued)

    @contextmanager
    def system(self, reason: str) -> Iterator[Writer]:
        """Give a writer without limits, the explicit way around the wall.

        *reason* is kept in the ledger beside every record that it writes; of what it only reads, nothing is kept.

        Raises:
            ReasonError: the reason is empty, or too long.
        """
        with self.write(Principal(None, "system", stated(reason)), cause=f"system: {reason}") as writer:
            yield writer

    @contextmanager
    def system_on(self, connection: Connection, reason: str) -> Iterator[Writer]:
        """Give a writer without limits in the transaction of *connection*, for crmkit's own steps; it commits nothing.

        The tables must be as the plugins need them.
        """
        model, access = self._resolved(connection, Principal(None, "system", stated(reason)))
        held = Held(connection, writes=True)
        with held.whole():
            writer = Writer(model, held, access, f"system: {reason}", None, traces=self.observer.traces)
            yield writer
            writer.finish()

    def events_for(self, principals: Iterable[Principal], *, after: int | None = None, limit: int = 500) -> Broadcast:
        """Return what :meth:`Reader.events` would tell each of *principals*, for surfaces that many listen to.

        The writes are read once, and what of them may be known once for all for whom the question is the same.
        """
        check_limit(limit)
        told: dict[Principal, list[KnownEvent]] = {}
        with self._opened.reading() as connection:
            held, epoch = Held(connection), self._coded.epochs.now(connection)
            model = self._model_at(connection, epoch)
            written = read_written(Reader(model, held, model.system_access), after, limit)
            audience = Audience(written)
            for principal in principals:
                try:
                    access = model.accesses.resolve(connection, principal, epoch)
                except InactiveUserError:
                    continue
                told[principal] = audience.known_to(Reader(model, held, access))
            held.end()
        return Broadcast(told, written.position)

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

        with self._opened.reading() as connection:
            reader = self._reader(Held(connection), asker)
            return explain(Asker(reader.model, connection, reader), principal, verb, subject)

    def refresh(self, connection: Connection | None = None) -> None:
        """Bring :attr:`registry` up to date with what was defined at run time; every reader and writer does so too.

        With *connection*, with what that sees.
        """
        if connection is not None:
            self._resolved(connection, Principal(None, "system", ""))
            return
        with self.storage.reading() as reading:
            self.refresh(reading)

    def simulate(
        self,
        changes: Callable[[Writer], Any],
        *,
        asker: Principal,
        people: Sequence[UUID] | None = None,
        verbs: Sequence[str] = ("read",),
        restrictions: Sequence[Restriction] = (),
        examples: int = 20,
    ) -> Simulation:
        """Return who would gain or lose what if *changes* were made, as far as the *asker* sees it.

        *changes* is called with a writer of the asker, twice, in a transaction that is never committed; *restrictions*
        would be declared as well, or instead of those with the same ids. Of *people*, or of everybody whom the asker
        sees, the records that they may do *verbs* with are compared. Of each difference *examples* are named.

        Raises:
            ForbiddenError: the asker may not know what others may do; or may not make the changes.
            NotFoundError: the asker does not see one of *people*.
            UnknownVerbError: there is no such verb.
            CrmkitError: whatever making the changes would raise.
        """
        from crmkit.core.simulating.simulate import Trial

        with self._opened.trying() as connection:
            model, access = self._resolved(connection, asker)
            return Trial(model, connection, access, changes, restrictions).run(people, verbs, examples)

    def try_automation(self, name: str, *, asker: Principal, since: datetime, limit: int = 100) -> list[Tried]:
        """Return what the automation *name* would have done on its first *limit* occasions from *since* on.

        Past events come again as if they happened now, in a transaction that is rolled back. Told is what the *asker*
        sees of the records; see :mod:`crmkit.core.automating.trying`.

        Raises:
            NotFoundError: the asker sees no such automation.
            ForbiddenError: they may let none act as the user as whom it acts.
            InactiveUserError: that user is gone or inactive.
        """
        from crmkit.core.automating.trying import Rehearsal

        with self._opened.trying() as connection:
            model, access = self._resolved(connection, asker)
            return Rehearsal(model, connection, access).run(name, since, limit)

    @contextmanager
    def dry_run(self, principal: Principal, *, cause: str = "") -> Iterator[DryRun]:
        """Give what opens writers for *principal* of whose work nothing is kept, to see what comes of it.

        On SQLite nobody waits for its end: it is done to a copy of the database, made at the beginning. On PostgreSQL
        those wait who write the same records.
        """
        watching = begin_watching()
        try:
            with self._opened.dry() as connection:
                model, _access = self._resolved(connection, principal)
                yield DryRun(model, connection, principal, cause or principal.name)
        finally:
            self._keep(end_watching(watching), principal, cause)

    def _reader(self, held: Held, principal: Principal) -> Reader:
        model, access = self._resolved(held.connection, principal)
        return Reader(model, held, access)

    def _keep(self, tried: Sequence[Attempt], principal: Principal, cause: str = "") -> None:
        """Keep what was *tried* in a transaction that is over, whatever has become of it."""
        if tried:
            keep_tried(self.storage, self.schema, self.clock.now(), principal, cause, tried)

    def _resolved(self, connection: Connection, principal: Principal) -> tuple[Model, Access]:
        """Return the model that fits the definitions which *connection* sees, and what *principal* may do in it."""
        epoch = self._coded.epochs.now(connection)
        model = self._model_at(connection, epoch)
        return model, model.accesses.resolve(connection, principal, epoch)

    def _model_at(self, connection: Connection, epoch: Epoch) -> Model:
        model = self.model
        if model.number != epoch.definitions:
            model = self._redefined(connection, epoch.definitions)
        if model.schema.keys.epoch < epoch.keys:
            read_keys(model, connection)
        return model

    def _redefined(self, connection: Connection, number: int) -> Model:
        with self._redefining:
            if self.model.number != number:
                self.model = self._coded.extended(connection, number) if number else self._coded
            return self.model

    def close(self) -> None:
        """Close the connections to the database."""
        self.storage.dispose()

    @cached_property
    def _opened(self) -> Storage:
        """The storage, once its database is known to be what the plugins need."""
        self.check_ready()
        open_keys(self._coded)
        return self.storage


def _loaded(plugin: LoadedPlugin | ModuleType) -> LoadedPlugin:
    return plugin if isinstance(plugin, LoadedPlugin) else as_loaded(plugin)


def _names(user: sa.Table, reference: Any) -> sa.ColumnElement[bool]:
    if not isinstance(reference, str):
        return sa.false()
    try:
        return user.c.id == UUID(reference)
    except ValueError:
        if not is_storable(reference):
            return sa.false()
        name, at, domain = reference.rpartition("@")
        return sa.or_(user.c.email == f"{name}{at}{domain.lower()}", user.c.name == reference)
