"""Events out of one XML part: no document type, no entities, no endless token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.parsers import expat

from crmkit.core.text import gettext as _
from crmkit.transfer.xlsx.container import Container

__all__ = ["local_name", "parse", "whole"]

_LONGEST_TOKEN = 4_000_000

Start = Callable[[str, dict[str, str]], object]
End = Callable[[str], object]
Data = Callable[[str], object]


class _HasDoctype(Exception):
    """A workbook has no document type; one that has, means harm (XXE, billion laughs)."""


def _refuse_doctype(*_arguments: object) -> None:
    raise _HasDoctype


def parse(container: Container, part: str, start: Start, end: End, data: Data) -> Iterator[None]:
    """Feed *part* to the handlers; pause after each piece, so that the caller can take what they collected.

    Raises:
        SourceDamagedError: the part is no well-formed XML, has a document type, or a token of megabytes.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    fed = 0
    try:
        for chunk in container.chunks(part):
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > _LONGEST_TOKEN:
                raise container.damaged(_("its part {part} has a tag of several megabytes"), part=part)
            yield
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise container.damaged(
            _("its part {part} is no XML: {cause}"), part=part, cause=expat.errors.messages[error.code]
        ) from None
    except _HasDoctype:
        raise container.damaged(_("its part {part} has a document type"), part=part) from None
    yield


def local_name(name: str) -> str:
    """Return *name* without its namespace prefix."""
    return name.rpartition(":")[2]


def whole(text: str | None, default: int) -> int:
    """Return the number that an attribute holds, or *default* where it holds none."""
    return int(text) if text and len(text) < 16 and text.isascii() and text.isdigit() else default
