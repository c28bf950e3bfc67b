"""What goes wrong with encrypted fields."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["EncryptionKeyError", "SealedValueError"]


class EncryptionKeyError(CrmkitError):
    """A key that encrypted fields need is missing, or is another than the one that was used."""

    code = "encryption-key"
    template = _("{message}")

    def __init__(self, message: str, **facts: Any) -> None:
        """Say what is missing and where it is given; no key is ever repeated."""
        super().__init__(message=message, **facts)


class SealedValueError(CrmkitError):
    """What stands where an encrypted value should be was not put there by crmkit: changed, or copied from elsewhere."""

    code = "sealed-value"
    template = _(
        "{where} of {record}: this is not what was encrypted there. It was changed, or copied from another place, past "
        "crmkit; take the row from a backup."
    )

    def __init__(self, where: str, record: UUID | None) -> None:
        """Name the place: the table and field, and the record."""
        super().__init__(where=where, record=str(record))
