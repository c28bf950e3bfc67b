"""Values that prove who somebody is: each is told where its own record is asked for, and leaves by no other way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmkit.core.errors import CrmkitError, UnknownFieldError
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.entity import EntityInfo
    from crmkit.core.policy.access import Access
    from crmkit.core.registry import Registry

__all__ = ["CredentialError", "check_portable", "credentials_of", "portable_fields", "stand_in"]


class CredentialError(CrmkitError):
    """What proves who somebody is was to be told elsewhere than with its own record."""

    code = "credential"
    template = _(
        "{entity}: {field!r} proves who somebody is. It is told where its own record is read or written, "
        "and not in lists, files, messages or other records."
    )

    def __init__(self, entity: str, field: str) -> None:
        """Name the *field* of the *entity*."""
        super().__init__(entity=entity, field=field)


def credentials_of(registry: Registry, entity: str) -> frozenset[str]:
    """Return the names of the fields of *entity* that are credentials, those of extensions included."""
    return frozenset(name for name, field in registry.fields(entity).items() if field.credential)


def stand_in(value: Any) -> str | None:
    """Return what is told of a credential where others tell their *value*: whether there is one."""
    return None if value is None else "…"


def portable_fields(access: Access, info: EntityInfo) -> frozenset[str]:
    """Return what *access* may read of *info* and may be told apart from its record: all but credentials."""
    return access.entity(info).readable - credentials_of(access.registry, info.id)


def check_portable(access: Access, info: EntityInfo, name: str) -> None:
    """Return if the field called *name* is one of the :func:`portable_fields`.

    Raises:
        UnknownFieldError: it does not exist, or is hidden; the words are the same.
        CredentialError: it proves who somebody is.
    """
    if name not in access.entity(info).readable:
        raise UnknownFieldError(info.id, name)
    if name in credentials_of(access.registry, info.id):
        raise CredentialError(info.id, name)
