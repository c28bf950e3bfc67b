"""Asking over HTTP what a door asks: the same questions must get the same answers, and tell as little."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any
from uuid import UUID

import attrs

from crmkit.core.errors import CrmkitError
from tests.oracle.doors.registry import DOORS, Door, Probe, Questioner
from tests.oracle.http.caller import Caller, nameless
from tests.oracle.http.remote import ANYTHING, Remote
from tests.oracle.terms import Denied

__all__ = ["PREFIX", "caller_of", "http_door", "kind_of", "over_http"]

#: How the names of doors over HTTP begin.
PREFIX = "http_"
caller_of = lru_cache(maxsize=4)(Caller)


@attrs.frozen
class Heard:
    """What a client made of the answers that it got, and the client."""

    made: Any
    remote: Remote

    def told(self) -> str:
        """Return everything that came back, with ids of new records as the question names them."""
        text = repr(self.remote.heard)
        for made, named in self.remote.names.items():
            text = text.replace(str(made), str(named))
        return nameless(text)


def http_door(made: Door) -> Door:
    """Register *made*, a door that there is over HTTP alone or that is asked there as well, under a name of its own."""
    DOORS[f"{PREFIX}{made.__name__}"] = over_http(made)
    return made


def over_http(door: Door) -> Door:
    """Return *door* with its probes asked over HTTP."""

    def asked(q: Questioner) -> Iterator[Probe]:
        caller = caller_of(q.play.crm)
        for probe in door(q):
            yield _over_http(probe, caller)

    return asked


def _over_http(probe: Probe, caller: Caller) -> Probe:
    def call(db: Any) -> Heard:
        remote = Remote(caller, db)
        try:
            return Heard(probe.call(remote), remote)
        except CrmkitError as error:
            error.code = _kind(error.code, probe) if probe.writes else error.code
            raise

    def want() -> Any:
        try:
            return probe.want()
        except Denied as denied:
            raise Denied(_kind(denied.code, probe), ANYTHING) if probe.writes else denied from None

    def view(heard: Heard) -> Any:
        return renamed(probe.view(heard.made), heard.remote.names)

    def told(answer: Any) -> Any:
        return answer.told() if isinstance(answer, Heard) else probe.told(answer)

    return replace(probe, label=f"over HTTP: {probe.label}", want=want, call=call, view=view, told=told)


def _kind(code: str, probe: Probe) -> str:
    return kind_of(code, is_new=probe.label.startswith(("create ", "put ")))


def kind_of(code: str, *, is_new: bool) -> str:
    """Return what a refusal to write tells: that there is nothing, or any other reason, whichever comes first.

    Of a new record it may be what it refers to that is not there, which is a reason like any other.
    """
    return code if (code == "not-found" and not is_new) or code == ANYTHING else "refused"


def renamed(value: Any, names: dict[UUID, UUID]) -> Any:
    """Return *value* with other ids in the place of those that *names* has."""
    match value:
        case UUID():
            return names.get(value, value)
        case dict():
            return {renamed(name, names): renamed(each, names) for name, each in value.items()}
        case list() | tuple() if names and not hasattr(value, "_fields"):
            return type(value)(renamed(each, names) for each in value)
    return value
