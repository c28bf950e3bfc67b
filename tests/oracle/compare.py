"""Asking every door as one principal, and holding the answers against the model: exactly this, nothing more or less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from crmkit.core.errors import CrmkitError
from tests.oracle.doors import DOORS, PREFIX, Probe, Questioner
from tests.oracle.play import Mismatch, Play
from tests.oracle.terms import Denied

__all__ = ["Answer", "answers", "compare", "questions"]


# One in this many of the doors over HTTP is asked at a time.
_SHARE = 3


@dataclass(frozen=True)
class Answer:
    """What crmkit said to a probe: the value in the model's form, or an error's code; and the whole of it as text."""

    got: Any
    text: str


def questions(play: Play, p: UUID, seed: int, doors: Iterable[str] = ()) -> list[Probe]:
    """Return the probes of *doors*, or of all; each draws from *seed* on its own, so that one more changes no other.

    Of the doors over HTTP a share is asked, another one for each seed: most ask what is asked without HTTP too.
    """
    found: list[Probe] = []
    for name in doors or _asked(seed):
        found += DOORS[name](Questioner(play, p, Random(f"{seed} {name}")))
    return found


def _asked(seed: int) -> Iterator[str]:
    over_http = [name for name in DOORS if name.startswith(PREFIX)]
    left_out = Random(f"{seed} doors").sample(over_http, len(over_http) * (_SHARE - 1) // _SHARE)
    return (name for name in DOORS if name not in left_out)


def answers(play: Play, p: UUID, probes: Sequence[Probe]) -> list[Answer]:
    """Return what crmkit says to *probes*, all through one reader, and those that write each through a writer."""
    try:
        with play.crm.read(play.principal(p)) as reader:
            return [_write(play, p, probe) if probe.writes else _ask(probe, reader) for probe in probes]
    except CrmkitError as error:
        return [Answer(("error", error.code), str(error))] * len(probes)


def _write(play: Play, p: UUID, probe: Probe) -> Answer:
    with play.undone(p) as writer:
        return _ask(probe, writer)


def _ask(probe: Probe, db: Any) -> Answer:
    try:
        found = probe.call(db)
        return Answer(probe.view(found), repr(probe.told(found)))
    except CrmkitError as error:
        return Answer(("error", error.code), f"{type(error).__name__}: {error}")
    except Exception as error:
        return Answer(("crash", repr(error)), repr(error))


def wanted(play: Play, p: UUID, probe: Probe) -> list[Any]:
    """Return what the model says to *probe*, and what else would do."""
    try:
        play.world.enter(p)
        return [probe.want()]
    except Denied as denied:
        return [("error", code) for code in (denied.code, denied.instead, *_SAME.get(denied.code, ())) if code]


# A rule says "unknown field" with a position, under a code of its own.
_SAME = {"unknown-field": ("rule-unknown-field",)}


def compare(play: Play, p: UUID, seed: int, doors: Iterable[str] = ()) -> None:
    """Ask the doors as *p* and compare each answer with the model's.

    Raises:
        Mismatch: one differs.
    """
    probes = questions(play, p, seed, doors)
    for probe, answer in zip(probes, answers(play, p, probes), strict=True):
        want = wanted(play, p, probe)
        if answer.got not in want:
            raise Mismatch(f"{p.hex[-2:]}: {probe.label}", want[0], answer.got)
        play.compared += 1
