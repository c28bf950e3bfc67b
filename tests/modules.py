"""Modules of Python that a test writes, and writes again."""

from importlib.util import cache_from_source
from pathlib import Path

__all__ = ["write_module"]


def write_module(path, text):
    """Write a module whose next import reads *text*, also within the second in which it was compiled before.

    What Python keeps compiled is told from newer sources by their size and by whole seconds (PEP 3147, PEP 552).
    """
    path.write_text(text, "utf-8")
    Path(cache_from_source(path)).unlink(missing_ok=True)
