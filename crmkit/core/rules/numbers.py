"""Exact numbers: every number of a rule is a 64-bit integer and a scale, so that no database rounds.

Literals are moved to the scale of what they are compared with when the rule is checked. Calculations happen on the
integers; a result beyond 64 bits makes its comparison false, in memory as on every database.
"""

from __future__ import annotations

from decimal import Context, Decimal

__all__ = ["LARGEST", "MAX_SCALE", "SMALLEST", "bound", "fits", "from_raw", "raw", "to_raw"]

LARGEST, SMALLEST = 2**63 - 1, -(2**63)
# Leaves 9.2 billion before the point: see docs/decisions/rules.md.
MAX_SCALE = 9
_EXACT = Context(prec=100)


def fits(number: int) -> bool:
    """Return whether *number* is a 64-bit integer."""
    return SMALLEST <= number <= LARGEST


def raw(number: int | Decimal) -> tuple[int, int]:
    """Return ``(integer, scale)`` with ``number == integer / 10 ** scale`` and the smallest possible scale."""
    sign, digits, exponent = Decimal(number).as_tuple()
    assert isinstance(exponent, int), "literals are finite"
    whole = int("".join(map(str, digits))) * (-1 if sign else 1)
    if exponent >= 0:
        return whole * 10**exponent, 0
    scale = -exponent
    while scale and whole % 10 == 0:
        whole, scale = whole // 10, scale - 1
    return whole, scale


def to_raw(number: Decimal | int, scale: int) -> int:
    """Return *number* times ten to the *scale*, which is whole for every stored value."""
    return int(Decimal(number).scaleb(scale, context=_EXACT))


def from_raw(number: int, scale: int) -> Decimal:
    """Return the Decimal of a scaled integer."""
    return Decimal(number).scaleb(-scale, context=_EXACT)


def bound(op: str, whole: int, own: int, scale: int) -> tuple[str, int] | None:
    """Return ``(op, integer)`` that 64-bit integers of *scale* meet exactly if they meet *whole* of scale *own*.

    ``None`` if no value of that scale equals the number.
    """
    down, rest = divmod(whole * 10 ** max(scale - own, 0), 10 ** max(own - scale, 0))
    if op == "==":
        return (op, down) if not rest and fits(down) else None
    upwards = op in (">", ">=")
    if rest:
        # Nothing lies between the neighbours of a number with too many digits.
        op = ">" if upwards else "<="
    if down > LARGEST:
        return (">" if upwards else "<=", LARGEST)
    if down < SMALLEST:
        return (">=" if upwards else "<", SMALLEST)
    return op, down
