"""The data keys of one database, and what they do: seal a value, open it, and make the token that finds it.

A value is encrypted with AES-256-GCM under a key of its own place, derived from a data key by HKDF-Expand (RFC 5869),
and bound to that place and to its record: copied elsewhere it does not open. It is kept as ``KEY.BASE64``, the number
of the data key before nonce and ciphertext. A token is the HMAC-SHA256 of a value, cut to 128 bits.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any
from uuid import UUID

import attrs
import msgspec

from crmkit.core.encryption.errors import EncryptionKeyError, SealedValueError
from crmkit.core.encryption.masters import NONCE, MasterKeys, cipher
from crmkit.core.text import gettext as _

__all__ = ["INDEX", "VALUES", "DataKey", "Keyring"]

#: What a data key is for: encrypting values, or making tokens.
VALUES, INDEX = "values", "index"
_TOKEN = 16
_encode, _decode = msgspec.json.encode, msgspec.json.decode
Opener = Callable[[str, UUID], Any]
Sealer = Callable[[Any, UUID], str]


@attrs.frozen
class DataKey:
    """A data key as the database has it: its *number*, what it is for, and by which *master* key it is wrapped."""

    number: int
    purpose: str
    master: str
    wrapped: str = attrs.field(repr=False)

    @property
    def what(self) -> str:
        """What binds the wrapped key to its number and purpose."""
        return f"{self.purpose}\x1f{self.number}"


class Keyring:
    """The data keys of one database as far as they were read, and the master keys that open them.

    *epoch* tells which state of the database's keys that is; 0 is none.
    """

    def __init__(self, masters: MasterKeys) -> None:
        """Know the *masters*; the data keys come with :meth:`take`."""
        self.masters, self.epoch = masters, 0
        self._taking = Lock()
        self._kept: Mapping[int, DataKey] = {}
        self._newest: Mapping[str, int] = {}
        self._opened: dict[int, bytes] = {}
        self._sealers: dict[str, Sealer] = {}
        self._openers: dict[str, Opener] = {}

    def take(self, keys: Mapping[int, DataKey], epoch: int) -> None:
        """Use *keys*, which the database has at *epoch*: all of them committed, as others seal with them at once.

        Who still sees an earlier state changes nothing: no data key ever goes away. None is opened before it is needed.
        """
        with self._taking:
            if epoch > self.epoch:
                self._kept = keys
                self._newest = {keys[number].purpose: number for number in sorted(keys)}
                self.epoch = epoch

    @property
    def kept(self) -> list[DataKey]:
        """The data keys as the database has them, oldest first."""
        return [self._kept[number] for number in sorted(self._kept)]

    def newest(self, purpose: str) -> int | None:
        """Return the number of the key that is used for *purpose* from now on; ``None`` before there is one."""
        return self._newest.get(purpose)

    def check(self) -> None:
        """Return if every data key opens.

        Raises:
            EncryptionKeyError: one does not; the error names the master key.
        """
        self.masters.require()
        for number in self._kept:
            self.key(number)

    def key(self, number: int) -> bytes:
        """Return the data key *number*.

        Raises:
            EncryptionKeyError: there is none, or its master key is missing or another one.
        """
        found = self._opened.get(number)
        if found is None:
            kept = self._kept.get(number)
            if kept is None:
                raise EncryptionKeyError(_("There is no data key {number} in the database."), number=number)
            # The error for no key at all says more.
            self.masters.require()
            found = self._opened[number] = self.masters.unwrap(kept.master, kept.wrapped, kept.what)
        return found

    def _current(self, purpose: str) -> int:
        number = self.newest(purpose)
        if number is None:
            raise EncryptionKeyError(_("The database has no data key yet; the first reader or writer makes it."))
        return number

    def sealer(self, place: str) -> Sealer:
        """Return what encrypts a value of JSON at *place*, for a record."""
        return self._sealers.get(place) or self._sealers.setdefault(place, self._make_sealer(place))

    def _make_sealer(self, place: str) -> Sealer:
        ciphers: dict[int, Any] = {}

        def seal(value: Any, record: UUID) -> str:
            number = self._current(VALUES)
            found = ciphers.get(number)
            if found is None:
                found = ciphers[number] = cipher(_derived(self.key(number), place))
            nonce = os.urandom(NONCE)
            raw = nonce + found.encrypt(nonce, _encode(value), _bound(place, record))
            return f"{number}.{base64.b64encode(raw).decode()}"

        return seal

    def opener(self, place: str) -> Opener:
        """Return what decrypts what :meth:`sealer` made at the same *place*, for the same record.

        It raises SealedValueError where it was changed or is from elsewhere, EncryptionKeyError without its key.
        """
        return self._openers.get(place) or self._openers.setdefault(place, self._make_opener(place))

    def _make_opener(self, place: str) -> Opener:
        ciphers: dict[str, Any] = {}

        def open_(sealed: str, record: UUID) -> Any:
            number, _dot, body = sealed.partition(".")
            found = ciphers.get(number)
            if found is None:
                if not (number.isascii() and number.isdigit()):
                    raise SealedValueError(_shown(place), record)
                found = ciphers[number] = cipher(_derived(self.key(int(number)), place))
            from cryptography.exceptions import InvalidTag

            try:
                raw = base64.b64decode(body, validate=True)
                if base64.b64encode(raw).decode() != body:
                    # The last character has bits that mean nothing, and yet it is not what was written.
                    raise ValueError(body)
                return _decode(found.decrypt(raw[:NONCE], raw[NONCE:], _bound(place, record)))
            except (InvalidTag, ValueError, binascii.Error):
                raise SealedValueError(_shown(place), record) from None

        return open_

    def tokens(self, place: str) -> Callable[[Any], str]:
        """Return what makes the token of a value of JSON at *place*: the same for equal values, and telling no more."""
        keys: dict[int, bytes] = {}

        def token(value: Any) -> str:
            number = self._current(INDEX)
            key = keys.get(number)
            if key is None:
                key = keys[number] = _derived(self.key(number), place)
            return hmac.digest(key, _encode(value), "sha256")[:_TOKEN].hex()

        return token


def _derived(key: bytes, place: str) -> bytes:
    """Return the key of *place*: one block of HKDF-Expand, which is all that 32 bytes need."""
    return hmac.digest(key, f"crmkit\x1f{place}\x01".encode(), "sha256")


def _bound(place: str, record: UUID) -> bytes:
    return f"{place}\x1f".encode() + record.bytes


def _shown(place: str) -> str:
    return place.replace("\x1f", ".")
