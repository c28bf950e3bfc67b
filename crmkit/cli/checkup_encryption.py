"""What ``crmkit doctor`` says of encrypted fields: whether their keys are at hand, and which are used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crmkit.cli.finding import Finding
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["examine_encryption"]


def examine_encryption(crm: CRM) -> Iterator[Finding]:
    """Yield what is not well with the keys of *crm*, or that all of it is; nothing where no field is encrypted."""
    from crmkit.core.encryption.errors import EncryptionKeyError
    from crmkit.core.encryption.kept import open_keys

    count = sum(map(len, crm.registry.encrypted.values()))
    if not count:
        return
    try:
        open_keys(crm.model)
    except EncryptionKeyError as error:
        todo = _("Give the key that was used, beside others, in CRM_ENCRYPTION_KEYS.")
        yield Finding("encryption", "fail", _("{reason}"), {"reason": str(error)}, todo)
        return
    keys = crm.schema.keys
    facts = {"count": count, "master": keys.masters.first}
    if any(key.master != keys.masters.first for key in keys.kept):
        message = _("some data keys are not wrapped by {master}, the first of encryption.keys")
        yield Finding("encryption", "warn", message, facts, _("Wrap them: crmkit encryption change-master-key"))
    else:
        yield Finding("encryption", "ok", _("encrypted fields: {count}; their keys are wrapped by {master}"), facts)
