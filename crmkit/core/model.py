"""One version of what a CRM consists of: its registry, its tables, and everything that is made from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import date
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.approving.entities import APPROVING
from crmkit.core.automating.automation import Automation
from crmkit.core.automating.entities import AUTOMATING
from crmkit.core.automating.shipping import SHIPPED_AUTOMATIONS
from crmkit.core.automating.work import STRIKE
from crmkit.core.clock import Clock
from crmkit.core.configuration.config import Company
from crmkit.core.content.jobs import CONTENT_WORK
from crmkit.core.custom_entities.entity import CustomEntity
from crmkit.core.custom_fields.entity import CustomField
from crmkit.core.custom_fields.jobs import INDEX_CUSTOM_FIELDS
from crmkit.core.definitions import Definitions
from crmkit.core.encryption.masters import NO_KEYS, MasterKeys
from crmkit.core.encryption.matching import protected_matcher
from crmkit.core.entity import EntityInfo
from crmkit.core.forgetting.work import FORGETTING_WORK
from crmkit.core.hooks import Hooks
from crmkit.core.jobs.store import JobStore
from crmkit.core.ledger import Ledger
from crmkit.core.network.guard import NetworkGuard
from crmkit.core.passing.work import PASSING_WORK
from crmkit.core.pipelines import Pipeline
from crmkit.core.plugins import API_VERSION, LoadedPlugin
from crmkit.core.policy.access import Access
from crmkit.core.policy.access_cache import AccessCache
from crmkit.core.policy.people import CORE_ROLES, PEOPLE
from crmkit.core.policy.shapes import Shapes
from crmkit.core.privacy.entities import RETAINING
from crmkit.core.privacy.jobs import RETENTION_WORK
from crmkit.core.publishing.carrying import CARRY_OVER
from crmkit.core.publishing.entities import PipelineVersion
from crmkit.core.reading.ordering import Order, order_decoder
from crmkit.core.registry import CORE, Claim, Registry
from crmkit.core.rematching import MAKE_MATCH_KEYS
from crmkit.core.rules.moment import Moment
from crmkit.core.searching.documents import Searched, searched_entities
from crmkit.core.searching.rebuilding import MAKE_SEARCH_INDEX
from crmkit.core.shipped.entities import LocalEdit
from crmkit.core.shipped.records import RecordKind, kind_of_records
from crmkit.core.shipped.settling import SETTLING_WORK
from crmkit.core.side_doors import own_step
from crmkit.core.signing_in.entities import SIGNING_IN
from crmkit.core.storage.engines import Storage
from crmkit.core.storage.epochs import Epochs
from crmkit.core.storage.loading import Loader, make_loader
from crmkit.core.storage.numbers import Numbers
from crmkit.core.storage.prepared import Insert
from crmkit.core.storage.schema import Schema
from crmkit.core.storage.statements import StatementCache
from crmkit.core.stored_names import StoredNames
from crmkit.core.writing.search import Documents
from crmkit.core.writing.store import Store
from crmkit.core.writing.values import record_from_values
from crmkit.core.writing.visits import Visits

__all__ = ["Model", "build_registry"]

_REGISTER = (
    "crmkit_register_entities",
    "crmkit_register_roles",
    "crmkit_register_pipelines",
    "crmkit_register_sections",
    "crmkit_register_matchers",
    "crmkit_register_events",
    "crmkit_register_subscribers",
    "crmkit_register_jobs",
    "crmkit_register_schedules",
    "crmkit_register_actions",
    "crmkit_register_automations",
    "crmkit_register_shipped_kinds",
    "crmkit_register_shipped",
    "crmkit_register_stored_names",
    "crmkit_register_inbound_hooks",
    "crmkit_register_verbs",
)


# Where the core itself keeps names of fields, as plugins say of their records.
_STORED_NAMES = (
    StoredNames("core.mask", "entity", names=["field_name"]),
    StoredNames("core.grant", "entity", rules=["rule"]),
    StoredNames("core.retention_rule", "entity", rules=["where"]),
)


class Model:
    """What readers and writers share. A reader holds one for life, so that nothing changes under its feet.

    *number* tells which definitions made at run time it has; 0 is a model of what is declared in code alone.
    """

    number = 0

    def __init__(
        self,
        registry: Registry,
        hooks: Hooks,
        storage: Storage,
        clock: Clock,
        company: Company,
        definitions: Sequence[Definitions] = (),
        masters: MasterKeys = NO_KEYS,
        network: NetworkGuard | None = None,
    ) -> None:
        """Build the tables of *registry*; what else is needed is made when it is first asked for.

        *definitions* are the kinds of what may be defined at run time, *masters* the keys for encrypted fields. The
        *network* guard lets requests go to the internet alone unless another one is given.
        """
        #: What is declared in code alone, of which models with definitions are made.
        self.base = self
        self.schema = Schema.build(registry, masters)
        registry = _protected(registry, self.schema)
        self.registry, self.hooks, self._storage, self.clock = registry, hooks, storage, clock
        self.definitions, self._coded = definitions, registry
        self.defining = frozenset[str]().union(*(kind.entities for kind in definitions))
        self.statements = StatementCache()
        self.loaders = StatementCache()
        self._shapes = Shapes()
        self._company, self._zone = company, ZoneInfo(company.time_zone)
        #: Where requests may go.
        self.network = network or NetworkGuard()

    def sibling(self, storage: Storage, clock: Clock) -> Model:
        """Return the same model on another database of the same kind: what depends on no data is built once."""
        made = copy(self)
        made.base, made._storage, made.clock, made.schema = made, storage, clock, self.schema.sibling()
        # Accesses are resolved from data.
        made.__dict__.pop("accesses", None)
        return made

    def extended(self, connection: Connection, number: int) -> Model:
        """Return the model that has the definitions of this *number*, read now, beside what is declared in code.

        What they do not touch is shared with this model: tables, what loads records, and the statements that write.
        """
        claims = [claim for kind in self.definitions for claim in kind.read(connection, self.schema)]
        made = copy(self)
        made.number, made.registry = number, self.registry.extended(claims)
        made.schema = self.schema.extended(made.registry)
        for depends in ("accesses", "system_access", "searched"):
            made.__dict__.pop(depends, None)
        made.store = self.store.extended(made.registry, made.schema)
        made.statements, made._shapes = StatementCache(), Shapes()
        return made

    @property
    @own_step
    def storage(self) -> Storage:
        """The database, for crmkit's own steps.

        Raises:
            SideDoorError: who asks is not crmkit.
        """
        return self._storage

    @cached_property
    def epochs(self) -> Epochs:
        """The numbers that tell when accesses and models are out of date."""
        return Epochs(self.schema, self._storage.dialect)

    @cached_property
    def accesses(self) -> AccessCache:
        """What each principal may do."""
        return self.fresh_accesses(self.registry)

    def fresh_accesses(self, registry: Registry) -> AccessCache:
        """Return a cache that knows nothing yet, for *registry*: for transactions that are not to be kept."""
        return AccessCache(registry, self.schema, self.epochs, self._company)

    @cached_property
    def system_access(self) -> Access:
        """The access without limits."""
        return Access(self.registry, 0, None, "system")

    @cached_property
    def store(self) -> Store:
        """The statements that write."""
        return Store(self.registry, self.schema, self._storage.dialect)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        return Ledger(self.schema, self._storage.dialect, self.registry.encrypted)

    @cached_property
    def numbers(self) -> Numbers:
        """The counters of human numbers."""
        return Numbers(self.schema, self._storage.dialect)

    @cached_property
    def external_names(self) -> Insert:
        """What keeps external ids."""
        return Insert(self.schema.system.external_id, self._storage.dialect)

    @cached_property
    def jobs(self) -> JobStore:
        """The lease table."""
        return JobStore(self.schema, self._storage.dialect)

    @cached_property
    def match_keys(self) -> Insert:
        """What keeps the keys by which records are matched."""
        return Insert(self.schema.system.match_key, self._storage.dialect)

    @cached_property
    def searched(self) -> Mapping[str, Searched]:
        """What is searched of each entity, by id."""
        return searched_entities(self.registry)

    @cached_property
    def search_documents(self) -> Documents:
        """What keeps the words by which records are found."""
        return Documents(self.schema, self._storage.dialect)

    @cached_property
    def visits(self) -> Visits:
        """What keeps visits to stages."""
        return Visits(self.schema, self._storage.dialect)

    def shipped_pipeline(self, pipeline: str) -> Pipeline | None:
        """Return *pipeline* as its plugin declares it, whatever was made of it at run time."""
        return self._coded.pipelines.get(pipeline)

    @property
    def shipped_automations(self) -> Mapping[str, Automation]:
        """The automations as plugins declare them, whatever was made of them at run time."""
        return self._coded.automations

    @cached_property
    def record_kinds(self) -> Mapping[str, RecordKind]:
        """The kinds of shipped things that are kept as records, by the entity of those."""
        kinds = (kind_of_records(self._coded, declared) for declared in self._coded.shipped_kinds.values())
        return {kind.entity: kind for kind in (SHIPPED_AUTOMATIONS, *kinds)}

    @property
    def locale(self) -> str:
        """The language of texts that concern nobody in particular."""
        return self._company.locale

    def version_of(self, thing: str) -> str:
        """Return the version of the plugin that ships *thing*, by the id of that; the core's is that of the API."""
        return self.hooks.versions.get(self._coded.plugin_of(thing), API_VERSION)

    def moment(self, access: Access) -> Moment:
        """Return what ``now()``, ``today()``, ``me()`` and ``my_team()`` mean to *access*."""
        zone = self._zone if access.is_system else ZoneInfo(access.time_zone)
        return Moment.at(self.clock.now(), zone, access.user_id, access.home_team)

    def shape_of(self, access: Access) -> int:
        """Return a number that two accesses share exactly if their statements differ only in parameters."""
        known = access.shape_number
        if known is None:
            known = self._shapes.number(access.shape)
            # It says nothing about what anybody may do.
            object.__setattr__(access, "shape_number", known)
        return known

    def loader(self, info: EntityInfo, access: Access) -> Loader:
        """Return what selects and loads the records of *info* for *access*."""
        host = self.registry.entities[info.host] if info.host else info
        readable = access.entity(host).readable
        return self.loaders.get((info, readable), lambda: self._new_loader(info, readable))

    def _new_loader(self, info: EntityInfo, readable: frozenset[str]) -> Loader:
        return make_loader(info, readable, self._storage.dialect.name, self.schema.keys)

    def defaults(self, info: EntityInfo, access: Access) -> Any:
        """Return the extension *info* as it is where nothing was ever written."""
        readable = access.entity(self.registry.entities[str(info.host)]).readable
        names = (*info.fields, *info.computed)
        mine = frozenset(name for name in names if f"{info.extends_as}.{name}" in readable)
        return record_from_values(info, mine, {name: field.default() for name, field in info.fields.items()})

    def order_decoder(self, order: Order) -> Any:
        """Return what decodes the cursor's values of *order*."""
        return order_decoder(order, self._storage.dialect.name)

    def rates_of(self, connection: Connection, currency: str) -> list[tuple[date, Decimal]]:
        """Return the dated exchange rates of *currency*, oldest first."""
        rate = self.schema.tables["core_exchange_rate"]
        statement = sa.select(rate.c.valid_from, rate.c.rate).where(
            rate.c.currency == currency, rate.c.deleted_at.is_(None)
        )
        return [(day, value) for day, value in connection.execute(statement.order_by(rate.c.valid_from))]


