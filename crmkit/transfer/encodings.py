"""Which encoding a text file has: strict, in chunks, over the whole file, before a row is read."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

import attrs

from crmkit.core.text import gettext as _
from crmkit.transfer.errors import SourceEncodingError, SourceFormatError

__all__ = ["find_encoding"]

_CHUNK = 1 << 20
_ENOUGH = 50_000
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ACCEPTED = _("Save it as UTF-8, or state its encoding in the plan, such as encoding = {example!r}")


def find_encoding(path: Path, stated: str | None = None) -> str:
    """Return the Python name of the encoding that the whole of *path* decodes with.

    A byte order mark decides; otherwise UTF-8 if every byte agrees, otherwise GB18030 or Windows-1252 (which
    contains Latin-1) by what its bytes look like. *stated* is not guessed, only checked.

    Raises:
        SourceEncodingError: some byte does not fit, or two encodings are equally likely.
        SourceFormatError: the file is no text.
    """
    with path.open("rb") as file:
        head = file.read(65536)
    if stated is not None:
        return _checked(path, _known(path, stated, head))
    mark = next((name for bom, name in _MARKS.items() if head.startswith(bom)), None)
    if mark is not None:
        return _checked(path, mark)
    if head.count(0) * 20 > len(head):
        raise SourceFormatError(
            path.name,
            _("it is full of NUL bytes: a binary file, or UTF-16 without a byte order mark"),
            _("Save it as UTF-8, or state encoding = 'utf-16-le' in the plan"),
        )
    if _first_error(path, "utf-8") is None:
        return "utf-8"
    return _legacy(path)


def _known(path: Path, stated: str, head: bytes) -> str:
    try:
        name = codecs.lookup(stated).name
    except LookupError:
        raise SourceEncodingError(
            path.name,
            _("the plan states the unknown encoding {encoding!r}"),
            _("Accepted are Python's names, such as 'utf-8', 'gb18030', 'cp1252' or 'utf-16'"),
            encoding=stated,
        ) from None
    # A mark that the stated encoding does not eat would become part of the first column's name.
    return "utf-8-sig" if name == "utf-8" and head.startswith(codecs.BOM_UTF8) else name


def _checked(path: Path, encoding: str) -> str:
    offset = _first_error(path, encoding)
    if offset is None:
        return encoding
    with path.open("rb") as file:
        line = _lines_before(path, offset) + 1
        file.seek(offset)
        byte = file.read(1).hex().upper()
    raise SourceEncodingError(
        path.name,
        _("the byte {byte} at position {offset} is not {encoding}"),
        _ACCEPTED,
        line=line,
        byte=f"0x{byte}" if byte else "",
        offset=offset,
        encoding=encoding,
        example="cp1252",
    )


def _first_error(path: Path, encoding: str) -> int | None:
    """Return where the first byte stands that *encoding* does not decode."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            read += len(chunk)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                # The decoder puts what it kept from the last chunk in front; both end at the same byte.
                return read - (len(error.object) - error.start)
            if not chunk:
                return None


def _lines_before(path: Path, offset: int) -> int:
    count = 0
    with path.open("rb") as file:
        while offset > 0 and (chunk := file.read(min(_CHUNK, offset))):
            count += chunk.count(b"\n")
            offset -= len(chunk)
    return count


def _legacy(path: Path) -> str:
    """Return GB18030 or Windows-1252 for a file that is not UTF-8."""
    seen = _Evidence.of(path)
    if seen.chinese >= 0.75 and _first_error(path, "gb18030") is None:
        return "gb18030"
    if seen.chinese <= 0.25 and seen.latin >= 0.8 and _first_error(path, "cp1252") is None:
        return "cp1252"
    offset = _first_error(path, "utf-8") or 0
    raise SourceEncodingError(
        path.name,
        _("it is not UTF-8, and its bytes look neither Chinese (GB18030) nor Western European"),
        _ACCEPTED,
        line=_lines_before(path, offset) + 1,
        example="big5",
    )


@attrs.frozen
class _Evidence:
    """How Chinese and how Western European the bytes above ASCII look, each from 0 to 1."""

    chinese: float
    latin: float

    # GB18030: two bytes, or four of which the second and fourth are digits; other bytes stand alone.
    _TOKEN = re.compile(
        rb"[\x81-\xfe](?:[\x40-\x7e\x80-\xfe]|[\x30-\x39][\x81-\xfe][\x30-\x39])|[\x80-\xff]", re.DOTALL
    )
    # GB 2312 rows 16-55 are the 3,755 commonest characters; rows 1-3 punctuation and full-width forms.
    _COMMON = re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]\Z", re.DOTALL)
    _RARER = re.compile(rb"[\xd8-\xf7][\xa1-\xfe]\Z", re.DOTALL)
    _RUN = re.compile(rb"[\x80-\xff]+")
    # Letters, and the signs that Western European texts use: € … quotes, dashes, ™ £ § « ° · » ¿
    _WESTERN = frozenset({*range(0xC0, 0x100), *b"\x80\x85\x91\x92\x93\x94\x96\x97\x99\xa0\xa1\xa3\xa7"}) | set(
        b"\xa9\xab\xae\xb0\xb2\xb4\xb7\xba\xbb\xbf"
    )

    @classmethod
    def of(cls, path: Path) -> _Evidence:
        """Return the evidence of the first bytes above ASCII: fifty thousand of them are plenty."""
        tokens: list[bytes] = []
        runs: list[bytes] = []
        with path.open("rb") as file:
            while len(tokens) < _ENOUGH and (chunk := file.read(_CHUNK // 16)):
                tokens += cls._TOKEN.findall(chunk)
                runs += cls._RUN.findall(chunk)
        return cls(cls._chinese(tokens), cls._latin(runs))

    @classmethod
    def _chinese(cls, tokens: list[bytes]) -> float:
        common = sum(1 for token in tokens if cls._COMMON.match(token))
        rarer = sum(1 for token in tokens if cls._RARER.match(token))
        return (common + rarer / 2) / max(1, len(tokens))

    @classmethod
    def _latin(cls, runs: list[bytes]) -> float:
        """Accented letters stand alone or in pairs; in Cyrillic or Greek a whole word is above ASCII."""
        total = sum(map(len, runs))
        western = sum(1 for run in runs if len(run) <= 2 for byte in run if byte in cls._WESTERN)
        return western / max(1, total)
