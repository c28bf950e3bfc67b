"""Checking a rule against the fields that exist for one principal."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any

import attrs

from crmkit.core.rules import plan
from crmkit.core.rules.check_conditions import Conditions
from crmkit.core.rules.check_paths import Namespace, Paths
from crmkit.core.rules.errors import RuleError
from crmkit.core.rules.memory import Values, compile_memory
from crmkit.core.rules.moment import Moment
from crmkit.core.rules.nesting import MAX_NESTING, nesting
from crmkit.core.rules.parameters import constants, kept, shape
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _

__all__ = ["CheckedRule", "Namespace", "check", "has_constants"]


@attrs.frozen(eq=False)
class CheckedRule:
    """A rule that is meaningful on *entity*.

    *fields* are all ``(entity, field)`` it reads, references on the way included, ``membership.tier`` for a field of
    an extension; *relations* are the ``(entity, relation)`` it follows. Whoever may read all fields may use the rule.
    """

    rule: Rule
    entity: str
    base_currency: str
    condition: plan.Condition
    fields: frozenset[tuple[str, str]]
    relations: frozenset[tuple[str, str]]

    @cached_property
    def uses_moment(self) -> bool:
        """Whether the answer depends on when, or for whom, the rule is evaluated."""
        return any(isinstance(part, plan.Now) for part in plan.walk(self.condition))

    @cached_property
    def constants(self) -> dict[str, plan.Const]:
        """The constants that SQL may leave open, each under the name of its parameter."""
        return {f"const_{place}": each for place, each in enumerate(constants(self.condition))}

    @cached_property
    def constant_values(self) -> dict[str, Any]:
        """The values of :attr:`constants`, as columns keep them."""
        return {name: kept(each.value, each.kind) for name, each in self.constants.items()}

    @cached_property
    def shape(self) -> Hashable:
        """What two rules on an entity share exactly if their SQL is the same with :attr:`constants` left open."""
        return shape(self.condition)

    @cached_property
    def _test(self) -> Callable[[Values, Moment], bool]:
        return compile_memory(self.condition, self.base_currency)

    def holds(self, values: Values, moment: Moment) -> bool:
        """Return whether the rule holds for *values*; see :class:`crmkit.core.rules.memory.Values`."""
        return self._test(values, moment)


def has_constants(rule: CheckedRule | None) -> bool:
    """Return whether the SQL of *rule* leaves constants open, so that which plan is good depends on them."""
    return rule is not None and bool(rule.constants)


def check(rule: Rule, namespace: Namespace) -> CheckedRule:
    """Return *rule* with every field resolved in *namespace* and every literal converted.

    Raises:
        RuleError: values do not fit together; the error has the position.
        UnknownRuleFieldError: a field does not exist or is hidden; the words are the same.
    """
    paths = Paths(namespace)
    condition = Conditions(paths).condition(rule.node)
    if nesting(condition) > MAX_NESTING:
        raise RuleError(
            _("it nests too deeply for a database."),
            rule.node.at,
            _("Accepted: five relations in a path, or a few ternaries or parentheses inside each other."),
        )
    return CheckedRule(
        rule, namespace.entity.id, paths.base_currency, condition, frozenset(paths.fields), frozenset(paths.relations)
    )
