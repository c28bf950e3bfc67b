"""How much of a rule an asker may be shown."""

from __future__ import annotations

import attrs

from crmkit.core.entity import EntityInfo
from crmkit.core.policy.access import Access
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.registry import Registry
from crmkit.core.rules import ast
from crmkit.core.rules.check import check
from crmkit.core.rules.errors import UnknownRuleFieldError
from crmkit.core.rules.rule import Rule

__all__ = ["ShownRule", "shown_rule"]


@attrs.frozen
class ShownRule:
    """A rule as an asker may know it: *text* is ``None`` if it reads a field that is hidden from the asker.

    *told* says whether the asker may know if it held: what stands behind a reference may be invisible to the asker.
    """

    text: str | None
    told: bool
    parts: tuple[Rule, ...] = ()


def shown_rule(rule: Rule, registry: Registry, info: EntityInfo, access: Access) -> ShownRule:
    """Return what somebody with *access* may be shown of *rule* on *info*."""
    parts = _operands(rule)
    if access.is_system:
        return ShownRule(rule.text, True, parts)
    try:
        checked = check(rule, FieldScope(registry, info, access))
    except UnknownRuleFieldError:
        return ShownRule(None, False)
    return ShownRule(rule.text, not checked.relations, parts)


def _operands(rule: Rule) -> tuple[Rule, ...]:
    node = rule.node
    if isinstance(node, ast.Logic) and node.op == "&&":
        return tuple(Rule(operand) for operand in node.operands)
    return (rule,)
