"""The answer to "may this person do that, and why": plain values with sentences that can be translated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal
from uuid import UUID

import attrs

from crmkit.core.text import Text, gettext as _, translate

__all__ = ["Change", "Explanation", "FieldFinding", "Finding", "RulePart", "Sentence"]

Answer = Literal["yes", "no", "depends"]
FindingKind = Literal["system", "user", "scope", "bin", "grant", "share", "restriction", "exemption", "follows"]
ChangeKind = Literal[
    "activate", "scope", "restore", "own", "team", "rule", "grant", "role", "share", "restriction", "follows", "only"
]


@attrs.frozen
class Sentence:
    """A template and the facts that fill it, put together when it is shown."""

    template: Text
    facts: Mapping[str, Any] = attrs.field(factory=dict)

    def localized(self, locale: str | None = None) -> str:
        """Return the sentence in *locale*, or in the current one."""
        shown = {name: _shown(fact, locale) for name, fact in self.facts.items()}
        return translate(self.template, locale).format_map(shown)

    def __str__(self) -> str:
        return self.localized()


def _shown(fact: Any, locale: str | None) -> Any:
    if isinstance(fact, Sentence):
        return fact.localized(locale)
    return translate(fact, locale) if isinstance(fact, Text) else fact


@attrs.frozen
class RulePart:
    """One of the conditions that a rule joins with ``&&``. *held* is ``None`` where it is not for the asker to know."""

    text: str
    held: bool | None


@attrs.frozen
class Finding:
    """One thing that was looked at: a scope, a grant, a share, a restriction, a reference that is followed.

    *verb* is the verb asked about, or ``read``, as nobody can do anything with a record that they do not see. *held*
    says whether it held for the record; ``None`` if no record was asked about, or if it is not for the asker to know.
    *plugin* is ``None`` for what was made at run time. *parts* are the conditions of a rule.
    """

    kind: FindingKind
    verb: str
    held: bool | None
    sentence: Sentence
    role: str | None = None
    plugin: str | None = None
    scope: str | None = None
    rule: str | None = None
    parts: tuple[RulePart, ...] = ()


@attrs.frozen
class FieldFinding:
    """A field that is hidden from the person, or that they may not change, and the roles whose masks say so.

    *needs* are the hidden fields that a computed one would reveal.
    """

    field: str
    access: Literal["hidden", "read_only"]
    roles: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@attrs.frozen
class Change:
    """Something that would change the answer for *verb*. *role* names the role that would help, where one would."""

    kind: ChangeKind
    verb: str
    sentence: Sentence
    role: str | None = None


@attrs.frozen
class Explanation:
    """Whether somebody may do something with a record, or with an entity, and everything that decided it.

    Without a record the answer may be ``depends``: on the record. *reason* is a slug: ``allowed``, ``system``,
    ``inactive``, ``out-of-scope``, ``in-bin``, ``not-visible``, ``no-grant``, ``restricted``, ``depends``.
    """

    person: str
    person_id: UUID | None
    verb: str
    entity: str
    record: str | None
    record_id: UUID | None
    answer: Answer
    reason: str
    findings: tuple[Finding, ...] = ()
    fields: tuple[FieldFinding, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def sentence(self) -> Sentence:
        """The answer in one sentence."""
        facts = {"person": self.person, "verb": self.verb, "entity": self.entity, "record": self.record}
        return Sentence(_ANSWERS[self.reason], facts)

    def lines(self, locale: str | None = None) -> Iterator[str]:
        """Yield the whole explanation as lines of text: the answer, what decided it, what would change it."""
        yield self.sentence.localized(locale)
        for finding in self.findings:
            yield f"  {_MARKS[finding.held]} {finding.sentence.localized(locale)}"
            if len(finding.parts) > 1:
                yield from (f"      {_MARKS[part.held]} {part.text}" for part in finding.parts)
        yield from self._field_lines(locale)
        if self.changes:
            yield translate(_("What would change the answer:"), locale)
            several = len({change.verb for change in self.changes}) > 1
            for change in self.changes:
                yield f"  - {f'{change.verb}: ' if several else ''}{change.sentence.localized(locale)}"

    def _field_lines(self, locale: str | None) -> Iterator[str]:
        for access, heading in (("hidden", _("Hidden fields:")), ("read_only", _("Fields that may only be read:"))):
            found = [field for field in self.fields if field.access == access]
            if found:
                yield translate(heading, locale)
                yield from (f"  {_field_sentence(field).localized(locale)}" for field in found)

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as plain data, with its sentences in the current language."""
        plain: dict[str, Any] = attrs.asdict(self, recurse=False)
        plain["message"] = str(self.sentence)
        plain["findings"] = [_as_dict(finding) for finding in self.findings]
        plain["fields"] = [attrs.asdict(field) for field in self.fields]
        plain["changes"] = [_as_dict(change) for change in self.changes]
        return plain


def _as_dict(found: Finding | Change) -> dict[str, Any]:
    plain = attrs.asdict(found, filter=lambda attribute, _value: attribute.name != "sentence")
    return {**plain, "message": str(found.sentence)}


def _field_sentence(found: FieldFinding) -> Sentence:
    facts = {"field": found.field, "roles": ", ".join(found.roles), "needs": ", ".join(found.needs)}
    if found.needs:
        return Sentence(_("{field}: computed from {needs}"), facts)
    if found.roles:
        return Sentence(_("{field}: by {roles}"), facts)
    return Sentence(_("{field}: no role grants it"), facts)


_MARKS = {True: "✓", False: "✗", None: "·"}
_ANSWERS = {
    "allowed": _("Yes: {person} may {verb} {entity} {record}."),
    "allowed-everywhere": _("Yes: {person} may {verb} every {entity}."),
    "system": _("Yes: {person} is the system, for which there are no limits."),
    "inactive": _("No: {person} is no active user, and may do nothing."),
    "out-of-scope": _("No: the scopes within which {person} acts do not cover this: {verb} {entity}."),
    "in-bin": _("No: {entity} {record} is in the bin."),
    "not-visible": _("No: for {person} there is no {entity} {record}."),
    "no-grant": _("No: nothing allows {person} to {verb} {entity} {record}."),
    "no-grant-anywhere": _("No: nothing allows {person} to {verb} any {entity}."),
    "restricted": _("No: a restriction keeps {person} from this: {verb} {entity} {record}."),
    "depends": _("{person} may {verb} some records of {entity}; which ones depends on the record."),
}
