"""What must hold between declarations: every name that one of them mentions exists, and may be mentioned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from crmkit.core.automating.automation import Automation
from crmkit.core.entity import EntityInfo, FieldInfo, entity_info
from crmkit.core.errors import CrmkitError, DeclarationError
from crmkit.core.fields import AnyReference, Reference, Text
from crmkit.core.pipelines import Approval, PastPipeline, Pipeline
from crmkit.core.policy.roles import EVERY_ENTITY, SUBJECTS, Grant, Role
from crmkit.core.registry_encryption import check_encryption
from crmkit.core.registry_sections import check_sections
from crmkit.core.registry_shipped import check_shipped
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.registry import Registry

__all__ = ["check_claim", "check_grant", "check_registry", "check_rule"]


def check_registry(registry: Registry, requires: Mapping[str, Iterable[str]]) -> Iterator[CrmkitError]:
    """Yield every reason why the declarations in *registry* do not fit together."""
    from crmkit.core.registry_work import check_work

    reachable = {plugin: _closure(plugin, requires) for plugin in requires}
    for info in registry.tables():
        yield from _check_table(registry, info, reachable)
    yield from _check_circles(registry)
    for role in registry.roles.values():
        yield from _check_role(registry, role)
    for restriction in registry.restrictions.values():
        if restriction.entity not in registry.entities:
            yield DeclarationError(restriction.id, _("there is no entity {entity!r}"), entity=restriction.entity)
        else:
            yield from check_rule(registry, restriction.id, restriction.entity, restriction.rule)
    for pipeline in registry.pipelines.values():
        yield from _check_pipeline(registry, pipeline)
    for matcher in registry.matchers.values():
        if matcher.id not in registry.entities:
            yield DeclarationError(matcher.id, _("there is no entity {entity!r}"), entity=matcher.id)
        else:
            yield from _check_needs(registry.entities[matcher.id], matcher.id, sorted(matcher.needs))
    yield from check_work(registry)
    for automation in registry.automations.values():
        yield from _check_automation(registry, automation)
    yield from check_shipped(registry)
    for stored in registry.stored_names.values():
        kept = registry.entities.get(stored.id)
        if kept is None:
            yield DeclarationError(stored.id, _("there is no entity {entity!r}"), entity=stored.id)
        else:
            yield from _check_needs(kept, stored.id, (stored.of, *stored.rules, *stored.names))
    yield from _check_policies(registry)
    yield from check_sections(registry, check_rule)


def check_claim(registry: Registry, declared: object) -> Iterator[CrmkitError]:
    """Yield every reason why *declared*, made at run time, does not fit into *registry*, which has it already."""
    if isinstance(declared, type):
        info = entity_info(declared)
        plugins = frozenset(entity.plugin for entity in registry.entities.values())
        yield from _check_table(registry, info, {info.plugin: plugins})
    elif isinstance(declared, Automation):
        yield from _check_automation(registry, declared)
    elif isinstance(declared, PastPipeline):
        yield from _check_pipeline(registry, declared.pipeline)
    elif isinstance(declared, Pipeline):
        yield from _check_pipeline(registry, declared)
    elif isinstance(declared, FieldInfo) and isinstance(declared.type, Reference):
        where, entity = f"{declared.entity}.{declared.name}", declared.type.entity
        if entity not in registry.entities:
            yield DeclarationError(where, _("there is no entity {entity!r}"), entity=entity)


def _check_automation(registry: Registry, automation: Automation) -> Iterator[CrmkitError]:
    # As of rules: declarations alone must not load what knows SQL.
    from crmkit.core.automating.checking import check_automation

    yield from check_automation(registry, automation)


def _closure(plugin: str, requires: Mapping[str, Iterable[str]]) -> frozenset[str]:
    found, todo = {plugin, "core"}, list(requires.get(plugin, ()))
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(requires.get(name, ()))
    return frozenset(found)


def _check_table(
    registry: Registry, info: EntityInfo, reachable: Mapping[str, frozenset[str]]
) -> Iterator[CrmkitError]:
    owner = info.plugin
    allowed = reachable.get(owner, frozenset({owner, "core"}))
    if info.host is not None and info.host not in registry.entities:
        yield DeclarationError(owner, _("extends {host!r}, which no enabled plugin declares"), host=info.host)
    yield from _check_columns(info)
    yield from _check_searched(info)
    yield from check_encryption(info)
    for field in (*info.fields.values(), *info.custom.values()):
        if isinstance(field.type, Reference):
            yield from _check_target(registry, f"{info.id}.{field.name}", field.type.entity, allowed)
            yield from _check_leaving(info, field, field.type)
        if isinstance(field.type, Reference | AnyReference) and field.type.goes_along is not None:
            yield from _check_going_along(registry, info, field, field.type.goes_along)
    for link in info.links.values():
        yield from _check_target(registry, info.id, link, allowed)
    for field in info.fields.values():
        if taken := {*field.former} & info.fields.keys():
            message = _("was formerly {name!r}, which is another field now: a name in the ledger keeps its meaning")
            yield DeclarationError(f"{info.id}.{field.name}", message, name=min(taken))
    for what, groups in (("unique", info.unique), ("indexes", info.indexes), ("tells_of", [info.tells_of or ()])):
        for name in (name for group in groups for name in group if name not in info.fields):
            yield DeclarationError(info.id, _("{what} names the unknown field {field!r}"), what=what, field=name)
    for computed in info.computed.values():
        yield from _check_needs(info, f"{info.id}.{computed.name}", computed.needs)


def _check_going_along(registry: Registry, info: EntityInfo, field: FieldInfo, rule: str) -> Iterator[CrmkitError]:
    """Yield a conflict if what hangs on a record by *field* cannot go along with it."""
    where = f"{info.id}.{field.name}"
    if not info.owned:
        yield DeclarationError(where, _("has goes_along, but its records have no owner"))
        return
    try:
        yield from check_rule(registry, where, info.id, Rule.parse(rule))
    except CrmkitError as error:
        yield error


def _check_leaving(info: EntityInfo, field: FieldInfo, kind: Reference) -> Iterator[CrmkitError]:
    """Yield a conflict if the offboarding of a user could not do to *field* what it says."""
    where = f"{info.id}.{field.name}"
    if kind.on_leave != "keep" and kind.entity != "core.user":
        yield DeclarationError(where, _("has on_leave, but only users leave"))
    if kind.on_leave == "clear" and not field.nullable:
        yield DeclarationError(where, _("has on_leave='clear', but needs a value"))
    if kind.on_leave == "end" and info.host:
        yield DeclarationError(where, _("has on_leave='end', but only whole records end"))


def _check_searched(info: EntityInfo) -> Iterator[CrmkitError]:
    for field in info.fields.values():
        if field.search and not isinstance(field.type, Text):
            yield DeclarationError(
                f"{info.id}.{field.name}", _("cannot be searched: text of all kinds can; leave search out")
            )


def _check_columns(info: EntityInfo) -> Iterator[CrmkitError]:
    """Yield a conflict for each column that two fields need: money and references to any record have several."""
    taken = {"record_id": "id"} if info.host else {}
    for field in info.fields.values():
        for column in (field.name + slot.suffix for slot in field.columns()):
            other = taken.setdefault(column, field.name)
            if other != field.name:
                message = _("the column {column!r} is one of the field {other!r} already")
                yield DeclarationError(f"{info.id}.{field.name}", message, column=column, other=other)


def _check_needs(info: EntityInfo, where: str, needs: Iterable[str]) -> Iterator[CrmkitError]:
    for name in needs:
        if name not in info.fields:
            yield DeclarationError(where, _("needs the unknown field {field!r}"), field=name)


def _check_target(registry: Registry, where: str, entity: str, allowed: frozenset[str]) -> Iterator[CrmkitError]:
    if entity not in registry.entities:
        yield DeclarationError(where, _("there is no entity {entity!r}"), entity=entity)
    elif (plugin := registry.entities[entity].plugin) not in allowed:
        yield DeclarationError(
            where, _("refers to {entity!r}; add {plugin!r} to requires"), entity=entity, plugin=plugin
        )


def _check_circles(registry: Registry) -> Iterator[CrmkitError]:
    """References that decide visibility may not lead back to where they began."""
    follows = {info.id: list(_followed(registry, info)) for info in registry.entities.values()}
    for start in follows:
        seen, todo = set[str](), list(follows[start])
        while todo:
            entity = todo.pop()
            if entity == start:
                yield DeclarationError(start, _("its visibility follows references that lead back to it"))
                break
            if entity not in seen:
                seen.add(entity)
                todo.extend(follows.get(entity, ()))


def _followed(registry: Registry, info: EntityInfo) -> Iterator[str]:
    for field in info.fields.values():
        if isinstance(field.type, Reference) and field.type.follows:
            yield field.type.entity
        elif isinstance(field.type, AnyReference):
            yield from (target.id for target in registry.targets(field.type))


def _check_role(registry: Registry, role: Role) -> Iterator[CrmkitError]:
    for grant in role.grants:
        yield from check_grant(registry, role.id, grant)
    for mask in role.masks:
        if mask.entity not in registry.entities:
            yield DeclarationError(role.id, _("there is no entity {entity!r}"), entity=mask.entity)
            continue
        known = {*registry.fields(mask.entity), *registry.computed(mask.entity)}
        for name in sorted(mask.fields - known):
            yield DeclarationError(role.id, _("masks the unknown field {field!r}"), field=f"{mask.entity}.{name}")


def check_grant(registry: Registry, where: str, grant: Grant) -> Iterator[CrmkitError]:
    """Yield why *grant* cannot be used: an unknown entity, or a scope that needs an owner where there is none."""
    if grant.entity == EVERY_ENTITY:
        if grant.scope != "all":
            yield DeclarationError(where, _("a grant on every entity has the scope 'all'"))
        return
    if grant.entity in SUBJECTS:
        if grant.scope != "all":
            yield DeclarationError(where, _("a grant on {entity} has the scope 'all'"), entity=grant.entity)
        return
    if grant.entity not in registry.entities:
        yield DeclarationError(where, _("there is no entity {entity!r}"), entity=grant.entity)
    elif isinstance(grant.scope, Rule):
        yield from check_rule(registry, where, grant.entity, grant.scope)
    elif not (grant.scope == "all" or registry.entities[grant.entity].owned):
        message = _("scope {scope!r} on {entity}, which has no owner; use 'all' or a rule")
        yield DeclarationError(where, message, scope=grant.scope, entity=grant.entity)


def check_rule(registry: Registry, where: str, entity: str, rule: Rule) -> Iterator[CrmkitError]:
    """Yield why *rule* says nothing about records of *entity*: an unknown field, or values that do not fit."""
    # Rules are looked up with what knows SQL; declarations alone must not load it.
    from crmkit.core.policy.rule_sources import FieldScope
    from crmkit.core.rules.check import check

    try:
        check(rule, FieldScope(registry, registry.entities[entity]))
    except KeyError:
        return  # A reference on its way leads to an entity that is not there, which is told already.
    except CrmkitError as error:
        yield DeclarationError(where, _("{reason}"), reason=str(error))


def _check_pipeline(registry: Registry, pipeline: Pipeline) -> Iterator[CrmkitError]:
    info = registry.entities.get(pipeline.entity)
    if info is None or not info.pipelined:
        yield DeclarationError(pipeline.id, _("{entity!r} is no Pipelined entity"), entity=pipeline.entity)
        return
    for stage in pipeline.stages:
        for name in stage.required:
            if name not in registry.fields(pipeline.entity):
                yield DeclarationError(
                    f"{pipeline.id}.{stage.slug}", _("requires the unknown field {field!r}"), field=name
                )
        if stage.reasons is not None:
            yield from _check_texts(info, f"{pipeline.id}.{stage.slug}", [stage.reasons.field, stage.reasons.note])
    for move in pipeline.moves:
        if move.approval is not None:
            yield from _check_approval(registry, pipeline, move.approval)
        for guard in move.guards:
            if isinstance(guard, Rule):
                yield from check_rule(registry, pipeline.id, pipeline.entity, guard)
            elif guard not in registry.guards:
                yield DeclarationError(pipeline.id, _("names the unknown guard {guard!r}"), guard=guard)
            else:
                yield from _check_needs(info, guard, registry.guards[guard].needs or ())


def _check_texts(info: EntityInfo, where: str, names: Iterable[str | None]) -> Iterator[CrmkitError]:
    for name in names:
        if name is not None and (name not in info.fields or info.fields[name].columns()[0].kind != "text"):
            yield DeclarationError(where, _("keeps a reason in {field!r}, which is no field of text"), field=name)


def _check_approval(registry: Registry, pipeline: Pipeline, approval: Approval) -> Iterator[CrmkitError]:
    for name in approval.fields:
        if name not in registry.fields(pipeline.entity):
            yield DeclarationError(pipeline.id, _("approves the unknown field {field!r}"), field=name)
    if approval.when is not None:
        yield from check_rule(registry, pipeline.id, pipeline.entity, approval.when)


def _check_policies(registry: Registry) -> Iterator[CrmkitError]:
    """An entity that no role of its own plugin mentions has no policy: nobody decided who may see it."""
    decided = {grant.entity for role in registry.roles.values() for grant in role.grants}
    for entity in registry.entities:
        if entity not in decided and not entity.startswith("core."):
            yield DeclarationError(entity, _("has no policy: no role grants anything on it"))
    for info in registry.entities.values():
        if info.pipelined and not registry.pipelines_of(info.id):
            yield DeclarationError(info.id, _("is Pipelined, but no pipeline is declared for it"))
