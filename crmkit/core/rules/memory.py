"""Evaluating a checked rule on values in memory: closures, so that no node is looked at twice."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import singledispatchmethod
from typing import Any, Protocol, TypeAlias

from crmkit.core.fields import AnyReference, FieldType, MoneyType
from crmkit.core.money import Money
from crmkit.core.rules import plan
from crmkit.core.rules.moment import Moment
from crmkit.core.rules.numbers import fits, from_raw, to_raw
from crmkit.core.text import casefold

__all__ = ["COMPARISONS", "NO_MOMENT", "NO_VALUES", "Memory", "Row", "Values", "compile_memory", "native_default"]

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CALCULATIONS: Mapping[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_PLAIN = (FieldType.split,)
_TEXT_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Values(Protocol):
    """The values of one record, as a rule reads them: ``values["stage"]``, ``None`` where there is none.

    Money in another currency than the company's is read as ``values["amount_base"]``, in minor units of the
    company's currency.
    """

    def __getitem__(self, name: str, /) -> Any:
        """Return the Python value of the field or computed field *name*."""
        ...

    def related(self, relation: str, /) -> Values | None:
        """Return the record behind the reference ``<relation>_id``; ``None`` if there is none to see."""
        ...

    def extension(self, plugin: str, /) -> Values | None:
        """Return what *plugin* adds; ``None`` if nothing was ever written."""
        ...


class Row(dict[str, Any]):
    """Values from a mapping, with the related records and extensions at hand."""

    def __init__(
        self,
        values: Mapping[str, Any],
        related: Mapping[str, Values | None] | None = None,
        extensions: Mapping[str, Values | None] | None = None,
    ) -> None:
        """Keep *values*, what stands behind each relation, and what each plugin adds."""
        super().__init__(values)
        self._related, self._extensions = related or {}, extensions or {}

    def related(self, relation: str, /) -> Values | None:
        """Return what was given as related."""
        return self._related.get(relation)

    def extension(self, plugin: str, /) -> Values | None:
        """Return what was given as extension."""
        return self._extensions.get(plugin)


Read: TypeAlias = Callable[[Values, Moment], Any]
Test: TypeAlias = Callable[[Values, Moment], bool]


def compile_memory(condition: plan.Condition, base_currency: str) -> Test:
    """Return the function that tells whether *condition* holds for values at a moment."""
    return Memory(base_currency).test(condition)


class Memory:
    """Compiles plans to closures. Numbers are read as integers at the scale of their kind."""

    def __init__(self, base_currency: str) -> None:
        """Read money of *base_currency* from its own amount."""
        self.base_currency = base_currency

    # Conditions.

    @singledispatchmethod
    def test(self, condition: plan.Condition) -> Test:
        """Return the closure of *condition*."""
        raise NotImplementedError(condition)

    @test.register
    def _constant(self, condition: plan.Constant) -> Test:
        value = condition.value
        return lambda values, moment: value

    @test.register
    def _opposite(self, condition: plan.Opposite) -> Test:
        test = self.test(condition.condition)
        return lambda values, moment: not test(values, moment)

    @test.register
    def _every(self, condition: plan.Every) -> Test:
        tests = tuple(map(self.test, condition.conditions))
        if len(tests) == 2:
            first, second = tests
            return lambda values, moment: first(values, moment) and second(values, moment)
        return lambda values, moment: all(test(values, moment) for test in tests)

    @test.register
    def _some(self, condition: plan.Some) -> Test:
        tests = tuple(map(self.test, condition.conditions))
        if len(tests) == 2:
            first, second = tests
            return lambda values, moment: first(values, moment) or second(values, moment)
        return lambda values, moment: any(test(values, moment) for test in tests)

    @test.register
    def _if_else(self, condition: plan.IfElse) -> Test:
        test, then, otherwise = map(self.test, (condition.test, condition.then, condition.otherwise))
        return lambda values, moment: (then if test(values, moment) else otherwise)(values, moment)

    @test.register
    def _compare(self, condition: plan.Compare) -> Test:
        compare = COMPARISONS[condition.op]
        left, right = self._sides(condition.left, condition.right)
        if isinstance(condition.right, plan.Const):
            return _compare_with(condition.op, left, right)
        if condition.op == "==" and not (condition.left.is_derived or condition.right.is_derived):
            return lambda values, moment: left(values, moment) == right(values, moment)

        def test(values: Values, moment: Moment) -> bool:
            one, other = left(values, moment), right(values, moment)
            return one is not None and other is not None and compare(one, other)

        return test

    @test.register
    def _one_of(self, condition: plan.OneOf) -> Test:
        read, *items = self._sides(condition.value, *condition.items)
        constant = frozenset(
            item(NO_VALUES, NO_MOMENT)
            for item, value in zip(items, condition.items, strict=True)
            if isinstance(value, plan.Const)
        )
        moving = [item for item, value in zip(items, condition.items, strict=True) if isinstance(value, plan.Now)]
        or_null = condition.or_null

        def test(values: Values, moment: Moment) -> bool:
            value = read(values, moment)
            if value is None:
                return or_null
            return value in constant or any(value == item(values, moment) for item in moving)

        return test

    @test.register
    def _is_null(self, condition: plan.IsNull) -> Test:
        read = self.read(condition.value)
        return lambda values, moment: read(values, moment) is None

    @test.register
    def _is_true(self, condition: plan.IsTrue) -> Test:
        read = self.read(condition.value)
        return lambda values, moment: read(values, moment) is True

    @test.register
    def _text_test(self, condition: plan.TextTest) -> Test:
        method = _TEXT_TESTS[condition.name]
        text, part = self.read(condition.value), self.read(condition.part)

        def test(values: Values, moment: Moment) -> bool:
            whole, wanted = text(values, moment), part(values, moment)
            return whole is not None and wanted is not None and method(whole, wanted)

        return test

    @test.register
    def _has_slug(self, condition: plan.HasSlug) -> Test:
        read, slug = self.read(condition.value), condition.slug
        return lambda values, moment: slug in (read(values, moment) or ())

    # Values.

    def _sides(self, *values: plan.Value) -> list[Read]:
        """Return the readers of values that are compared with each other, all on one measure."""
        if any(map(plan.is_shifted, values)):
            return [self._on_timeline(value) for value in values]
        first, *rest = values
        if isinstance(first, plan.Field) and _is_decimal(first) and all(isinstance(v, plan.Const) for v in rest):
            # Decimals compare exactly as they are, which spares every record a conversion.
            return [self._native(first), *(_always(from_raw(v.value, v.kind.scale)) for v in rest)]  # type: ignore[attr-defined]
        return list(map(self.read, values))

    @singledispatchmethod
    def read(self, value: plan.Value) -> Read:
        """Return the closure that reads *value*; it gives ``None`` where there is none."""
        raise NotImplementedError(value)

    @read.register
    def _const(self, value: plan.Const) -> Read:
        return _always(value.value)

    @read.register
    def _now(self, value: plan.Now) -> Read:
        name, offset = value.name, value.offset
        return lambda values, moment: moment.value(name, offset)

    @read.register
    def _field(self, value: plan.Field) -> Read:
        native = self._native(value)
        if not _is_decimal(value):
            return native
        scale = value.kind.scale

        def read(values: Values, moment: Moment) -> Any:
            found = native(values, moment)
            return None if found is None else to_raw(found, scale)

        return read

    @read.register
    def _choose(self, value: plan.Choose) -> Read:
        test, then, otherwise = self.test(value.test), self.read(value.then), self.read(value.otherwise)
        return lambda values, moment: (then if test(values, moment) else otherwise)(values, moment)

    @read.register
    def _arithmetic(self, value: plan.Arithmetic) -> Read:
        left, right, calculate = self.read(value.left), self.read(value.right), _CALCULATIONS[value.op]

        def read(values: Values, moment: Moment) -> int | None:
            one, other = left(values, moment), right(values, moment)
            if one is None or other is None or not (fits(one) and fits(other)):
                return None
            result = calculate(one, other)
            return result if fits(result) else None

        return read

    @read.register
    def _scaled(self, value: plan.Scaled) -> Read:
        read, factor = self.read(value.value), value.factor

        def scaled(values: Values, moment: Moment) -> int | None:
            number = read(values, moment)
            return None if number is None else number * factor

        return scaled

    @read.register
    def _fold(self, value: plan.Fold) -> Read:
        read = self.read(value.value)

        def fold(values: Values, moment: Moment) -> str | None:
            text = read(values, moment)
            return None if text is None else casefold(text)

        return fold

    @read.register
    def _size(self, value: plan.Size) -> Read:
        read = self.read(value.value)

        def size(values: Values, moment: Moment) -> int | None:
            found = read(values, moment)
            return None if found is None else len(found)

        return size

    def _on_timeline(self, value: plan.Value) -> Read:
        """Return the reader of a date or moment as a number of days or microseconds, which has no last year."""
        if isinstance(value, plan.Choose):
            test, then, otherwise = self.test(value.test), *map(self._on_timeline, (value.then, value.otherwise))
            return lambda values, moment: (then if test(values, moment) else otherwise)(values, moment)
        value, offset = plan.unshifted(value)
        read, move = self.read(value), offset.days if value.kind.name == "date" else offset // _MICROSECOND

        def measured(values: Values, moment: Moment) -> int | None:
            found = read(values, moment)
            return None if found is None else _timeline(found) + move

        return measured

    def _native(self, field: plan.Field) -> Read:
        """Return the reader of *field* through its steps, as Python keeps it."""
        get = self._own(field)
        if not field.steps:
            return lambda values, moment: get(values)
        steps = [
            (isinstance(s, plan.Relation), s.name if isinstance(s, plan.Relation) else s.plugin) for s in field.steps
        ]
        missing = native_default(field)

        def read(values: Values, moment: Moment) -> Any:
            there: Values | None = values
            for is_relation, name in steps:
                if there is None:
                    return None
                there = there.related(name) if is_relation else there.extension(name)
            return missing if there is None else get(there)

        return read

    def _own(self, field: plan.Field) -> Callable[[Values], Any]:
        """Return the reader of *field* on the record that has it."""
        name, kind = field.name, field.type
        if isinstance(kind, MoneyType):
            return self._money(name)
        if isinstance(kind, AnyReference):
            part = "entity" if field.column.endswith("_entity") else "id"
            return lambda values: getattr(values[name], part, None)
        if field.is_computed and field.kind.name == "number":
            return _whole(name, field.kind.scale)
        if type(kind).split in _PLAIN or field.kind.name == "slugs":
            return lambda values: values[name]
        return lambda values: kind.split(values[name])[-1]

    def _money(self, name: str) -> Callable[[Values], Any]:
        base, currency = f"{name}_base", self.base_currency

        def read(values: Values) -> int | None:
            money: Money | None = values[name]
            if money is None:
                return None
            return money.minor if money.currency == currency else values[base]

        return read


def native_default(field: plan.Field) -> Any:
    """Return the value of *field* where its extension has no row, as Python keeps it."""
    if field.missing is None or not _is_decimal(field):
        return field.missing
    return from_raw(field.missing, field.kind.scale)


def _whole(name: str, scale: int) -> Callable[[Values], Any]:
    """Return the reader of a computed number, which databases have only within 64 bits."""

    def read(values: Values) -> Any:
        found = values[name]
        return found if found is None or fits(to_raw(found, scale)) else None

    return read


def _always(value: Any) -> Read:
    return lambda values, moment: value


def _is_decimal(field: plan.Field) -> bool:
    kind = field.kind.plain or field.kind
    return kind.name == "number" and field.type.columns()[-1].kind == "scaled"


def _timeline(found: date) -> int:
    return (found - _EPOCH) // _MICROSECOND if isinstance(found, datetime) else found.toordinal()


def _compare_with(op: str, left: Read, right: Read) -> Test:
    """Return the comparison with a constant, which is never null."""
    compare, constant = COMPARISONS[op], right(NO_VALUES, NO_MOMENT)
    if op == "==":
        return lambda values, moment: left(values, moment) == constant

    def test(values: Values, moment: Moment) -> bool:
        value = left(values, moment)
        return value is not None and compare(value, constant)

    return test


NO_VALUES, NO_MOMENT = Row({}), Moment.at(_EPOCH)
