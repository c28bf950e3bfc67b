"""The command line. Nothing heavy is imported before a command needs it: ``crmkit --help`` answers at once."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command that ``sys.argv`` names and leave with its exit code."""
    import sys

    from crmkit.cli.root import root

    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its number, not a crash.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    root(prog_name="crmkit")
