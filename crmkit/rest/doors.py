"""The doors of the HTTP API: every route is declared here or in a module that :mod:`crmkit.rest.app` lists.

A route that is no door, or a door that does not say who may knock and what protects it, keeps the server from starting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import attrs

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _
from crmkit.rest.collections import ROOT

if TYPE_CHECKING:
    from crmkit.rest.calls import Call
    from crmkit.rest.openapi.operations import Operation
    from crmkit.rest.replies import Reply

__all__ = [
    "Door",
    "DoorError",
    "DoorsError",
    "Method",
    "Policy",
    "Protection",
    "check_addresses",
    "check_doors",
    "check_routes",
]

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
#: Who may knock: anybody, whoever has a session though a second factor may be lacking, whoever is known by a token or a
#: session, or whoever is signed in by a session.
Policy = Literal["public", "begun", "principal", "session"]
#: What protects a browser's session from other sites: nothing is changed, a secret of the session must be sent along,
#: or no session opens the door.
Protection = Literal["safe", "checked", "exempt"]


@attrs.frozen(kw_only=True, eq=False)
class Door:
    """One route and method of the HTTP API.

    The *handler* runs in a thread of its own and gives the answer. Its errors become problems (RFC 9457). *path* is
    that of Litestar: ``/api/v1/{plugin:str}``. *operation* is what the OpenAPI document says of it; without, nothing.
    What *is_immediate* waits for nothing, and is answered even while every thread is busy. The body of what
    *takes_file* is a file, which is read once it is known who sends it. What *takes_form* may be sent as a form
    (multipart/form-data) as well.
    """

    name: str
    method: Method
    path: str
    policy: Policy
    csrf: Protection
    handler: Callable[[Call], Reply]
    operation: Operation | None = None
    is_immediate: bool = False
    takes_file: bool = False
    takes_form: bool = False


class DoorError(CrmkitError):
    """A route is no door, or a door lacks what it must declare."""

    code = "door"
    template = _("{door}: {reason}")

    def __init__(self, door: str, reason: Text, **facts: Any) -> None:
        """Name the *door*, and the *reason*."""
        super().__init__(door=door, reason=reason, **facts)


class DoorsError(CrmkitError):
    """The HTTP API cannot be opened; every reason is given."""

    code = "doors"
    template = _("The HTTP API cannot be opened: {summary}")

    def __init__(self, reasons: Sequence[DoorError]) -> None:
        """Keep all *reasons*."""
        super().__init__(reasons=tuple(reasons), summary="; ".join(map(str, reasons)))


def check_doors(doors: Sequence[Door]) -> None:
    """Return if every one of *doors* says what it must, and no two are the same.

    Raises:
        DoorsError: some do not.
    """
    reasons = [reason for door in doors for reason in _reasons(door)]
    reasons += _repeated(doors, lambda door: door.name)
    reasons += _repeated(doors, lambda door: (door.method, door.path))
    if reasons:
        raise DoorsError(reasons)


def _reasons(door: Door) -> Iterator[DoorError]:
    declared: tuple[tuple[str, Any, Any], ...] = (
        ("method", door.method, Method),
        ("policy", door.policy, Policy),
        ("csrf", door.csrf, Protection),
    )
    for name, value, accepted in declared:
        if value not in get_args(accepted):
            reason = _("{name} is one of {accepted}, got {value!r}")
            yield DoorError(door.name, reason, name=name, accepted=", ".join(get_args(accepted)), value=value)
    if (door.method == "GET") != (door.csrf == "safe"):
        yield DoorError(door.name, _("what is only read is safe, and nothing else"))
    if door.csrf == "exempt" and door.policy != "public":
        yield DoorError(door.name, _("only what is public is exempt from proving that no other site asks"))
    if door.takes_form and door.csrf != "checked":
        # A page of any site may have a browser send one.
        yield DoorError(door.name, _("what takes forms is checked for being asked by another site"))


def _repeated(doors: Iterable[Door], key: Callable[[Door], Any]) -> Iterator[DoorError]:
    seen = set[Any]()
    for door in doors:
        if key(door) in seen:
            yield DoorError(door.name, _("is declared twice"))
        seen.add(key(door))


def check_routes(routes: Iterable[tuple[str, str]], doors: Sequence[Door]) -> None:
    """Return if each of *routes*, a method and a path, is one of *doors*.

    Raises:
        DoorsError: some are not.
    """
    known = {(door.method, door.path) for door in doors}
    strangers = [
        DoorError(f"{method} {path}", _("is no door")) for method, path in routes if (method, path) not in known
    ]
    if strangers:
        raise DoorsError(strangers)


def check_addresses(plugins: Iterable[str], doors: Sequence[Door]) -> None:
    """Return if none of *plugins* has the name of an address of *doors*, which would stand before its own.

    Raises:
        DoorsError: some have.
    """
    taken = {name: door for door in doors if (name := _at_place_of_plugin(door.path)) is not None}
    reason = _("a plugin cannot be called {plugin!r}: {path} is an address of the HTTP API")
    clashes = [
        DoorError(taken[name].name, reason, plugin=name, path=taken[name].path) for name in plugins if name in taken
    ]
    if clashes:
        raise DoorsError(clashes)


def _at_place_of_plugin(path: str) -> str | None:
    """Return the part of *path* that stands where others have the name of a plugin."""
    rest = path.removeprefix(f"{ROOT}/")
    part = rest.partition("/")[0]
    return None if rest == path or part.startswith("{") else part
