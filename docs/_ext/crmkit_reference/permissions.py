"""The permissions reference: the entities of crmkit and its plugins, and the roles and restrictions they ship."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crmkit.cli.project import first_party_plugins
from crmkit.core.configuration.config import Config
from crmkit.core.crm import CRM
from crmkit.core.policy.roles import VERBS, Grant, Mask, Restriction, Role
from crmkit.core.registry import Registry
from crmkit.core.rules.rule import Rule


def render() -> str:
    """Return a Markdown section for the core and for each plugin that comes with crmkit."""
    crm = CRM(Config(plugins=first_party_plugins()))
    try:
        owners = ["core", *(plugin.name for plugin in crm.plugins)]
        return "\n".join(_section(crm.registry, owner) for owner in owners)
    finally:
        crm.close()


def _section(registry: Registry, owner: str) -> str:
    entities = [info for info in registry.entities.values() if info.plugin == owner]
    roles = [role for role in registry.roles.values() if role.id.startswith(f"{owner}.")]
    restrictions = [each for each in registry.restrictions.values() if each.id.startswith(f"{owner}.")]
    names = "".join(f"| `{info.id}` | {info.label} | {'yes' if info.owned else 'no'} |\n" for info in entities)
    return f"""
## {owner}

| Entity | Label | Has owner and team |
|-|-|-|
{names}
{"".join(map(_role, roles))}{"".join(map(_restriction, restrictions))}"""


def _role(role: Role) -> str:
    grants = "".join(_grant(grant) for grant in role.grants)
    masks = "".join(map(_mask, role.masks))
    return f"""
### `{role.id}`

{role.label}

| Entity | Verbs | Scope |
|-|-|-|
{grants}{masks}"""


def _mask(mask: Mask) -> str:
    effect = "Hides" if mask.access == "hidden" else "Makes read-only"
    return f"\n- {effect} {_codes(sorted(mask.fields))} of `{mask.entity}`\n"


def _grant(grant: Grant) -> str:
    scope = f"`{grant.scope.text}`" if isinstance(grant.scope, Rule) else grant.scope
    entity = "every entity" if grant.entity == "*" else f"`{grant.entity}`"
    return f"| {entity} | {', '.join(_in_order(grant.verbs))} | {_cell(scope)} |\n"


def _in_order(verbs: Iterable[str]) -> Iterator[str]:
    return (verb for verb in VERBS if verb in verbs)


def _restriction(restriction: Restriction) -> str:
    unless = f" It does not bind {_codes(sorted(restriction.unless))}." if restriction.unless else ""
    return f"""
### Restriction `{restriction.id}`

{", ".join(_in_order(restriction.verbs))} on `{restriction.entity}` only where `{restriction.rule.text}`.{unless}
"""


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