def _protected(registry: Registry, schema: Schema) -> Registry:
    """Return *registry* with matchers that keep nothing in clear of what is encrypted."""
    encrypted, keys = registry.encrypted, schema.keys
    if encrypted.keys().isdisjoint(registry.matchers):
        return registry
    none = frozenset[str]()
    found = {id_: protected_matcher(each, encrypted.get(id_, none), keys) for id_, each in registry.matchers.items()}
    return attrs.evolve(registry, matchers=MappingProxyType(found))


def build_registry(plugins: Sequence[LoadedPlugin], hooks: Hooks, currency: str) -> Registry:
    """Return the registry of what core and *plugins* declare.

    Raises:
        PluginError: declarations conflict or refer to what is not there.
    """
    entities = (
        *PEOPLE,
        *SIGNING_IN,
        CustomEntity,
        CustomField,
        *APPROVING,
        PipelineVersion,
        LocalEdit,
        *RETAINING,
        *AUTOMATING,
    )
    work = (INDEX_CUSTOM_FIELDS, MAKE_MATCH_KEYS, MAKE_SEARCH_INDEX, CARRY_OVER, STRIKE, *PASSING_WORK)
    at_night = (*RETENTION_WORK, *SETTLING_WORK, *CONTENT_WORK, *FORGETTING_WORK)
    claims = [Claim(CORE, declared) for declared in (*entities, *CORE_ROLES, *work, *at_night, *_STORED_NAMES)]
    for hook in _REGISTER:
        claims += [Claim(plugin, declared) for plugin, answer in hooks.ask(hook) for declared in answer]
    return Registry.build(claims, {plugin.name: plugin.manifest.requires for plugin in plugins}, currency)
