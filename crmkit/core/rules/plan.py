"""What a checked rule is made of: every field resolved, every literal converted, every operator known to fit.

Memory and SQL compile from this. There are values and conditions. A value may be null because a field is empty; what is
*derived* from values (a sum, a folded text, ``me()``) is never null: where it cannot be derived, the comparison that
needs it is false.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import attrs

from crmkit.core.fields import FieldType
from crmkit.core.rules.kinds import Kind

__all__ = [
    "Arithmetic",
    "Choose",
    "Compare",
    "Condition",
    "Const",
    "Constant",
    "Every",
    "Extension",
    "Field",
    "Fold",
    "HasSlug",
    "IfElse",
    "IsNull",
    "IsTrue",
    "Now",
    "OneOf",
    "Opposite",
    "Part",
    "Relation",
    "Scaled",
    "Shift",
    "Size",
    "Some",
    "TextTest",
    "Value",
    "is_shifted",
    "unshifted",
    "walk",
]


@attrs.frozen
class Relation:
    """A step through the reference *field* to a record of *entity*."""

    field: str
    name: str
    entity: str


@attrs.frozen
class Extension:
    """A step to the fields that *plugin* adds."""

    plugin: str


Step = Relation | Extension


@attrs.frozen(eq=False)
class Part:
    """A value or a condition. Its classes say the names of what is made of parts, and of what else is in it."""

    part_names: ClassVar[tuple[str, ...]] = ()
    own_names: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        made = {"Value", "Condition", "tuple[Value, ...]", "tuple[Condition, ...]"}
        cls.part_names = tuple(each.name for each in attrs.fields(cls) if each.type in made)
        cls.own_names = tuple(each.name for each in attrs.fields(cls) if each.type not in made)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What it is made of, in the order in which it is written."""
        found: list[Part] = []
        for name in self.part_names:
            held = getattr(self, name)
            found += held if isinstance(held, tuple) else (held,)
        return tuple(found)


@attrs.frozen(eq=False)
class Value(Part):
    """Something that conditions compare."""

    kind: Kind

    @property
    def is_derived(self) -> bool:
        """Whether a missing value makes the comparison false, instead of being null."""
        return True


@attrs.frozen(eq=False)
class Const(Value):
    """A constant: numbers as integers at the scale of the kind, several choices as a sorted tuple."""

    value: Any

    @property
    def is_derived(self) -> bool:
        """A constant null is null."""
        return False


@attrs.frozen(eq=False)
class Now(Value):
    """What depends on the :class:`Moment`: *name* is ``now``, ``today``, ``me`` or ``my_team``."""

    name: str
    offset: timedelta = timedelta()


@attrs.frozen(eq=False)
class Field(Value):
    """A field, reached by *steps*, kept in *column*. *missing* is its value where an extension has no row.

    A *credential* proves who somebody is.
    """

    steps: tuple[Step, ...]
    name: str
    column: str
    type: FieldType
    is_computed: bool = False
    missing: Any = None
    credential: bool = False

    @property
    def is_derived(self) -> bool:
        """An empty field is null."""
        return False


@attrs.frozen(eq=False)
class Arithmetic(Value):
    """``left op right`` on integers of the scales that *op* needs; missing where one leaves 64 bits."""

    op: str
    left: Value
    right: Value


@attrs.frozen(eq=False)
class Scaled(Value):
    """A number brought to more digits after the point. It is as null as the number; it may leave 64 bits."""

    value: Value
    factor: int

    @property
    def is_derived(self) -> bool:
        """Whether the number is."""
        return self.value.is_derived


@attrs.frozen(eq=False)
class Shift(Value):
    """A date or moment, moved by *offset*."""

    value: Value
    offset: timedelta


@attrs.frozen(eq=False)
class Fold(Value):
    """A text, case-folded."""

    value: Value


@attrs.frozen(eq=False)
class Size(Value):
    """The number of characters of a text, or of slugs of a multi-choice."""

    value: Value


@attrs.frozen(eq=False)
class Condition(Part):
    """Something that is true or false of every record."""


@attrs.frozen(eq=False)
class Choose(Value):
    """One of two values."""

    test: Condition
    then: Value
    otherwise: Value

    @property
    def is_derived(self) -> bool:
        """Derived as soon as one branch is: one database value cannot tell null from underivable."""
        return self.then.is_derived or self.otherwise.is_derived


@attrs.frozen(eq=False)
class Constant(Condition):
    """Always *value*."""

    value: bool


@attrs.frozen(eq=False)
class Compare(Condition):
    """``left op right``; *op* is one of ``== < <= > >=``. Equal nulls are equal unless a side is derived."""

    op: str
    left: Value
    right: Value


@attrs.frozen(eq=False)
class OneOf(Condition):
    """The value equals one of *items*, or is null where *or_null*."""

    value: Value
    items: tuple[Value, ...]
    or_null: bool


@attrs.frozen(eq=False)
class IsNull(Condition):
    """The value, which is not derived, is null."""

    value: Value


@attrs.frozen(eq=False)
class TextTest(Condition):
    """*name* is ``contains``, ``startsWith`` or ``endsWith``."""

    name: str
    value: Value
    part: Value


@attrs.frozen(eq=False)
class HasSlug(Condition):
    """The multi-choice has the slug."""

    value: Value
    slug: str


@attrs.frozen(eq=False)
class IsTrue(Condition):
    """The value is true."""

    value: Value


@attrs.frozen(eq=False)
class Opposite(Condition):
    """The condition does not hold."""

    condition: Condition


@attrs.frozen(eq=False)
class Every(Condition):
    """All conditions hold."""

    conditions: tuple[Condition, ...]


@attrs.frozen(eq=False)
class Some(Condition):
    """At least one condition holds."""

    conditions: tuple[Condition, ...]


@attrs.frozen(eq=False)
class IfElse(Condition):
    """*then* where *test* holds, *otherwise* elsewhere."""

    test: Condition
    then: Condition
    otherwise: Condition


def is_shifted(value: Value) -> bool:
    """Return whether *value* is, in some case, a date or moment that was moved."""
    if isinstance(value, Choose):
        return is_shifted(value.then) or is_shifted(value.otherwise)
    return isinstance(value, Shift)


def unshifted(value: Value) -> tuple[Value, timedelta]:
    """Return the date or moment itself, and by how much it is moved."""
    return (value.value, value.offset) if isinstance(value, Shift) else (value, timedelta())


def walk(part: Part) -> Iterator[Part]:
    """Yield *part* and everything that it is made of."""
    yield part
    for below in part.parts:
        yield from walk(below)
