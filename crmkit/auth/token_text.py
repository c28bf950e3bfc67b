"""What a token looks like: a prefix that scanners for leaked secrets find, 32 random bytes, and a checksum.

The checksum, a CRC-32 (ISO 3309) in six digits of base 62, tells a token from what only looks like one without asking
the database. It keeps nobody out: what counts is the digest.
"""

from __future__ import annotations

import re
import string
import zlib

from crmkit.auth.digests import new_secret

__all__ = ["SHOWN", "is_token_text", "new_token_text"]

_PREFIX = "crmkit_"
#: How many characters of a token people are shown, so that they know it again.
SHOWN = len(_PREFIX) + 4
_CHECK = 6
_TEXT = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}[A-Za-z0-9]{{{_CHECK}}}\Z")
_DIGITS = string.digits + string.ascii_letters


def new_token_text() -> str:
    """Return a token that nobody has had before."""
    body = _PREFIX + new_secret()
    return body + _checksum(body)


def is_token_text(text: str) -> bool:
    """Return whether *text* has the form of a token, and its checksum."""
    return bool(_TEXT.match(text)) and _checksum(text[:-_CHECK]) == text[-_CHECK:]


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _place in range(_CHECK):
        number, digit = divmod(number, len(_DIGITS))
        digits += _DIGITS[digit]
    return digits
