"""Where a page of what was found ends: marked by the record, not by numbers that would tell how much is hidden."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from uuid import UUID

import attrs
import msgspec

from crmkit.core.entity import EntityInfo
from crmkit.core.reading.ordering import CursorError
from crmkit.core.searching.asking import ANYWHERE

__all__ = ["Mark", "decode_mark", "encode_mark"]


@attrs.frozen
class Mark:
    """The last record of a page, of an *entity*, and its level."""

    level: int
    entity: str
    record: UUID


def encode_mark(mark: Mark, text: str, infos: Sequence[EntityInfo] | None) -> str:
    """Return an opaque cursor behind *mark*, in what is found of *text* in these entities."""
    body = msgspec.json.encode([mark.level, mark.entity, mark.record, _of(text, infos)])
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def decode_mark(cursor: str, text: str, infos: Sequence[EntityInfo] | None) -> Mark:
    """Return the mark that :func:`encode_mark` was given.

    Raises:
        CursorError: it is no cursor of this search.
    """
    try:
        body = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        level, entity, record, of = msgspec.json.decode(body, type=tuple[int, str, UUID, str])
    except (ValueError, TypeError, AttributeError, msgspec.MsgspecError):
        raise CursorError from None
    if not 0 <= level <= ANYWHERE or of != _of(text, infos):
        raise CursorError
    return Mark(level, entity, record)


def _of(text: str, infos: Sequence[EntityInfo] | None) -> str:
    ids = "*" if infos is None else ",".join(sorted(info.id for info in infos))
    return hashlib.blake2b(f"{ids}\0{text}".encode(), digest_size=8).hexdigest()
