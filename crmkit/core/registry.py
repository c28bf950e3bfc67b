"""The registry: everything that the enabled plugins declare, with its owners, frozen before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import attrs

from crmkit.core.automating.automation import Action, Automation, Withdrawn
from crmkit.core.automating.work import is_derived, work_of
from crmkit.core.entity import EntityInfo, FieldInfo, entity_info
from crmkit.core.errors import CrmkitError, DeclarationError, UnknownEntityError, UnknownFieldError
from crmkit.core.events import Event, EventInfo, Subscriber, event_info
from crmkit.core.fields import AnyReference, Reference
from crmkit.core.inbound import InboundHook
from crmkit.core.jobs import Job, RecordSchedule, Schedule
from crmkit.core.matching import Matcher
from crmkit.core.pipelines import Guard, PastPipeline, Pipeline
from crmkit.core.plugins import PluginError
from crmkit.core.policy.roles import EVERY_ENTITY, Restriction, Role
from crmkit.core.sections import Section, TimelinePart
from crmkit.core.shipped.shipping import Shipped, ShippedKind
from crmkit.core.stored_names import StoredNames
from crmkit.core.text import gettext as _
from crmkit.core.verbs import Verb

__all__ = ["Claim", "Registry"]

CORE = "core"
#: Begins the ids of what was made at run time, where plugins have their name.
CUSTOM = "custom"
Declared = (
    type[Any]
    | Role
    | Restriction
    | Pipeline
    | PastPipeline
    | Guard
    | Section
    | TimelinePart
    | Subscriber
    | Job
    | Matcher
    | Schedule
    | RecordSchedule
    | Action
    | Automation
    | Withdrawn
    | ShippedKind
    | Shipped
    | StoredNames
    | InboundHook
    | Verb
    | FieldInfo
)


@attrs.frozen
class Claim:
    """Something that a plugin declares, and the plugin."""

    plugin: str
    declared: Declared


@attrs.frozen(eq=False)
class Registry:
    """What one CRM consists of. Read-only; made by :meth:`build`."""

    entities: Mapping[str, EntityInfo]
    extensions: Mapping[str, Mapping[str, EntityInfo]]
    roles: Mapping[str, Role]
    restrictions: Mapping[str, Restriction]
    pipelines: Mapping[str, Pipeline]
    past_pipelines: Mapping[str, PastPipeline]
    guards: Mapping[str, Guard]
    sections: Mapping[str, Section]
    timeline_parts: Mapping[str, TimelinePart]
    events: Mapping[str, EventInfo]
    subscribers: Mapping[str, Subscriber]
    jobs: Mapping[str, Job]
    matchers: Mapping[str, Matcher]
    schedules: Mapping[str, Schedule]
    record_schedules: Mapping[str, RecordSchedule]
    actions: Mapping[str, Action]
    automations: Mapping[str, Automation]
    shipped_kinds: Mapping[str, ShippedKind]
    shipped: Mapping[str, Shipped]
    stored_names: Mapping[str, StoredNames]
    inbound_hooks: Mapping[str, InboundHook]
    verbs: Mapping[str, Verb]
    owners: Mapping[str, str]
    currency: str
    _fields: Mapping[str, Mapping[str, FieldInfo]]
    _computed: Mapping[str, Mapping[str, tuple[str, ...]]]
    _references: Mapping[str, tuple[tuple[EntityInfo, FieldInfo], ...]]
    _pipelines: Mapping[str, tuple[Pipeline, ...]] = attrs.field(alias="pipelines_by_entity")
    left_out: tuple[CrmkitError, ...] = ()
    #: By entity the names of its encrypted fields, those of extensions included.
    encrypted: Mapping[str, frozenset[str]] = attrs.field(init=False)

    @encrypted.default
    def _find_encrypted(self) -> Mapping[str, frozenset[str]]:
        found = {id_: frozenset(n for n, f in fields.items() if f.encrypted) for id_, fields in self._fields.items()}
        return {id_: names for id_, names in found.items() if names}

    @classmethod
    def build(cls, claims: Iterable[Claim], requires: Mapping[str, Iterable[str]], currency: str) -> Registry:
        """Return the registry of *claims*; *requires* maps each plugin to those it may refer to.

        *currency* is the company's: base values are in it.

        Raises:
            PluginError: two plugins claim the same thing, or a declaration refers to what is not there. All reasons
                are given.
        """
        from crmkit.core.registry_checks import check_registry

        builder = _Builder(currency)
        for claim in claims:
            builder.add(claim)
        registry = builder.freeze()
        reasons = [*builder.conflicts, *check_registry(registry, requires)]
        if reasons:
            raise PluginError(reasons)
        return registry

    def extended(self, claims: Iterable[Claim]) -> Registry:
        """Return the registry that has *claims* beside its own; they are definitions made at run time.

        What does not fit beside what plugins declare today is left out, and :attr:`left_out` tells why: a plugin that
        comes later never keeps a CRM from starting. A pipeline takes the place of the one with its id.
        """
        from crmkit.core.registry_checks import check_claim

        builder, given = _Builder.of(self), list(claims)
        fitting = [claim for claim in given if builder.add(claim)]
        registry = builder.freeze()
        reasons = {id(claim): list(check_claim(registry, claim.declared)) for claim in fitting}
        told = (*self.left_out, *builder.conflicts, *(reason for found in reasons.values() for reason in found))
        kept = [claim for claim in fitting if not reasons[id(claim)]]
        # Without what is left out, others may not fit any more.
        return attrs.evolve(self, left_out=told).extended(kept) if len(kept) < len(given) else registry

    def entity(self, entity: str | type[Any]) -> EntityInfo:
        """Return the entity with this id or class.

        Raises:
            UnknownEntityError: no enabled plugin declares it.
        """
        id_ = entity_info(entity).id if isinstance(entity, type) else str(entity)
        if id_ not in self.entities:
            raise UnknownEntityError(id_)
        return self.entities[id_]

    def extension(self, cls: type[Any]) -> EntityInfo:
        """Return the extension with this class, as its plugin registered it.

        Raises:
            UnknownEntityError: no enabled plugin registered it.
        """
        host = entity_info(cls).host
        for info in self.extensions.get(str(host), {}).values():
            if info.cls is cls:
                return info
        raise UnknownEntityError(cls.__name__)

    def fields(self, entity: str) -> Mapping[str, FieldInfo]:
        """Return all fields of *entity* by name, those of extensions as ``plugin.field``."""
        return self._fields[entity]

    def computed(self, entity: str) -> Mapping[str, tuple[str, ...]]:
        """Return the fields that each computed field of *entity* needs; those of extensions are ``plugin.field``."""
        return self._computed[entity]

    def field(self, entity: str, name: str) -> FieldInfo:
        """Return one field.

        Raises:
            UnknownFieldError: there is none of this name.
        """
        found = self._fields[entity].get(name)
        if found is None:
            raise UnknownFieldError(entity, name)
        return found

    def references_to(self, entity: str) -> tuple[tuple[EntityInfo, FieldInfo], ...]:
        """Return every reference field that may point at *entity*, any-references included."""
        return self._references.get(entity, ()) + self._references.get(EVERY_ENTITY, ())

    def targets(self, kind: AnyReference) -> Iterator[EntityInfo]:
        """Yield the entities that an any-reference of *kind* may point at."""
        return (info for info in self.entities.values() if self.is_target(kind, info.id))

    def is_target(self, kind: AnyReference, entity: str) -> bool:
        """Return whether an any-reference of *kind* may point at records of *entity*."""
        return entity in self.entities and (entity in kind.also or entity not in self._hanging)

    @cached_property
    def _hanging(self) -> frozenset[str]:
        """The entities whose visibility depends on an any-reference: their own, or one of a record that they follow."""
        return frozenset(id_ for id_, info in self.entities.items() if self._hangs(info, frozenset()))

    def _hangs(self, info: EntityInfo, path: frozenset[str]) -> bool:
        followed = {f.type.entity for f in info.fields.values() if isinstance(f.type, Reference) and f.type.follows}
        further = (followed & self.entities.keys()) - path
        return info.hangs_on_any or any(self._hangs(self.entities[e], path | {info.id}) for e in further)

    def pipelines_of(self, entity: str) -> tuple[Pipeline, ...]:
        """Return the pipelines of *entity*; the first is the default."""
        return self._pipelines.get(entity, ())

    def pinned(self, pipeline: Pipeline, version: int | None) -> Pipeline:
        """Return *pipeline* in the *version* that a record pins; as it is today if that is not known any more."""
        past = self.past_pipelines.get(f"{pipeline.id}@{version}")
        return past.pipeline if past and past.pipeline.entity == pipeline.entity else pipeline

    def past_versions(self, pipeline: str) -> list[Pipeline]:
        """Return the earlier versions of *pipeline* that are known, oldest first."""
        past = [each.pipeline for each in self.past_pipelines.values() if each.pipeline.id == pipeline]
        return sorted(past, key=lambda each: each.version)

    def reasons(self, entity: str) -> Mapping[str, tuple[str, ...]]:
        """Return by the field that keeps it which reasons the pipelines of *entity* declare."""
        return self._reasons.get(entity, {})

    @cached_property
    def _reasons(self) -> dict[str, dict[str, tuple[str, ...]]]:
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for pipeline in self.pipelines.values():
            for asked in (stage.reasons for stage in pipeline.stages if stage.reasons):
                mine = found.setdefault(pipeline.entity, {})
                mine[asked.field] = tuple(dict.fromkeys([*mine.get(asked.field, ()), *asked.slugs]))
        return found

    def plugin_of(self, id_: str) -> str:
        """Return the plugin that declares the entity, the pipeline, or whatever else has this id."""
        taken_over = self.owners.get(f"entity {id_}") or self.owners.get(f"pipeline {id_}")
        return taken_over or id_.partition(".")[0]

    def tables(self) -> Iterator[EntityInfo]:
        """Yield every entity and every extension: whatever has a table of its own."""
        yield from self.entities.values()
        for host in self.extensions.values():
            yield from host.values()


# What is declared as an object with an id, and where the registry keeps it.
_BY_ID: Mapping[type[Any], str] = {
    Role: "roles",
    Restriction: "restrictions",
    Pipeline: "pipelines",
    PastPipeline: "past_pipelines",
    Guard: "guards",
    Section: "sections",
    TimelinePart: "timeline_parts",
    Subscriber: "subscribers",
    Job: "jobs",
    Matcher: "matchers",
    Schedule: "schedules",
    RecordSchedule: "record_schedules",
    Action: "actions",
    Automation: "automations",
    ShippedKind: "shipped_kinds",
    Shipped: "shipped",
    StoredNames: "stored_names",
    InboundHook: "inbound_hooks",
    Verb: "verbs",
}


def _word(declared: object) -> str:
    """Return what people call *declared*: ids are unique within a word."""
    return "schedule" if isinstance(declared, RecordSchedule) else type(declared).__name__.lower()


class _Builder:
    """Collects claims and notices who claimed the same thing before."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.conflicts: list[CrmkitError] = []
        self.left_out: tuple[CrmkitError, ...] = ()
        self.owners: dict[str, str] = {}
        self.entities: dict[str, EntityInfo] = {}
        self.extensions: dict[str, dict[str, EntityInfo]] = {}
        self.events: dict[str, EventInfo] = {}
        self.others: dict[type[Any], dict[str, Any]] = {kind: {} for kind in _BY_ID}

    @classmethod
    def of(cls, registry: Registry) -> _Builder:
        """Return a builder that begins with what *registry* has; run-time pipelines replace those that it has."""
        made = cls(registry.currency)
        made.left_out = registry.left_out
        made.entities |= registry.entities
        made.extensions |= {host: dict(found) for host, found in registry.extensions.items()}
        made.events |= registry.events
        for kind, kept_as in _BY_ID.items():
            made.others[kind] |= {id_: each for id_, each in getattr(registry, kept_as).items() if not is_derived(id_)}
        replaced = ("pipeline ", "automation ")
        made.owners = {what: owner for what, owner in registry.owners.items() if not what.startswith(replaced)}
        return made

    def add(self, claim: Claim) -> bool:
        """Take *claim* and return whether it could be taken."""
        declared = claim.declared
        if isinstance(declared, FieldInfo):
            return self._add_field(claim.plugin, declared)
        if isinstance(declared, Withdrawn):
            return self.others[Automation].pop(declared.id, None) is not None
        if not isinstance(declared, type):
            return self._add(claim.plugin, _word(declared), declared, self.others[type(declared)])
        if issubclass(declared, Event):
            return self._add(claim.plugin, "event", event_info(declared), self.events)
        return self._add_table(claim.plugin, entity_info(declared))

    def _add(self, plugin: str, word: str, declared: Any, kept_in: dict[str, Any]) -> bool:
        if plugin == CUSTOM and isinstance(declared, Pipeline):
            # What an entity made at run time was defined with makes room for what was published since.
            self.owners.pop(f"{word} {declared.id}", None)
        taken = self._claim(plugin, f"{word} {declared.id}", declared.id, _entity_of(declared))
        if taken and isinstance(before := kept_in.get(declared.id), Pipeline):
            # What a plugin ships is replaced by what was made of it here, but records may pin it.
            past = PastPipeline(before)
            self.others[PastPipeline][past.id] = past
        if taken:
            kept_in[declared.id] = declared
        return taken

    def _add_table(self, plugin: str, info: EntityInfo) -> bool:
        if info.host is not None:
            taken = self._claim(plugin, f"extension {plugin} of {info.host}", f"{plugin}.")
            if taken:
                self.extensions.setdefault(info.host, {})[plugin] = _owned_extension(info, plugin)
            return taken
        taken = self._claim(plugin, f"entity {info.id}", info.id)
        if taken:
            self.entities[info.id] = info if info.plugin == plugin else _taken_over(info, plugin)
        return taken

    def _add_field(self, plugin: str, field: FieldInfo) -> bool:
        """Take a custom field: one made at run time, which is core's, or one that a plugin declares of its entity."""
        host, where = self.entities.get(field.entity), f"{field.entity}.{field.name}"
        conflict: CrmkitError | None = None
        if host is None:
            conflict = DeclarationError(where, _("there is no entity {entity!r}"), entity=field.entity)
        elif field.name in host.custom:
            message, first = _("is claimed by {first!r} and by {second!r}"), host.custom[field.name].owner
            conflict = DeclarationError(where, message, first=first, second=plugin)
        elif plugin not in (CORE, host.plugin):
            message = _("is declared by {plugin!r}, which does not have this entity; declare an extension instead")
            conflict = DeclarationError(where, message, plugin=plugin)
        if host is None or conflict is not None:
            self.conflicts += [conflict] if conflict else []
            return False
        named = attrs.evolve(field, owner=plugin)
        self.entities[host.id] = attrs.evolve(host, custom={**host.custom, field.name: named})
        return True

    def _claim(self, plugin: str, what: str, id_: str, entity: str | None = None) -> bool:
        """Note the claim; ``False`` when it is refused because of its name or because it is taken."""
        prefix = id_.partition(".")[0]
        # What was made at run time keeps its id when a plugin takes it over, and so do its pipelines.
        keeps = prefix == CUSTOM and (what == f"entity {id_}" or self.owners.get(f"entity {entity}") == plugin)
        if prefix != plugin and not keeps:
            self.conflicts.append(
                DeclarationError(what, _("is declared by {plugin!r}; begin its id with that name"), plugin=plugin)
            )
            return False
        if what in self.owners:
            message = _("is claimed by {first!r} and by {second!r}")
            self.conflicts.append(DeclarationError(what, message, first=self.owners[what], second=plugin))
            return False
        self.owners[what] = plugin
        return True

    def freeze(self) -> Registry:
        work = work_of(self.others[Automation].values(), self.events)
        return Registry(
            entities=MappingProxyType(self.entities),
            extensions=MappingProxyType({h: MappingProxyType(e) for h, e in self.extensions.items()}),
            roles=MappingProxyType(self.others[Role]),
            restrictions=MappingProxyType(self.others[Restriction]),
            pipelines=MappingProxyType(self.others[Pipeline]),
            past_pipelines=MappingProxyType(self.others[PastPipeline]),
            guards=MappingProxyType(self.others[Guard]),
            sections=MappingProxyType(self._by_rank()),
            timeline_parts=MappingProxyType(self.others[TimelinePart]),
            events=MappingProxyType(self.events),
            subscribers=MappingProxyType(self.others[Subscriber] | work.subscribers),
            jobs=MappingProxyType(self.others[Job] | work.jobs),
            matchers=MappingProxyType(self.others[Matcher]),
            schedules=MappingProxyType(self.others[Schedule] | work.schedules),
            record_schedules=MappingProxyType(self.others[RecordSchedule] | work.record_schedules),
            actions=MappingProxyType(self.others[Action]),
            automations=MappingProxyType(self.others[Automation]),
            shipped_kinds=MappingProxyType(self.others[ShippedKind]),
            shipped=MappingProxyType(self.others[Shipped]),
            stored_names=MappingProxyType(self.others[StoredNames]),
            inbound_hooks=MappingProxyType(self.others[InboundHook]),
            verbs=MappingProxyType(self.others[Verb]),
            owners=MappingProxyType(self.owners),
            currency=self.currency,
            fields=MappingProxyType({id_: self._all_fields(id_) for id_ in self.entities}),
            computed=MappingProxyType({id_: self._all_computed(id_) for id_ in self.entities}),
            references=MappingProxyType(self._references()),
            pipelines_by_entity=MappingProxyType(self._pipelines()),
            left_out=self.left_out,
        )

    def _by_rank(self) -> dict[str, Section]:
        sections = self.others[Section].values()
        return {section.id: section for section in sorted(sections, key=lambda each: (each.rank, each.id))}

    def _all_fields(self, entity: str) -> Mapping[str, FieldInfo]:
        fields = {**self.entities[entity].fields, **self.entities[entity].custom}
        for plugin, info in self.extensions.get(entity, {}).items():
            fields |= {f"{plugin}.{name}": field for name, field in info.fields.items()}
        return MappingProxyType(fields)

    def _all_computed(self, entity: str) -> Mapping[str, tuple[str, ...]]:
        needs = {name: computed.needs for name, computed in self.entities[entity].computed.items()}
        for plugin, info in self.extensions.get(entity, {}).items():
            for name, computed in info.computed.items():
                needs[f"{plugin}.{name}"] = tuple(f"{plugin}.{need}" for need in computed.needs)
        return MappingProxyType(needs)

    def _pipelines(self) -> dict[str, tuple[Pipeline, ...]]:
        found: dict[str, tuple[Pipeline, ...]] = {}
        for pipeline in self.others[Pipeline].values():
            found[pipeline.entity] = (*found.get(pipeline.entity, ()), pipeline)
        return found

    def _references(self) -> dict[str, tuple[tuple[EntityInfo, FieldInfo], ...]]:
        found: dict[str, list[tuple[EntityInfo, FieldInfo]]] = {}
        tables = [*self.entities.values(), *(e for host in self.extensions.values() for e in host.values())]
        for info in tables:
            for field in (*info.fields.values(), *info.custom.values()):
                if isinstance(field.type, Reference):
                    found.setdefault(field.type.entity, []).append((info, field))
                elif isinstance(field.type, AnyReference):
                    found.setdefault(EVERY_ENTITY, []).append((info, field))
        return {entity: tuple(pairs) for entity, pairs in found.items()}


def _entity_of(declared: Any) -> str | None:
    """Return the entity whose pipeline *declared* is."""
    pipeline = declared.pipeline if isinstance(declared, PastPipeline) else declared
    return pipeline.entity if isinstance(pipeline, Pipeline) else None


def _taken_over(info: EntityInfo, plugin: str) -> EntityInfo:
    """Return *info*, which was made at run time before, as *plugin*'s."""
    fields = {name: attrs.evolve(field, owner=plugin) for name, field in info.fields.items()}
    return attrs.evolve(info, fields=MappingProxyType(fields), declared_by=plugin)


def _owned_extension(info: EntityInfo, plugin: str) -> EntityInfo:
    """Return *info* as *plugin*'s: a class does not know which plugin will register it."""
    fields = {name: attrs.evolve(field, owner=plugin) for name, field in info.fields.items()}
    return attrs.evolve(info, fields=MappingProxyType(fields), extends_as=plugin)
