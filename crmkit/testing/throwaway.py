"""Plugins that live as long as a test: declared in its body, loaded like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from crmkit.core.automating.automation import Action, Automation
from crmkit.core.entity import FieldInfo, entity_info
from crmkit.core.events import Event, Subscriber
from crmkit.core.hooks import hookimpl
from crmkit.core.inbound import InboundHook
from crmkit.core.jobs import Job, RecordSchedule, Schedule
from crmkit.core.pipelines import Guard, Pipeline
from crmkit.core.plugins import Plugin
from crmkit.core.policy.roles import VERBS, Grant, Restriction, Role
from crmkit.core.shipped.shipping import Shipped, ShippedKind
from crmkit.core.stored_names import StoredNames
from crmkit.core.text import Text
from crmkit.core.verbs import Verb

__all__ = ["plugin"]


def plugin(
    name: str,
    *,
    entities: Sequence[type[Any] | FieldInfo] = (),
    roles: Sequence[Role | Restriction] | None = None,
    pipelines: Sequence[Pipeline | Guard] = (),
    events: Sequence[type[Event]] = (),
    subscribers: Sequence[Subscriber] = (),
    jobs: Sequence[Job] = (),
    schedules: Sequence[Schedule | RecordSchedule] = (),
    actions: Sequence[Action] = (),
    automations: Sequence[Automation] = (),
    shipped_kinds: Sequence[ShippedKind] = (),
    shipped: Sequence[Shipped] = (),
    stored_names: Sequence[StoredNames] = (),
    inbound_hooks: Sequence[InboundHook] = (),
    verbs: Sequence[Verb] = (),
    hooks: Iterable[Callable[..., Any]] = (),
    requires: Mapping[str, str] | Iterable[str] = (),
    version: str = "1.0.0",
) -> ModuleType:
    """Return a plugin, made of what a test declares in its own body.

    *hooks* are functions named like the hooks that they implement. Where no *roles* are given, the role
    ``<name>.everything`` grants every verb on every entity of the plugin: an entity without any policy does not load.
    Tables are made from the declarations; such a plugin has no revisions.

    Raises:
        DeclarationError: the manifest is not acceptable.
    """
    module = ModuleType(f"crmkit_throwaway_{name}")
    granted = _everything(name, entities) if roles is None else roles
    manifest = Plugin(name=name, version=version, label=Text(name.capitalize()), requires=requires)
    registered = {
        "entities": entities,
        "roles": granted,
        "pipelines": pipelines,
        "events": events,
        "subscribers": subscribers,
        "jobs": jobs,
        "schedules": schedules,
        "actions": actions,
        "automations": automations,
        "shipped_kinds": shipped_kinds,
        "shipped": shipped,
        "stored_names": stored_names,
        "inbound_hooks": inbound_hooks,
        "verbs": verbs,
    }
    given = tuple(hooks)
    # The same declarations again are the same plugin, for which everything is built once.
    parts = [given, *(each for kind, each in registered.items() if kind != "roles" or roles is not None)]
    same = (name, version, tuple(manifest.requires.items()), *(tuple(map(id, part)) for part in parts))
    vars(module).update(PLUGIN=manifest, hooks=_hooks(name, given, registered), declares=same)
    return module


def _hooks(name: str, hooks: Iterable[Callable[..., Any]], registered: Mapping[str, Sequence[Any]]) -> ModuleType:
    module = ModuleType(f"crmkit_throwaway_{name}.hooks")
    for kind, declared in registered.items():
        vars(module)[f"crmkit_register_{kind}"] = hookimpl(_answering(declared))
    vars(module).update({hook.__name__: hookimpl(hook) for hook in hooks})
    return module


def _answering(declared: Sequence[Any]) -> Callable[[], Sequence[Any]]:
    return lambda: declared


def _everything(name: str, entities: Sequence[type[Any] | FieldInfo]) -> Sequence[Role]:
    classes = (each for each in entities if isinstance(each, type))
    ids = [info.id for info in map(entity_info, classes) if info.host is None]
    return [Role(f"{name}.everything", Text("Everything"), [Grant(id_, VERBS, "all") for id_ in ids])] if ids else []
