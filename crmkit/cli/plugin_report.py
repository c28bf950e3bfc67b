"""What a plugin brings, and whether it would fit beside others: found out without enabling it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import attrs

from crmkit.core.configuration.config import Config
from crmkit.core.crm import CRM
from crmkit.core.entity import FieldInfo, entity_info
from crmkit.core.errors import CrmkitError
from crmkit.core.hooks import Hooks
from crmkit.core.pipelines import Guard, Pipeline
from crmkit.core.plugins import LoadedPlugin, PluginError, find_plugins
from crmkit.core.policy.roles import Restriction, Role
from crmkit.core.sections import Section, TimelinePart

__all__ = ["Brought", "brought", "conflicts", "conflicts_of"]

_REGISTER = (
    "crmkit_register_entities",
    "crmkit_register_roles",
    "crmkit_register_pipelines",
    "crmkit_register_sections",
)


@attrs.frozen
class Brought:
    """Everything that one plugin adds to a CRM."""

    entities: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    restrictions: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    timeline_parts: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


def brought(plugin: LoadedPlugin) -> Brought:
    """Return what *plugin* declares, asked alone: whatever else is enabled has no say.

    Raises:
        PluginError, HookFailedError: it cannot be loaded even alone.
    """
    hooks = Hooks([plugin])
    declared = [each for hook in _REGISTER for _name, answer in hooks.ask(hook) for each in answer]
    tables = [entity_info(each) for each in declared if isinstance(each, type)]
    return Brought(
        entities=tuple(info.id for info in tables if info.host is None),
        extensions=tuple(str(info.host) for info in tables if info.host is not None),
        fields=(
            *(f"{info.host}: {plugin.name}.{name}" for info in tables if info.host is not None for name in info.fields),
            *(f"{each.entity}: {each.name}" for each in declared if isinstance(each, FieldInfo)),
        ),
        roles=_ids(declared, Role),
        restrictions=_ids(declared, Restriction),
        pipelines=_ids(declared, Pipeline),
        guards=_ids(declared, Guard),
        sections=_ids(declared, Section),
        timeline_parts=_ids(declared, TimelinePart),
        hooks=tuple(_implemented(plugin)),
        commands=tuple(_commands(plugin)),
    )


def _ids(declared: Sequence[Any], kind: type[Any]) -> tuple[str, ...]:
    return tuple(each.id for each in declared if isinstance(each, kind))


def _implemented(plugin: LoadedPlugin) -> Iterator[str]:
    module = plugin.submodule("hooks")
    for name, value in vars(module).items() if module else ():
        # pluggy leaves this mark on what @hookimpl decorates.
        if hasattr(value, "crmkit_impl"):
            yield name


def _commands(plugin: LoadedPlugin) -> Iterator[str]:
    import click

    module = plugin.submodule("commands")
    group = getattr(module, "cli", None)
    if isinstance(group, click.Group):
        yield from (f"{plugin.name} {name}" for name in sorted(group.commands))


def conflicts(config: Config, names: Sequence[str]) -> list[CrmkitError]:
    """Return every reason why the plugins *names* cannot be loaded together; none if they can."""
    from crmkit.cli.opening import check_names

    try:
        plugins = find_plugins(names, config.trust.plugins)
        if reasons := list(check_names(plugins)):
            return reasons
        _check_starts(CRM(attrs.evolve(config, plugins=list(names)), plugins=plugins))
    except PluginError as error:
        return list(error.facts["reasons"])
    except CrmkitError as error:
        return [error]
    return []


def _check_starts(crm: CRM) -> None:
    """Return if nothing but its database can keep *crm* from starting.

    Raises:
        EncryptionKeyError: there are encrypted fields, and no key is given.
    """
    with closing(crm):
        if crm.registry.encrypted:
            crm.schema.keys.masters.require()


def conflicts_of(config: Config, name: str) -> list[CrmkitError]:
    """Return why *name* cannot be enabled beside what is; what goes wrong without it as well is not its fault."""
    others = [other for other in config.plugins if other != name]
    before = {str(reason) for reason in conflicts(config, others)}
    return [reason for reason in conflicts(config, [*others, name]) if str(reason) not in before]
