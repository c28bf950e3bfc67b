"""Forms as browsers and ``curl -F`` send them (multipart/form-data, RFC 7578), read as they come.

What is large passes through the disk. How many parts there are, how long their headers are and how much text there is,
is limited while it is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from functools import partial
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, Any, Self, cast

import attrs
from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from crmkit.core.text import gettext as _
from crmkit.rest.errors import BodyError, BodyTooLargeError

__all__ = ["FORM", "Form", "Part", "boundary_of"]

#: The media type of forms.
FORM = "multipart/form-data"
_CHUNK = 1 << 16
# Of each part; what is larger passes through the disk.
_IN_MEMORY = 1 << 16
_MOST_PARTS, _MOST_HEADERS, _LONGEST_HEADER = 32, 8, 4096
_LIMITS = {
    "max_segment_count": _MOST_PARTS,
    "max_header_count": _MOST_HEADERS,
    "max_header_size": _LONGEST_HEADER,
}


def boundary_of(content_type: str) -> str | None:
    """Return what stands between the parts of a form, or ``None`` if a body of this *content_type* is none.

    Raises:
        BodyError: it is a form, and does not say.
    """
    media_type, options = parse_options_header(content_type)
    if media_type.strip().lower() != FORM:
        return None
    boundary: str = options.get("boundary", "")
    # RFC 2046, section 5.1.1.
    if not 1 <= len(boundary) <= 70 or not boundary.isascii():
        raise BodyError(_("a form names a boundary of 1 to 70 characters"))
    return boundary


@attrs.define(eq=False)
class Part:
    """One part of a form: its *name*, of a file its *filename*, and what is in it."""

    name: str
    filename: str | None
    _file: IO[bytes]
    size: int = attrs.field(default=0, init=False)
    _hash: Any = attrs.field(factory=hashlib.sha256, init=False)

    def add(self, chunk: bytes) -> None:
        """Add *chunk* at the end."""
        self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    @property
    def digest(self) -> bytes:
        """What tells this part from any other: SHA-256 of what it is called and of what is in it."""
        called = f"{self.name}\x1f{'' if self.filename is None else f'={self.filename}'}\x1f"
        return hashlib.sha256(called.encode("utf-8", "surrogatepass") + self._hash.digest()).digest()

    def chunks(self) -> Iterator[bytes]:
        """Yield the content, piece by piece."""
        self._file.seek(0)
        return iter(partial(self._file.read, _CHUNK), b"")

    def text(self, most: int) -> str:
        """Return the content as text.

        Raises:
            BodyTooLargeError: it has more bytes than *most*.
            BodyError: it is no UTF-8.
        """
        if self.size > most:
            raise BodyTooLargeError(most)
        self._file.seek(0)
        try:
            return self._file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise BodyError(_("the part {name!r} is no text in UTF-8"), name=self.name[:80]) from None


class Form:
    """The parts of a form, in their order, for as long as its block lasts."""

    def __init__(self, boundary: str, most_text: int) -> None:
        """Be empty; those parts that are no files have up to *most_text* bytes together."""
        self.parts: list[Part] = []
        self._boundary, self._most_text, self._texts = boundary, most_text, 0
        self._opened = ExitStack()

    @property
    def digest(self) -> bytes:
        """What tells this form from any other, whatever stands between its parts: a SHA-256."""
        return hashlib.sha256(b"".join(part.digest for part in self.parts)).digest()

    async def read(self, chunks: AsyncIterator[bytes]) -> None:
        """Read the parts from the *chunks* of a body.

        Raises:
            BodyError: it is no form, or has more parts or longer headers than are read.
            BodyTooLargeError: there is more text.
        """
        try:
            with PushMultipartParser(self._boundary, **_LIMITS) as parser:
                async for chunk in chunks:
                    for event in parser.parse(chunk) if chunk else ():
                        self._take(event)
        except ParserLimitReached:
            reason = _("a form has up to {parts} parts, with {headers} headers each of up to {longest} bytes")
            raise BodyError(reason, parts=_MOST_PARTS, headers=_MOST_HEADERS, longest=_LONGEST_HEADER) from None
        except MultipartError as error:
            raise BodyError(_("it is no form ({said})"), said=str(error)[:200]) from None

    def _take(self, event: Any) -> None:
        if isinstance(event, MultipartSegment):
            file = self._opened.enter_context(SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115
            self.parts.append(Part(str(event.name), event.filename, cast(IO[bytes], file)))
        elif event:
            part = self.parts[-1]
            if part.filename is None:
                self._texts += len(event)
                if self._texts > self._most_text:
                    raise BodyTooLargeError(self._most_text)
            part.add(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()
