"""Identities that were found before: a token is looked up once, and again as soon as it may mean something else.

What a token says is remembered with the number of the policy at that moment. Every transaction begins with reading that
number anyway: if it is another one, whatever has changed, the token is looked up again before anything is done.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from datetime import datetime
from threading import Lock

import attrs

from crmkit.rest.identities import Identity

__all__ = ["Recalled", "Recollection"]

_MOST = 10_000


@attrs.frozen
class Recalled:
    """An identity that holds *until* then, as long as the policy has the number *epoch*."""

    identity: Identity
    epoch: int
    until: datetime


class Recollection:
    """The identities of the newest credentials, by the digest of what was shown."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = Lock()
        self._kept: OrderedDict[bytes, Recalled] = OrderedDict()

    def find(self, shown: str, now: datetime) -> Recalled | None:
        """Return whose credential *shown* is, if that is known and holds *now*."""
        found = self._kept.get(_digest(shown))
        return found if found is not None and now < found.until else None

    def keep(self, shown: str, recalled: Recalled) -> None:
        """Remember whose credential *shown* is."""
        with self._lock:
            self._kept[_digest(shown)] = recalled
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)


def _digest(shown: str) -> bytes:
    return hashlib.sha256(shown.encode()).digest()
