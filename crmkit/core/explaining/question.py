"""One question about one person: what has a say in the answer, and what each says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.explaining.explanation import Answer, FieldFinding, Finding, RulePart, Sentence
from crmkit.core.explaining.rules import ShownRule, shown_rule
from crmkit.core.fields import AnyReference, Reference
from crmkit.core.policy.access import Access
from crmkit.core.policy.people import Team, User
from crmkit.core.policy.roles import EVERY_ENTITY, Grant, Restriction, Role, Scope
from crmkit.core.policy.rule_sources import TrustedSource, compile_trusted
from crmkit.core.policy.visibility import Visibility
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.explaining.explain import Asker

__all__ = ["Question"]


@attrs.frozen(eq=False, slots=False)
class Question:
    """Whether *access* allows *verb* on *record*, or on records of the entity *info* if there is no record."""

    asker: Asker
    access: Access
    verb: str
    info: EntityInfo
    record: Record | None

    @property
    def verbs(self) -> tuple[str, ...]:
        """The verbs that must be allowed: to do anything with a record one must see it, but for making it."""
        return ("read",) if self.verb == "read" else ("create",) if self.verb == "create" else ("read", self.verb)

    @property
    def is_in_bin(self) -> bool:
        """Whether the record was deleted."""
        return self.record is not None and getattr(self.record, "deleted_at", None) is not None

    def verdict(self, findings: Sequence[Finding]) -> tuple[Answer, str]:
        """Return the answer and its reason; *findings* tell a missing grant from a restriction."""
        if not all(self.access.covers(self.info.id, verb) for verb in self.verbs):
            return "no", "out-of-scope"
        if self.record is None:
            return self._verdict_on_entity()
        if self.is_in_bin:
            return "no", "in-bin"
        for verb in self.verbs:
            if not self.holds(self._visibility.predicate(self.info, self._table.c, verb)):
                granted = any(f.verb == verb and f.held and f.kind in ("grant", "share") for f in findings)
                refused = "no-grant" if not granted else "restricted"
                return "no", "not-visible" if verb == "read" else refused
        return "yes", "allowed"

    def _verdict_on_entity(self) -> tuple[Answer, str]:
        entity = self.access.entity(self.info)
        for verb in self.verbs:
            if not entity.scope(verb) and verb not in entity.shared:
                return "no", "no-grant-anywhere"
        everywhere = all(entity.scope(v).level == "all" and not entity.restrictions.get(v) for v in self.verbs)
        if everywhere and not ("read" in self.verbs and list(self._followed())):
            return "yes", "allowed-everywhere"
        return "depends", "depends"

    # What has a say.

    def findings(self) -> Iterator[Finding]:
        """Yield everything that was looked at, in the order in which it counts."""
        yield from self._scopes()
        if self.is_in_bin:
            yield Finding("bin", self.verb, False, Sentence(_("the record is in the bin")))
        for verb in self.verbs:
            for role, grant in self.grants(self.access.roles, verb):
                yield self._grant(role, grant, verb)
            yield from self._shares(verb)
            for restriction in self.restrictions(verb):
                yield self._restriction(restriction, verb)
            if verb == "read" and self.record is not None:
                yield from self._follows()

    def _scopes(self) -> Iterator[Finding]:
        for verb in self.verbs if self.access.scopes is not None else ():
            held = self.access.covers(self.info.id, verb)
            facts = {"scopes": ", ".join(sorted(self.access.scopes or ())) or "–", "verb": verb, "entity": self.info.id}
            template = _("the scopes {scopes} cover {verb} on {entity}")
            if not held:
                template = _("the scopes {scopes} do not cover {verb} on {entity}")
            yield Finding("scope", verb, held, Sentence(template, facts))

    def grants(self, roles: Iterable[Role], verb: str) -> Iterator[tuple[Role, Grant]]:
        """Yield the grants of *roles* that are about *verb* on this entity."""
        for role in roles:
            for grant in role.grants:
                if grant.entity in (self.info.id, EVERY_ENTITY) and verb in grant.verbs:
                    yield role, grant

    def restrictions(self, verb: str) -> Iterator[Restriction]:
        """Yield the restrictions of *verb* on this entity, those from which the person is exempt included."""
        for restriction in self.asker.model.registry.restrictions.values():
            if restriction.entity == self.info.id and verb in restriction.verbs:
                yield restriction

    def _grant(self, role: Role, grant: Grant, verb: str) -> Finding:
        scope = scope_name(grant.scope)
        facts: dict[str, Any] = {"role": self.name_of(role), "verb": verb, "entity": grant.entity, "scope": scope}
        template = _("the role {role} grants {verb} on {entity}, scope {scope}")
        if isinstance(grant.scope, Rule):
            shown = self.shown(grant.scope)
            facts["detail"] = shown.text or _HIDDEN_RULE
            template = _("the role {role} grants {verb} on {entity}, scope {scope}: {detail}")
            held, parts = self.judged(grant.scope, shown)
        else:
            shown, parts = None, ()
            held = None if self.record is None else self.told(grant.scope)
            if self.record is not None and grant.scope != "all":
                facts["detail"] = self._whose(grant.scope)
                template = _("the role {role} grants {verb} on {entity}, scope {scope}: {detail}")
        return Finding(
            "grant",
            verb,
            held,
            Sentence(template, facts),
            role=self.name_of(role),
            plugin=self.plugin_of(role),
            scope=scope_name(grant.scope),
            rule=shown.text if shown else None,
            parts=parts,
        )

    def _whose(self, scope: str) -> Sentence:
        facts = {"owner": self._owner_name, "team": self.team_name}
        return Sentence(
            _("the owner is {owner}") if scope == "own" else _("the owner is {owner}, the team {team}"), facts
        )

    def _shares(self, verb: str) -> Iterator[Finding]:
        if self.record is None or verb not in ("read", "update"):
            return
        share = self.asker.model.schema.tables["core_share"]
        teams = list(self.access.teams)
        mine = sa.or_(share.c.user_id == self.access.user_id, share.c.team_id.in_(teams))
        rows = self.asker.connection.execute(
            sa.select(share.c.level, share.c.team_id, share.c.ends_at).where(
                share.c.record_entity == self.info.id,
                share.c.record_id == self.record.id,
                self._visibility.counts_now(share),
                mine,
            )
        )
        for level, team, end in rows:
            facts = {"person": self.access.name, "team": self._team(team), "level": level, "end": f"{end}"}
            template = _SHARED[team is not None, end is not None]
            yield Finding("share", verb, verb == "read" or level == "write", Sentence(template, facts))

    def _restriction(self, restriction: Restriction, verb: str) -> Finding:
        plugin, exempt = restriction.id.partition(".")[0], sorted(restriction.unless & self.access.role_ids)
        if exempt:
            facts = {"id": restriction.id, "verb": verb, "role": exempt[0]}
            sentence = Sentence(_("the role {role} is exempt from the restriction {id} of {verb}"), facts)
            return Finding("exemption", verb, True, sentence, role=exempt[0], plugin=plugin)
        shown = self.shown(restriction.rule)
        held, parts = self.judged(restriction.rule, shown)
        sentence = Sentence(
            _("the restriction {id} allows {verb} only where: {rule}"),
            {"id": restriction.id, "verb": verb, "rule": shown.text or _HIDDEN_RULE},
        )
        return Finding("restriction", verb, held, sentence, plugin=plugin, rule=shown.text, parts=parts)

    def _followed(self) -> Iterator[Any]:
        for field in self.info.fields.values():
            if isinstance(field.type, AnyReference) or (isinstance(field.type, Reference) and field.type.follows):
                yield field

    def _follows(self) -> Iterator[Finding]:
        columns = self._table.c
        for field in self._followed():
            if field.name not in self.asker.reader.readable_fields(self.info.cls):
                continue
            if isinstance(field.type, AnyReference):
                held = self.holds(self._follows_any(columns, field.name, field.type))
            else:
                reference = columns[field.name]
                seen = self._visibility.visible_ids(field.type.entity)
                held = self.holds(sa.or_(reference.is_(None), reference.in_(seen)))
            sentence = Sentence(_("who sees the record must see the one in its field {field}"), {"field": field.name})
            yield Finding("follows", "read", held, sentence)

    def _follows_any(self, columns: Any, name: str, kind: AnyReference) -> ColumnElement[bool]:
        entity, id_ = columns[f"{name}_entity"], columns[f"{name}_id"]
        targets = self.asker.model.registry.targets(kind)
        seen = [sa.and_(entity == t.id, id_.in_(self._visibility.visible_ids(t.id))) for t in targets]
        return sa.or_(entity.is_(None), *seen)

    # Fields.

    def fields(self) -> Iterator[FieldFinding]:
        """Yield the fields that are hidden from the person or read-only, as far as the asker reads them."""
        entity, roles = self.access.entity(self.info), self.access.roles
        readers = {r for v in ("read",) for r, _grant in self.grants(roles, v)}
        writers = {r for v in ("update", "create") for r, _grant in self.grants(roles, v)}
        if not readers:
            return
        for name in sorted(self.asker.reader.readable_fields(self.info.cls)):
            if name not in entity.readable:
                needs = self.access.registry.computed(self.info.id).get(name, ())
                hidden = tuple(need for need in needs if need not in entity.readable)
                yield FieldFinding(name, "hidden", self._masking(readers, name, {"hidden"}), hidden)
            elif writers and name not in entity.writable:
                yield FieldFinding(name, "read_only", self._masking(writers, name, {"hidden", "read_only"}))

    def _masking(self, roles: Iterable[Role], field: str, kinds: set[str]) -> tuple[str, ...]:
        masked = (
            self.name_of(role)
            for role in roles
            for mask in role.masks
            if mask.entity == self.info.id and field in mask.fields and mask.access in kinds
        )
        return tuple(sorted(set(masked)))

    # Judging.

    @cached_property
    def _visibility(self) -> Visibility:
        model = self.asker.model
        return Visibility(model.registry, model.schema, self.access, model.moment(self.access))

    @cached_property
    def _table(self) -> sa.Table:
        return self.asker.model.schema.table(self.info)

    def condition(self, scope: Scope) -> ColumnElement[bool]:
        """Return the condition under which the stored row lies in *scope* of the person."""
        columns = self._table.c
        if isinstance(scope, Rule):
            model = self.asker.model
            return compile_trusted(
                scope, TrustedSource(model.registry, model.schema, self.info, columns), self._visibility.moment
            )
        if scope == "all":
            return sa.true()
        own: ColumnElement[bool] = columns.owner_id == self.access.user_id
        teams = self.access.team_ids(scope)
        return sa.or_(own, columns.team_id.in_(teams)) if teams else own

    def told(self, scope: Scope) -> bool | None:
        """Return whether the stored row lies in *scope* of the person; ``None`` if the asker may not know."""
        if isinstance(scope, Rule):
            known = self.shown(scope).told
        else:
            known = scope == "all" or {"owner_id", "team_id"} <= self.asker.reader.readable_fields(self.info.cls)
        return self.holds(self.condition(scope)) if known else None

    def holds(self, condition: ColumnElement[bool]) -> bool:
        """Return whether *condition* is true of the stored row."""
        assert self.record is not None
        statement = sa.select(sa.literal(1)).where(self._table.c.id == self.record.id, condition)
        return self.asker.connection.scalar(statement) is not None

    def shown(self, rule: Rule) -> ShownRule:
        """Return what the asker may be shown of *rule*."""
        return shown_rule(rule, self.asker.model.registry, self.info, self.asker.reader.access)

    def judged(self, rule: Rule, shown: ShownRule) -> tuple[bool | None, tuple[RulePart, ...]]:
        """Return whether *rule* and each of its parts hold, as far as the asker may know."""
        if self.record is None or not shown.told:
            return None, tuple(RulePart(part.text, None) for part in shown.parts)
        parts = tuple(RulePart(part.text, self.holds(self.condition(part))) for part in shown.parts)
        return self.holds(self.condition(rule)), parts

    # Names.

    @cached_property
    def _roles(self) -> dict[Role, str]:
        known = self.asker.model.accesses.roles(self.asker.connection)
        return {role: name for name, role in known.items()}

    def name_of(self, role: Role) -> str:
        """Return the name under which *role* is assigned."""
        return self._roles.get(role, role.id)

    def plugin_of(self, role: Role) -> str | None:
        """Return the plugin that ships *role*; ``None`` if it was made at run time."""
        return role.id.partition(".")[0] if role.id in self.asker.model.registry.roles else None

    @cached_property
    def team_name(self) -> str:
        """The name of the record's team, as far as the asker may know it."""
        return self._team(getattr(self.record, "team_id", None))

    def _team(self, team: UUID | None) -> str:
        found = self.asker.reader.get_many(Team, [team]) if team else {}
        return getattr(found[team], "name", "–") if team in found else "–"

    @cached_property
    def _owner_name(self) -> str:
        owner = getattr(self.record, "owner_id", None)
        found = self.asker.reader.get_many(User, [owner]) if owner else {}
        return getattr(found[owner], "name", "–") if owner in found else "–"


def scope_name(scope: Scope) -> str:
    """Return the name of *scope*: own, team, subtree, all or rule."""
    return "rule" if isinstance(scope, Rule) else scope


# By whether it is shared with a team, and whether the share has an end.
_SHARED = {
    (False, False): _("the record is shared with {person}, level {level}"),
    (True, False): _("the record is shared with the team {team}, level {level}"),
    (False, True): _("the record is shared with {person}, level {level}, until {end}"),
    (True, True): _("the record is shared with the team {team}, level {level}, until {end}"),
}
_HIDDEN_RULE = _("a rule on fields that you may not read")
