"""How much memory this process has taken."""

from __future__ import annotations

from pathlib import Path

__all__ = ["peak"]


def peak() -> float:
    """Return the high-water mark in MB; that of ``getrusage`` is inherited from whoever started this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
