"""Passwords are hashed as ever, with a thousandth of the work: what that costs is a matter of two tests only."""

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from crmkit.auth import passwords

_STRONG = passwords._hasher
_QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))


@pytest.fixture(scope="session", autouse=True)
def _quick_hashes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: _QUICK)
        yield


@pytest.fixture
def strong_hashes(monkeypatch):
    """Passwords are hashed with all the work that it takes where crmkit is used."""
    monkeypatch.setattr(passwords, "_hasher", _STRONG)
