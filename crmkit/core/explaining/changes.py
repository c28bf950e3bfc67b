"""What would change the answer: the ways in that are closed, and the roles that would open them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from crmkit.core.explaining.explanation import Answer, Change, Finding, Sentence
from crmkit.core.policy.roles import EVERY_ENTITY, SCOPES, Role
from crmkit.core.policy.scopes import scope_for
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.explaining.question import Question

__all__ = ["changes"]


def changes(question: Question, answer: Answer, reason: str, findings: Sequence[Finding]) -> Iterator[Change]:
    """Yield what would turn *answer* round, each once."""
    seen = set[tuple[str, str]]()
    for change in _all(question, answer, reason, findings):
        said = (change.verb, str(change.sentence))
        if said not in seen:
            seen.add(said)
            yield change


def _all(question: Question, answer: Answer, reason: str, findings: Sequence[Finding]) -> Iterator[Change]:
    if reason == "in-bin":
        yield Change("restore", question.verb, Sentence(_("the record is restored from the bin")))
    elif reason == "out-of-scope":
        yield from _wider_scopes(question)
    elif answer == "no":
        for verb in question.verbs:
            yield from _for_verb(question, verb, [finding for finding in findings if finding.verb == verb])
    elif answer == "yes":
        yield from _only_way(question, findings)


def _wider_scopes(question: Question) -> Iterator[Change]:
    """Yield the scopes that are lacking; then other things decide."""
    for verb in question.verbs:
        if not question.access.covers(question.info.id, verb):
            facts = {"scope": scope_for(question.info.id, verb)}
            yield Change("scope", verb, Sentence(_("a token with the scope {scope} is used"), facts))


def _only_way(question: Question, findings: Sequence[Finding]) -> Iterator[Change]:
    for verb in question.verbs:
        ways = [f for f in findings if f.verb == verb and f.kind in ("grant", "share") and f.held]
        if len(ways) == 1:
            sentence = Sentence(_("without this it would be no: {way}"), {"way": ways[0].sentence})
            yield Change("only", verb, sentence, role=ways[0].role)


def _for_verb(question: Question, verb: str, findings: Sequence[Finding]) -> Iterator[Change]:
    """Yield what would allow *verb*, unless it is allowed already."""
    granted = any(finding.kind in ("grant", "share") and finding.held for finding in findings)
    if not granted:
        yield from _closed_ways(question, verb)
        if question.asker.knows_policy:
            yield from _roles(question, verb)
        yield from _new_ways(question, verb)
    if question.record is None:
        return
    for finding in findings:
        unknown = finding.held is None and granted
        if finding.kind == "restriction" and (unknown or finding.held is False):
            yield Change("restriction", verb, Sentence(_("this comes to hold: {what}"), {"what": finding.sentence}))
        elif finding.kind == "follows" and not finding.held:
            facts = {"person": question.access.name, "what": finding.sentence}
            yield Change("follows", verb, Sentence(_("{person} gets to see the other record: {what}"), facts))


def _closed_ways(question: Question, verb: str) -> Iterator[Change]:
    """Yield what would make a grant hold that the person has."""
    if question.record is None:
        return
    for role, grant in question.grants(question.access.roles, verb):
        facts = {"person": question.access.name, "team": question.team_name, "role": question.name_of(role)}
        if isinstance(grant.scope, Rule):
            text = question.shown(grant.scope).text
            if text is not None:
                yield Change(
                    "rule",
                    verb,
                    Sentence(_("the rule of the role {role} comes to hold: {rule}"), {**facts, "rule": text}),
                )
            continue
        yield Change("own", verb, Sentence(_("the record is transferred to {person}"), facts))
        if grant.scope in ("team", "subtree") and question.team_name != "–":
            template = _("{person} becomes a member of the team {team}")
            if grant.scope == "subtree":
                template = _("{person} becomes a member of the team {team}, or of one above it")
            yield Change("team", verb, Sentence(template, facts))


def _roles(question: Question, verb: str) -> Iterator[Change]:
    """Yield the roles that the person lacks and whose grants would hold."""
    asker = question.asker
    known = asker.model.accesses.roles(asker.connection)
    # Who may do everything comes last: that is seldom what somebody lacks.
    for name, role in sorted(known.items(), key=lambda item: any(g.entity == EVERY_ENTITY for g in item[1].grants)):
        if role not in question.access.roles and _would_allow(question, role, verb):
            facts = {"person": question.access.name, "role": name}
            yield Change("role", verb, Sentence(_("{person} is given the role {role}"), facts), role=name)


def _would_allow(question: Question, role: Role, verb: str) -> bool:
    scopes = [grant.scope for _role, grant in question.grants([role], verb)]
    if question.record is None:
        return bool(scopes)
    return any(question.told(scope) for scope in scopes)


def _new_ways(question: Question, verb: str) -> Iterator[Change]:
    """Yield the narrowest grant that would do, and a share."""
    facts = {"verb": verb, "entity": question.info.id, "person": question.access.name}
    if question.record is None:
        yield Change("grant", verb, Sentence(_("a role of {person} grants {verb} on {entity}"), facts))
        return
    facts["scope"] = _narrowest(question)
    yield Change("grant", verb, Sentence(_("a role of {person} grants {verb} on {entity}, scope {scope}"), facts))
    if verb == "read":
        yield Change("share", verb, Sentence(_("the record is shared with {person} or with a team of theirs"), facts))
    elif verb == "update":
        yield Change("share", verb, Sentence(_("the record is shared with {person}, level write"), facts))


def _narrowest(question: Question) -> str:
    if question.info.owned:
        for scope in SCOPES:
            if question.told(scope):  # type: ignore[arg-type]
                return scope
    return "all"
