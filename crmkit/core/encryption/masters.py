"""Master keys: given by the configuration, they wrap the data keys that are kept in the database."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from typing import Any

import attrs

from crmkit.core.encryption.errors import EncryptionKeyError
from crmkit.core.errors import ConfigurationError, MissingExtraError
from crmkit.core.text import gettext as _

__all__ = ["NONCE", "NO_KEYS", "MasterKeys", "cipher", "new_key", "parse_keys"]

NONCE = 12
_BYTES = 32
_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9_-]{1,32}):(?P<key>[A-Za-z0-9+/_=-]+)\Z")


def parse_keys(text: str) -> dict[str, bytes]:
    """Return the keys in *text* by name: entries ``NAME:KEY`` with spaces between, a key being base64 of 32 bytes.

    Raises:
        ValueError: it is something else.
    """
    found: dict[str, bytes] = {}
    for entry in text.split():
        parts = _ENTRY.match(entry)
        if parts is None or parts["name"] in found:
            raise ValueError
        found[parts["name"]] = _decoded(parts["key"])
    if not found:
        raise ValueError
    return found


def new_key(name: str) -> str:
    """Return a new key called *name*, as the setting lists it.

    Raises:
        ConfigurationError: a key cannot be called so.
    """
    made = f"{name}:{base64.b64encode(os.urandom(_BYTES)).decode()}"
    if not _ENTRY.match(made):
        raise ConfigurationError(name, _("give 1 to 32 letters, digits, hyphens and underscores"))
    return made


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        raise ValueError from None
    if len(key) != _BYTES:
        raise ValueError
    return key


def cipher(key: bytes) -> Any:
    """Return AES-256-GCM with *key*.

    Raises:
        MissingExtraError: the package for it is not installed.
    """
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise MissingExtraError(_("An encrypted field"), "cryptography", "encryption") from None
    return AESGCM(key)


@attrs.frozen
class MasterKeys:
    """The keys of the configuration by name. The first one wraps, all of them unwrap."""

    keys: Mapping[str, bytes] = attrs.field(repr=False)

    @classmethod
    def parse(cls, text: str | None) -> MasterKeys:
        """Return the keys that the setting ``encryption.keys`` lists; none where it is not set."""
        return cls(parse_keys(text) if text else {})

    @property
    def first(self) -> str:
        """The name of the key that wraps.

        Raises:
            EncryptionKeyError: there is no key.
        """
        self.require()
        return next(iter(self.keys))

    def require(self) -> None:
        """Return if there is a key.

        Raises:
            EncryptionKeyError: there is none.
        """
        if not self.keys:
            raise EncryptionKeyError(
                _(
                    "There are encrypted fields and no key. Make one with crmkit encryption new-key, keep it apart "
                    "from the database and its backups, and give it as CRM_ENCRYPTION_KEYS or CRM_ENCRYPTION_KEYS_FILE."
                )
            )

    def wrap(self, key: bytes, what: str) -> str:
        """Return *key* encrypted with the first key; *what* says which key it is, and cannot be exchanged."""
        nonce = os.urandom(NONCE)
        sealed = cipher(self.keys[self.first]).encrypt(nonce, key, _bound(self.first, what))
        return base64.b64encode(nonce + sealed).decode()

    def unwrap(self, name: str, wrapped: str, what: str) -> bytes:
        """Return the key that *wrapped* holds, encrypted by the master key *name*.

        Raises:
            EncryptionKeyError: that key is not given, or is another one under the same name.
        """
        from cryptography.exceptions import InvalidTag

        if name not in self.keys:
            raise EncryptionKeyError(
                _("The database was encrypted with the key {name!r}, which encryption.keys does not list."), name=name
            )
        raw = base64.b64decode(wrapped)
        try:
            found: bytes = cipher(self.keys[name]).decrypt(raw[:NONCE], raw[NONCE:], _bound(name, what))
        except InvalidTag:
            raise EncryptionKeyError(
                _("The key {name!r} in encryption.keys is not the one with which the database was encrypted."),
                name=name,
            ) from None
        return found


NO_KEYS = MasterKeys({})


def _bound(name: str, what: str) -> bytes:
    return f"crmkit\x1f{name}\x1f{what}".encode()
