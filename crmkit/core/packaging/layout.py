"""Python code that fits on lines: what is in brackets stands on one line if it fits, and else a part to a line."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

__all__ = ["Code", "Group", "call", "keyword", "laid_out", "listed"]

_LINE = 120


@attrs.frozen
class Group:
    """Code in brackets: what *opens* it, its *parts*, and what *closes* it."""

    opens: str
    parts: Sequence[Code]
    closes: str

    @property
    def flat(self) -> str:
        """The code on one line."""
        inside = ", ".join(part if isinstance(part, str) else part.flat for part in self.parts)
        return f"{self.opens}{inside}{self.closes}"


Code = str | Group


def call(name: str, *parts: Code) -> Group:
    """Return the call of *name* with *parts*."""
    return Group(f"{name}(", parts, ")")


def listed(parts: Sequence[Code]) -> Group:
    """Return the list of *parts*."""
    return Group("[", parts, "]")


def keyword(name: str, value: Code) -> Code:
    """Return *value* as the argument *name*."""
    return f"{name}={value}" if isinstance(value, str) else attrs.evolve(value, opens=f"{name}={value.opens}")


def laid_out(code: Code, indent: int = 0, before: int = 0) -> str:
    """Return *code* as it stands at *indent*, where *before* characters are on its first line already."""
    flat = code if isinstance(code, str) else code.flat
    if isinstance(code, str) or indent + before + len(flat) + 1 <= _LINE:
        return flat
    pad = " " * (indent + 4)
    parts = "".join(f"{pad}{laid_out(part, indent + 4)},\n" for part in code.parts)
    return f"{code.opens}\n{parts}{' ' * indent}{code.closes}"
