"""Values of encrypted fields in the ledger: each stands there sealed, bound to its entity, its name and its record.

The digests and the chain are made over what stands there, so that they are checked without any key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import msgspec

from crmkit.core.encryption.keyring import Keyring

__all__ = ["decode_changes", "seal_value"]

# What no field of JSON holds by accident.
_MARK = "crmkit:sealed"
_QUOTED = f'"{_MARK}"'


def seal_value(keys: Keyring, entity: str, name: str, record: UUID, value: Any) -> Any:
    """Return *value*, which is JSON, as the ledger has the field *name* of *record*; of nothing, nothing."""
    return None if value is None else {_MARK: keys.sealer(_place(entity, name))(value, record)}


def decode_changes(keys: Keyring, entity: str, record: UUID, changes: str, names: Collection[str] | None = None) -> Any:
    """Return the *changes* that the ledger has of *record*, decoded and opened; of the fields in *names*, or of all.

    Raises:
        EncryptionKeyError: a key that was used is not at hand.
        SealedValueError: a value is not what was sealed there.
    """
    decoded: dict[str, Any] = msgspec.json.decode(changes)
    if _QUOTED not in changes:
        return decoded
    wanted = decoded if names is None else {name: both for name, both in decoded.items() if name in names}
    return {name: [_opened(keys, entity, name, record, value) for value in both] for name, both in wanted.items()}


def _opened(keys: Keyring, entity: str, name: str, record: UUID, value: Any) -> Any:
    if not (isinstance(value, Mapping) and value.keys() == {_MARK}):
        return value
    return keys.opener(_place(entity, name))(value[_MARK], record)


def _place(entity: str, name: str) -> str:
    return f"core_ledger\x1f{entity}\x1f{name}"
