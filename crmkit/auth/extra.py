"""The packages of the extra ``auth``, which are imported when they are first needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from crmkit.core.errors import MissingExtraError
from crmkit.core.text import Text

__all__ = ["needs_auth"]


@contextmanager
def needs_auth(what: Text) -> Iterator[None]:
    """Import the packages inside the block for *what*.

    Raises:
        MissingExtraError: one is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(what, error.name or "", "auth") from None
