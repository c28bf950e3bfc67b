"""The commands ``crmkit customers …``; what a session has says :mod:`crmkit.plugins.sales.commands`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

import click

from crmkit import Record, translate, translator

from . import matching, services
from .entities import Company, Contact

__all__ = ["cli"]

_ = translator(__package__)

_KINDS: Mapping[str, type[Record]] = {"contact": Contact, "company": Company}
_COLUMNS = {
    "score": _("Points"),
    "one": _("Record"),
    "one_name": _("Name"),
    "other": _("Other record"),
    "other_name": _("Other name"),
    "why": _("Agree in"),
}
# So many refusals are shown; all are in the error file.
_SHOWN = 20
# What a reviewer fills in, and what tells the records whatever their numbers are.
_TO_FILL_IN = ("decision", "reason", "one_id", "other_id")
_BECAME = {
    "merged": _("Merged"),
    "told_apart": _("Kept apart"),
    "unchanged": _("Done before"),
    "skipped": _("Skipped"),
    "refused": _("Refused"),
}


@click.group("customers", help=_("Find companies and people who are entered twice."))
def cli() -> None:
    """Hold the commands."""


@cli.command("find-duplicates", help=_("Show the contacts, or the companies, that are likely the same."))
@click.argument("kind", type=click.Choice(list(_KINDS)), default="contact")
@click.option(
    "--least",
    type=click.IntRange(1, 100),
    default=matching.LIKELY,
    show_default=True,
    help=_("How many points of 100 a pair must have."),
)
@click.option(
    "--method",
    type=click.Choice(["points", "splink"]),
    default="points",
    show_default=True,
    help=_("Compare by points that are set by hand, or by weights that Splink learns from the records."),
)
@click.option("--csv", "file", type=click.File("w", encoding="utf-8"), help=_("Write the pairs into this CSV file."))
@click.option(
    "--apply",
    "reviewed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=_("Do what this file says, CSV or JSON: pairs whose decision is merge, not or skip."),
)
@click.pass_obj
def find_duplicates(
    session: Any, kind: str, least: int, method: services.Method, file: TextIO | None, reviewed: Path | None
) -> None:
    """Show pairs as the person who acts sees them, the likeliest first; or do what was decided about them."""
    if reviewed is not None:
        if file is not None:
            raise click.UsageError(translate(_("Give --csv to search, or --apply to do what was decided.")))
        _apply(session, _KINDS[kind], reviewed)
        return
    with session.reader() as db:
        pairs = services.duplicate_pairs(db, _KINDS[kind], least, method=method)
    rows = [_row(pair) for pair in pairs]
    if file is not None:
        _write(file, rows)
    groups = services.clusters(pairs)
    if session.as_json:
        session.show({"pairs": rows, "clusters": [[record.id for record in group] for group in groups]})
        return
    if file is None:
        session.show(rows, columns={key: translate(heading) for key, heading in _COLUMNS.items()})
    told = translate(_("{pairs} pairs, which make {records} records {groups}."))
    session.say(told.format(pairs=len(pairs), records=sum(map(len, groups)), groups=len(groups)))


def _apply(session: Any, entity: type[Record], reviewed: Path) -> None:
    """Do what *reviewed* says; exit code 1 says that rows were refused."""
    applied = services.apply_decisions(session.writer, entity, services.read_reviewed(reviewed))
    errors = services.write_refused(services.error_file(reviewed), applied.refused)
    counts = {name: getattr(applied, name) for name in _BECAME} | {"refused": len(applied.refused)}
    if session.as_json:
        refused = [{"line": decision.line, "reason": reason} for decision, reason in applied.refused]
        session.show({**counts, "refused": refused, "errors": str(errors) if errors else None})
    else:
        session.show([counts], columns={key: translate(heading) for key, heading in _BECAME.items()})
        for decision, reason in applied.refused[:_SHOWN]:
            session.say(translate(_("Line {line}: {reason}")).format(line=decision.line, reason=reason))
        if errors:
            session.say(translate(_("Correct {errors} and apply it alone.")).format(errors=errors))
    if errors:
        click.get_current_context().exit(1)


def _row(pair: services.Pair) -> dict[str, Any]:
    why = ", ".join(f"{each.field} {each.likeness}% ({each.points:+d})" for each in pair.agreements)
    return {
        "score": pair.score,
        "one": getattr(pair.one, "number", None) or pair.one.id,
        "one_name": getattr(pair.one, "name", None),
        "other": getattr(pair.other, "number", None) or pair.other.id,
        "other_name": getattr(pair.other, "name", None),
        "why": why,
        "decision": None,
        "one_id": pair.one.id,
        "other_id": pair.other.id,
    }


def _write(file: TextIO, rows: Iterable[Mapping[str, Any]]) -> None:
    writer = csv.DictWriter(file, [*_COLUMNS, *_TO_FILL_IN])
    writer.writeheader()
    writer.writerows({key: _neutral(value) for key, value in row.items()} for row in rows)


def _neutral(value: Any) -> Any:
    """Return *value* so that no spreadsheet takes a name for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
