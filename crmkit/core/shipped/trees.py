"""Trees: the neutral form in which what a plugin ships is compared, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["ABSENT", "Absent", "Order", "Path", "Tree", "at", "leaves", "members", "placed", "told"]

#: Members by key: a dict is a member with members of its own, everything else is compared as a whole.
Tree = dict[str, Any]
Path = tuple[str, ...]


class Absent:
    """What stands where a tree has nothing; there is one, :data:`ABSENT`."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT = Absent()


class Order(tuple[str, ...]):
    """The order of the members of a neighbouring dict, by their keys."""

    __slots__ = ()


def members(tree: Tree | Absent) -> Tree:
    """Return the members of *tree*: none where there is nothing."""
    return {} if isinstance(tree, Absent) else tree


def at(tree: Any, path: Path) -> Any:
    """Return what *tree* has at *path*."""
    for key in path:
        tree = tree.get(key, ABSENT) if isinstance(tree, Mapping) else ABSENT
    return tree


def placed(tree: Any, path: Path, value: Any) -> Any:
    """Return *tree* with *value* at *path*; what is :data:`ABSENT` there is left out."""
    if not path:
        return value
    key, *rest = path
    members = dict(tree) if isinstance(tree, Mapping) else {}
    inner = placed(members.get(key, ABSENT), tuple(rest), value)
    if inner is ABSENT:
        members.pop(key, None)
    else:
        members[key] = inner
    return members


def told(value: Any) -> Any:
    """Return *value* as JSON has it; ``None`` where there is nothing."""
    if isinstance(value, Mapping):
        return {key: told(member) for key, member in value.items()}
    return None if value is ABSENT else list(value) if isinstance(value, Order) else value


def leaves(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and the value of each leaf of *tree*."""
    if not isinstance(tree, Mapping):
        yield path, tree
        return
    for key, value in tree.items():
        yield from leaves(value, (*path, key))
