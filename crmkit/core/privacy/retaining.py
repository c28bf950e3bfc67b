"""Retention: what has been kept long enough goes, by rules that administrators write.

Who runs the rules acts with their own rights: what they do not see, may not delete or may not erase stays. The nightly
job acts for the system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import CrmkitError, FieldProblem, UnknownFieldError
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.privacy.entities import RetentionRule
from crmkit.core.privacy.erasing import erase_held_back
from crmkit.core.registry import CORE, Registry
from crmkit.core.rules.check import check
from crmkit.core.rules.errors import RuleError
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["RetentionPlan", "RetentionRun", "check_retention_rule", "plan_retention", "run_retention"]

# A transaction lasts as long as these take.
_BATCH = 50


@attrs.frozen
class RetentionPlan:
    """What a rule would take now: how many records the principal sees of it, and some of them.

    *count* is ``None`` where the principal cannot know: the rule asks for a field that it may not read.
    """

    rule: RetentionRule
    count: int | None
    samples: tuple[Record, ...]


@attrs.frozen
class RetentionRun:
    """What a rule took: *done* records; *left* are those that were due and had to stay, such as what is held."""

    rule: RetentionRule
    done: int
    left: int


def plan_retention(reader: Reader, *, samples: int = 5) -> list[RetentionPlan]:
    """Return what each active rule that the principal sees would take now; nothing is changed.

    Records under a legal hold are among them, and stay when the rules are run.
    """
    return [_planned(reader, rule, samples) for rule in _rules(reader)]


def _planned(reader: Reader, rule: RetentionRule, samples: int) -> RetentionPlan:
    found = _due(reader, rule)
    if found is None:
        return RetentionPlan(rule, None, ())
    info, condition = found
    shown = reader.find(info.cls, condition, order_by="id", limit=samples)
    return RetentionPlan(rule, reader.count(info.cls, condition), tuple(shown))


def run_retention(open_writer: Callable[[], AbstractContextManager[Writer]]) -> list[RetentionRun]:
    """Do what each active rule says, a few records in each transaction, and return what was done.

    Cut short, it has done whole records; the next run goes on. *open_writer* opens a transaction. Erased content is
    deleted by :func:`finish_erasures`.
    """
    with open_writer() as writer:
        rules = _rules(writer)
    return [_run(open_writer, rule) for rule in rules]


def _run(open_writer: Callable[[], AbstractContextManager[Writer]], rule: RetentionRule) -> RetentionRun:
    done = left = 0
    cursor: str | None = None
    while True:
        with open_writer() as writer:
            found = _due(writer, rule)
            if found is None:
                return RetentionRun(rule, done, left)
            info, condition = found
            page = writer.page(info.cls, condition, order_by="id", limit=_BATCH, after=cursor)
            for record in page.records:
                is_done = _taken(writer, rule, record)
                done, left = done + is_done, left + (not is_done)
        cursor = page.next
        if cursor is None:
            return RetentionRun(rule, done, left)


def _taken(writer: Writer, rule: RetentionRule, record: Record) -> bool:
    """Delete or erase *record* and return ``True``; what is held, referred to, refused or changed meanwhile stays."""
    try:
        with writer.attempt(), writer.because(f"retention: {rule.name}"):
            (now,) = writer.hold([record])
            if now.version != record.version:
                return False
            if rule.action == "erase":
                erase_held_back(writer, record)
            else:
                writer.delete(record)
    except CrmkitError:
        return False
    return True


def _rules(reader: Reader) -> list[RetentionRule]:
    if not reader.readable_fields(RetentionRule).issuperset(RetentionRule.__entity__.fields.keys() - {"custom"}):
        return []
    return reader.find(RetentionRule, RetentionRule.f.is_active == True, order_by="name")  # noqa: E712


def _due(reader: Reader, rule: RetentionRule) -> tuple[EntityInfo, Rule] | None:
    """Return for which records *rule* holds now; ``None`` where that makes no sense, or no sense to the principal."""
    info = reader.model.registry.entities.get(rule.entity)
    if info is None:
        return None
    try:
        condition: Rule = info.cls.f.updated_at < reader.moment.now - timedelta(days=rule.days)
        if rule.where:
            condition = Rule.parse(rule.where) & condition
        check(condition, FieldScope(reader.model.registry, info, reader.access))
    except (RuleError, UnknownFieldError):
        return None
    return info, condition


def check_retention_rule(registry: Registry, write: Write) -> Iterator[FieldProblem]:
    """Yield a problem for each value that makes no sense in *write*, of a ``core.retention_rule``."""
    if write.kind not in ("create", "update", "restore") or write.get("entity") is None:
        return
    entity, where = write.get("entity"), write.get("where")
    info: Any = registry.entities.get(entity)
    if info is None or info.plugin == CORE:
        yield FieldProblem("entity", _("there is no entity {entity!r} whose records may go"), entity=entity)
    elif where:
        try:
            check(Rule.parse(where), FieldScope(registry, info))
        except (RuleError, UnknownFieldError) as error:
            yield FieldProblem("where", _("{reason}"), reason=str(error))
