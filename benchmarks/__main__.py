"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from time import perf_counter

from benchmarks.databases import postgresql_server
from benchmarks.figures import Figure, Outcome
from benchmarks.harness import hurry
from benchmarks.report import heading, line, machine, write_into
from benchmarks.rows import IN_A_WORLD, ONCE
from benchmarks.world.opening import World, open_postgresql, open_sqlite

SIZES = {"10k": 10_000, "100k": 100_000, "1M": 1_000_000}
DATABASES = ("sqlite", "postgresql")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what *arguments* say and print it; return 1 if a goal was missed."""
    options = _parser().parse_args(arguments)
    if options.quick:
        hurry()
    with ExitStack() as stack:
        folder = options.keep
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crmkit-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
        print(machine())
        sections = list(_sections(options, folder, stack))
    if options.markdown:
        write_into(options.markdown, sections)
    missed = [outcome for _title, outcomes in sections for outcome in outcomes if outcome.met is False]
    print(f"{len(missed)} of {sum(len(outcomes) for _title, outcomes in sections)} figures miss their goal")
    return 1 if missed and options.strict else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--sizes", type=_sizes, default=list(SIZES), help="how many deals: 10k,100k,1M")
    parser.add_argument("--database", type=_databases, default=list(DATABASES), help="sqlite,postgresql")
    parser.add_argument(
        "--only",
        action="append",
        metavar="PATTERN",
        help="figures whose name is like this, such as 'list: *' or '*salesperson*'; may be given several times",
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what is built here, and use what is there")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="also write the tables into this page, between its marks"
    )
    parser.add_argument("--quick", action="store_true", help="one call each: do both sides do the same?")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a goal is missed")
    return parser


def _sizes(text: str) -> list[str]:
    return _some_of(text, SIZES)


def _databases(text: str) -> list[str]:
    return _some_of(text, DATABASES)


def _some_of(text: str, known: Sequence[str] | dict[str, int]) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(known)}")
    return names


def _sections(options: argparse.Namespace, folder: Path, stack: ExitStack) -> Iterator[tuple[str, list[Outcome]]]:
    patterns = options.only or ["*"]
    once = [figures for figures, groups in ONCE.items() if _concern(patterns, groups)]
    if once:
        yield "Once", _measured("Once", _wanted((figure for figures in once for figure in figures()), patterns))
    inside = [figures for figures, groups in IN_A_WORLD.items() if _concern(patterns, groups)]
    if not inside:
        return
    for title, world in _worlds(options, folder, stack):
        yield title, _measured(title, _wanted(chain(*(figures(world) for figures in inside)), patterns))


def _worlds(options: argparse.Namespace, folder: Path, stack: ExitStack) -> Iterator[tuple[str, World]]:
    """Yield the worlds that *options* name, each open until the next."""
    server = None
    if "postgresql" in options.database:
        server = stack.enter_context(postgresql_server(folder / "postgresql"))
    for size in options.sizes:
        for database in options.database:
            start = perf_counter()
            opened = (
                open_sqlite(folder, SIZES[size], _say)
                if database == "sqlite"
                else open_postgresql(str(server), SIZES[size], _say)
            )
            with opened as world:
                title = f"{world.system}, {size}"
                _say(f"{title}: ready after {perf_counter() - start:.0f} s")
                yield title, world


def _concern(patterns: Sequence[str], groups: Sequence[str]) -> bool:
    """Return whether one of *patterns* may name a figure of *groups*; building a world for none takes minutes."""
    named = [pattern.split(":")[0] for pattern in patterns if ":" in pattern]
    return len(named) < len(patterns) or any(fnmatch(group, name) for group in groups for name in named)


def _wanted(figures: Iterable[Figure], patterns: Sequence[str]) -> Iterator[Figure]:
    return (f for f in figures if any(pattern in f.key or fnmatch(f.key, pattern) for pattern in patterns))


def _measured(title: str, figures: Iterable[Figure]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for figure in figures:
        if not outcomes:
            print(f"\n{title}\n{heading()}", flush=True)
        outcome = figure.run()
        print(line(outcome), flush=True)
        outcomes.append(outcome)
    return outcomes


def _say(text: str) -> None:
    print(f"# {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
