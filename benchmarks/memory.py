"""How much memory this process has, in MB."""

from __future__ import annotations

from pathlib import Path

__all__ = ["own", "peak"]


def peak() -> float:
    """Return the high-water mark; that of ``getrusage`` is inherited from whoever started this process."""
    return _status("VmHWM")


def own() -> float:
    """Return what the process has now, without the pages of files, which the system lends and takes back."""
    return _status("RssAnon")


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))
