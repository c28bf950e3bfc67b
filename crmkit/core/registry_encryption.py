"""What encrypted fields cannot be or do: databases see only ciphertext of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.errors import CrmkitError, DeclarationError
from crmkit.core.fields import Boolean, ContentHash, FieldType, Json, LongText, MoneyType, MultiChoice, Number
from crmkit.core.text import Text, gettext as _

__all__ = ["check_encryption", "has_order"]

_KINDS = frozenset({"text", "integer", "scaled", "boolean", "date", "datetime", "json"})
_UNSUITABLE = (ContentHash, MoneyType, Number)
# Of these a token would tell the value, or nobody asks for the whole value.
_UNFIT_FOR_INDEX = (Boolean, Json, LongText, MultiChoice)


def has_order(field: FieldInfo | None, *kinds: type[FieldType]) -> bool:
    """Return whether *field* is there, of one of *kinds*, and not encrypted, so that databases can compare it."""
    return field is not None and isinstance(field.type, kinds) and not field.encrypted


def check_encryption(info: EntityInfo) -> Iterator[CrmkitError]:
    """Yield why what *info* says of encrypted fields cannot be."""
    for field in info.fields.values():
        for message in _reasons(info, field):
            yield DeclarationError(f"{info.id}.{field.name}", message)
    encrypted = {field.name: field for field in info.fields.values() if field.encrypted}
    for group in info.unique:
        for name in group:
            if name in encrypted and not encrypted[name].blind_index:
                yield DeclarationError(f"{info.id}.{name}", _("is encrypted: to be unique it needs blind_index=True"))
    for name in sorted({name for group in info.indexes for name in group} & encrypted.keys()):
        yield DeclarationError(f"{info.id}.{name}", _("is encrypted and has no order; leave it out of indexes"))
    for computed in info.computed.values():
        yield from _unreadable(f"{info.id}.{computed.name}", computed.needs, encrypted)


def _reasons(info: EntityInfo, field: FieldInfo) -> Iterator[Text]:
    if not field.encrypted:
        if field.blind_index:
            yield _("has blind_index=True, which only encrypted fields have")
        if field.credential:
            yield _("proves who somebody is; say encrypted=True too, so that nothing has it in clear")
        return
    columns = field.type.columns()
    if isinstance(field.type, _UNSUITABLE) or len(columns) != 1 or columns[0].kind not in _KINDS:
        yield _("cannot be encrypted: text, numbers, dates, moments, choices and JSON can, references and money cannot")
    if field.search:
        yield _("is encrypted and cannot be searched; leave search out")
    if field.indexed:
        yield _("is encrypted and has no order; leave indexed out, and say blind_index=True to find it by equality")
    if field.unique and not field.blind_index:
        yield _("is encrypted: to be unique it needs blind_index=True")
    if field.blind_index and isinstance(field.type, _UNFIT_FOR_INDEX):
        yield _("cannot have a blind index, which would tell what it holds; leave blind_index out")
    if info.host is not None and field.default() is not None:
        yield _("is encrypted: in an extension it can have no default")


def _unreadable(where: str, needs: tuple[str, ...], encrypted: Mapping[str, FieldInfo]) -> Iterator[CrmkitError]:
    for name in needs:
        if name in encrypted:
            message = _("is computed from {field!r}, which databases cannot read: it is encrypted")
            yield DeclarationError(where, message, field=name)
