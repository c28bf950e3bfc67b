"""The encrypted stream: chunks that each prove what they are, where they stand, and whether they are the last.

A key made by scrypt from the passphrase and the salt of this one file encrypts chunk after chunk with AES-256-GCM. The
nonce is the number of the chunk and whether it is the last (the construction STREAM of Hoang, Reyhanitabar, Rogaway
and Vizár, CRYPTO 2015), so that chunks can be neither exchanged, left out, nor cut off; the header is authenticated
with each of them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import attrs
import msgspec

from crmkit.backup.errors import BackupDamagedError, BackupKeyError, BackupVersionError, NotABackupError
from crmkit.core.errors import MissingExtraError
from crmkit.core.text import gettext as _

__all__ = ["FORMAT", "Key", "SealedWriter", "read_sealed"]

FORMAT = 2
# Backups of the first format have no content of files.
_KNOWN = (1, FORMAT)
_MAGIC = b"crmkit backup\n"
_CHUNK = 1 << 18
_TAG, _LENGTH, _LONGEST_HEADER = 16, 4, 4096
# The parameters that OWASP recommends, about a third of a second; a file may ask for as much as 1 GiB of memory.
_COST, _HIGHEST_COST = 17, 20
_SHORTEST_KEY_FILE = 32


@attrs.frozen
class Key:
    """What encrypts: a passphrase, or the content of a file. *cost* is the binary logarithm of scrypt's N."""

    secret: bytes = attrs.field(repr=False)
    cost: int = _COST

    @classmethod
    def from_file(cls, file: Path) -> Key:
        """Return the key that is the content of *file*; a line break at its end does not count.

        Raises:
            BackupKeyError: it is too short to be a key.
        """
        secret = file.read_bytes().rstrip(b"\r\n")
        if len(secret) < _SHORTEST_KEY_FILE:
            message = _("{file} has {length} bytes, a key at least {least}. Make one: openssl rand -hex 32")
            raise BackupKeyError(message, file=str(file), length=len(secret), least=_SHORTEST_KEY_FILE)
        return cls(secret)


class _Header(msgspec.Struct, frozen=True):
    """The first line of a backup, in JSON: how to make the key, and *check*, which tells a wrong one."""

    format: int
    cost: int
    salt: str
    check: str


class SealedWriter:
    """Writes bytes to *file*, encrypted. :meth:`close` completes it and leaves the file open."""

    def __init__(self, file: IO[bytes], key: Key) -> None:
        """Write the header."""
        salt = os.urandom(16)
        secret, check = _derived(key.secret, salt, key.cost)
        self._file, self._cipher = file, _cipher(secret)
        self._header = _MAGIC + msgspec.json.encode(_Header(FORMAT, key.cost, salt.hex(), check)) + b"\n"
        self._waiting, self._number = bytearray(), 0
        file.write(self._header)

    def write(self, data: bytes) -> None:
        """Take *data*; whole chunks are written at once."""
        self._waiting += data
        # The last chunk must be known as such, so that one is always kept back.
        while len(self._waiting) > _CHUNK:
            self._seal(bytes(self._waiting[:_CHUNK]), is_last=False)
            del self._waiting[:_CHUNK]

    def close(self) -> None:
        """Write the last chunk."""
        self._seal(bytes(self._waiting), is_last=True)
        self._waiting.clear()

    def _seal(self, data: bytes, *, is_last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number, is_last), data, self._header)
        self._file.write(len(sealed).to_bytes(_LENGTH, "big"))
        self._file.write(sealed)
        self._number += 1


def read_sealed(file: IO[bytes], name: str, key: Key) -> Iterator[bytes]:
    """Yield what was written to *file*, chunk by chunk; each was checked before it is given.

    Raises:
        NotABackupError: it does not begin like a backup.
        BackupVersionError: it has another format.
        BackupKeyError: it was encrypted with another key.
        BackupDamagedError: a chunk is not what was written, is missing, or something follows the last one.
    """
    header, line = _read_header(file, name)
    secret, check = _derived(key.secret, bytes.fromhex(header.salt), header.cost)
    if not hmac.compare_digest(check, header.check):
        raise BackupKeyError(_("The backup was encrypted with another passphrase or key file."))
    cipher, number, size = _cipher(secret), 0, file.read(_LENGTH)
    while size:
        sealed = _read_chunk(file, size, number)
        size = file.read(_LENGTH)
        yield _opened(cipher, sealed, number, not size, line)
        number += 1
    if not number:
        raise BackupDamagedError(_("it ends after its header"))


def _read_header(file: IO[bytes], name: str) -> tuple[_Header, bytes]:
    magic, line = file.read(len(_MAGIC)), file.readline(_LONGEST_HEADER)
    if magic != _MAGIC:
        raise NotABackupError(name)
    try:
        found = msgspec.json.decode(line)
        if isinstance(found, dict) and found.get("format") not in _KNOWN:
            raise BackupVersionError(found.get("format"), FORMAT)
        header = msgspec.convert(found, _Header)
        bytes.fromhex(header.salt)
    except (msgspec.DecodeError, ValueError):
        raise BackupDamagedError(_("its header cannot be read")) from None
    if not 1 <= header.cost <= _HIGHEST_COST:
        raise BackupDamagedError(_("its header cannot be read"))
    return header, magic + line


def _read_chunk(file: IO[bytes], size: bytes, number: int) -> bytes:
    length = int.from_bytes(size, "big")
    sealed = file.read(length) if len(size) == _LENGTH and _TAG <= length <= _CHUNK + _TAG else b""
    if not sealed or len(sealed) != length:
        raise BackupDamagedError(_("it is cut off or changed in chunk {number}"), number=number)
    return sealed


def _opened(cipher: Any, sealed: bytes, number: int, is_last: bool, header: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        opened: bytes = cipher.decrypt(_nonce(number, is_last), sealed, header)
    except InvalidTag:
        raise BackupDamagedError(_("it is cut off or changed in chunk {number}"), number=number) from None
    return opened


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _derived(secret: bytes, salt: bytes, cost: int) -> tuple[bytes, str]:
    """Return the key of one file, and what tells whether it is the right one."""
    memory = 128 * 8 << cost
    made = hashlib.scrypt(secret, salt=salt, n=1 << cost, r=8, p=1, maxmem=memory + (1 << 20), dklen=64)
    return made[:32], hashlib.sha256(made[32:]).hexdigest()


def _cipher(secret: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise MissingExtraError(_("A backup"), "cryptography", "backup") from None
    return AESGCM(secret)
