"""The texts that cells of a workbook share: looked up by number, kept on disk once they are many."""

from __future__ import annotations

import re
import struct
from tempfile import SpooledTemporaryFile

from crmkit.transfer.xlsx.container import Container
from crmkit.transfer.xlsx.xml import local_name, parse

__all__ = ["SharedStrings", "unescape"]

_IN_MEMORY = 8_000_000
_CACHED = 4096
_CACHED_LENGTH = 200
_ENTRY = struct.Struct("<QI")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class SharedStrings:
    """Texts by number; at most some megabytes of them are in memory."""

    def __init__(self) -> None:
        self._texts = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  closed by close()
        self._index = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        self._count = self._end = 0
        self._cache: dict[int, str] = {}

    def load(self, container: Container, part: str, limit: int) -> None:
        """Take the texts of *part*; one over *limit* keeps a character more than that."""
        reader = _Reader(limit)
        for _piece in parse(container, part, reader.start, reader.end, reader.data):
            for text in reader.done:
                self.add(text)
            reader.done.clear()

    def add(self, text: str) -> None:
        """Append *text*; its number is how many came before."""
        encoded = text.encode("utf-8", "surrogatepass")
        self._index.write(_ENTRY.pack(self._end, len(encoded)))
        self._texts.write(encoded)
        self._end += len(encoded)
        self._count += 1

    def get(self, number: int) -> str | None:
        """Return the text with *number*, or ``None`` if there is none."""
        text = self._cache.get(number)
        return self._load(number) if text is None else text

    def _load(self, number: int) -> str | None:
        if not 0 <= number < self._count:
            return None
        self._index.seek(number * _ENTRY.size)
        start, length = _ENTRY.unpack(self._index.read(_ENTRY.size))
        self._texts.seek(start)
        text = self._texts.read(length).decode("utf-8", "surrogatepass")
        if len(text) <= _CACHED_LENGTH:
            if len(self._cache) >= _CACHED:
                self._cache.clear()
            self._cache[number] = text
        return text

    def close(self) -> None:
        """Give the disk space back."""
        self._texts.close()
        self._index.close()


class _Reader:
    """Collects the runs of each ``<si>``; phonetic readings (``<rPh>``) are no part of the text."""

    def __init__(self, limit: int) -> None:
        self.done: list[str] = []
        self._limit, self._length = limit, 0
        self._pieces: list[str] = []
        self._in_text = self._in_reading = False

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        local = local_name(name)
        if local == "t":
            self._in_text = not self._in_reading
        elif local == "rPh":
            self._in_reading = True

    def data(self, text: str) -> None:
        if self._in_text and self._length <= self._limit:
            self._pieces.append(text[: self._limit + 1 - self._length])
            self._length += len(text)

    def end(self, name: str) -> None:
        local = local_name(name)
        if local == "t":
            self._in_text = False
        elif local == "rPh":
            self._in_reading = False
        elif local == "si":
            self.done.append(unescape("".join(self._pieces)))
            self._pieces.clear()
            self._length = 0


def unescape(text: str) -> str:
    """Return *text* with ``_x000D_`` and the like as the characters they mean (ECMA-376-1, 22.9.2.19)."""
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(escaped: re.Match[str]) -> str:
    code = int(escaped[1], 16)
    # Half of a surrogate pair is no character, and no database stores it.
    return escaped[0] if 0xD800 <= code <= 0xDFFF else chr(code)
