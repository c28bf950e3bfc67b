"""``crmkit pipeline``: see pipelines and what flows through them, edit them, publish new versions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from crmkit.cli.flow import CYCLE_COLUMNS, LANE_COLUMNS, cohort_rows, duration_rows, lane_rows, moment_of, months_until
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit import PipelineVersion, Reader
    from crmkit.core.entity import Record
    from crmkit.core.pipelines import Pipeline

__all__ = ["command"]

_PIPELINE = _("Pipeline")
_where = click.option("--where", metavar="RULE", help=_("Only records for which this rule holds today."))


@click.group("pipeline", help=COMMANDS["pipeline"])
def command() -> None:
    """Group what concerns pipelines."""


def _found(db: Reader, pipeline: str) -> Pipeline:
    from crmkit import UnknownPipelineError

    known = db.model.registry.pipelines
    if pipeline not in known:
        raise UnknownPipelineError("crmkit", pipeline, sorted(known))
    return known[pipeline]


def _entity(db: Reader, pipeline: str) -> type[Record]:
    return db.model.registry.entities[_found(db, pipeline).entity].cls


@command.command("list", help=_("List the pipelines."))
@click.pass_obj
def _list(session: Session) -> None:
    with session.reader() as db:
        rows = [
            {
                "pipeline": each.id,
                "label": translate(each.label),
                "entity": each.entity,
                "version": each.version,
                "stages": [stage.slug for stage in each.stages],
            }
            for each in db.model.registry.pipelines.values()
        ]
    headings = {"pipeline": _PIPELINE, "label": _("Label"), "entity": _("Entity"), "version": _("Version")}
    session.show(rows, columns={**headings, "stages": _("Stages")})


@command.command("show", help=_("Show PIPELINE; with --json as a definition that can be edited and drafted."))
@click.argument("pipeline")
@click.pass_obj
def _show(session: Session, pipeline: str) -> None:
    from crmkit import written_pipeline

    with session.reader() as db:
        found = _found(db, pipeline)
    if session.as_json:
        session.show(written_pipeline(found))
        return
    session.say(translate(_("{label}, version {version}")).format(label=translate(found.label), version=found.version))
    rows = [
        {
            "stage": stage.slug,
            "label": translate(stage.label),
            "kind": stage.kind,
            "probability": stage.probability,
            "required": list(stage.required),
            "to": sorted(found.moves_from(stage.slug)),
        }
        for stage in found.stages
    ]
    headings = {"stage": _("Stage"), "label": _("Label"), "kind": _("Kind"), "probability": _("Probability (%)")}
    session.show(rows, columns={**headings, "required": _("Required"), "to": _("Moves to")})


def _told(version: PipelineVersion) -> dict[str, Any]:
    return {
        "pipeline": version.pipeline,
        "version": version.number,
        "based_on": version.based_on,
        "shipped": version.base,
        "published_at": version.published_at,
        "mapping": dict(version.mapping),
        "note": version.note,
    }


_VERSION = {
    "pipeline": _PIPELINE,
    "version": _("Version"),
    "based_on": _("Based on version"),
    "published_at": _("Published at"),
    "note": _("Note"),
}


@command.command("versions", help=_("List the versions of PIPELINE that were made here, the draft last."))
@click.argument("pipeline")
@click.pass_obj
def _versions(session: Session, pipeline: str) -> None:
    from crmkit import versions_of

    with session.reader() as db:
        found = [_told(version) for version in versions_of(db, pipeline)]
    session.show(found, columns=_VERSION)


@command.command("draft", help=_("Keep the definition in FILE (JSON, - for standard input) as the draft."))
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--map", "mapping", multiple=True, metavar="OLD=NEW", help=_("Where records go whose stage goes."))
@click.option("--note", help=_("What the version is for."))
@click.pass_obj
def _draft(session: Session, file: TextIO, mapping: Sequence[str], note: str | None) -> None:
    from crmkit import save_draft

    try:
        definition = json.load(file)
    except ValueError as error:
        raise click.BadParameter(translate(_("no JSON: {reason}")).format(reason=error)) from None
    if not isinstance(definition, dict):
        raise click.BadParameter(translate(_("a definition is a JSON object")))
    pairs = dict(_pair(each) for each in mapping)
    with session.writer() as db:
        session.show(_told(save_draft(db, definition, mapping=pairs, note=note)), columns=_VERSION)


def _pair(written: str) -> tuple[str, str]:
    old, equals, new = written.partition("=")
    if not equals:
        raise click.BadParameter(translate(_("{written!r} is no OLD=NEW")).format(written=written))
    return old, new


@command.command("check", help=_("Say what publishing the draft of PIPELINE would do; nothing is written."))
@click.argument("pipeline")
@click.pass_obj
def _check(session: Session, pipeline: str) -> None:
    import attrs

    from crmkit import try_draft

    with session.reader() as db:
        told = try_draft(db, pipeline)
    if session.as_json:
        session.show(attrs.asdict(told))
        return
    for text, slugs in ((_("New stages: {slugs}"), told.new), (_("Renamed stages: {slugs}"), told.renamed)):
        if slugs:
            session.say(translate(text).format(slugs=", ".join(slugs)))
    headings = {"stage": _("Stage that goes"), "count": _("Records you see"), "target": _("Go to")}
    rows = [attrs.asdict(goes) for goes in told.goes]
    session.show(rows, columns={**headings, "missing": _("Lack a field"), "fails": _("Fail a guard")})


@command.command("publish", help=_("Publish the draft of PIPELINE as its newest version."))
@click.argument("pipeline")
@click.option("--note", help=_("What the version is for."))
@click.pass_obj
def _publish(session: Session, pipeline: str, note: str | None) -> None:
    from crmkit import publish_draft

    with session.writer() as db:
        session.show(_told(publish_draft(db, pipeline, note=note)), columns=_VERSION)


@command.command("discard", help=_("Throw the draft of PIPELINE away."))
@click.argument("pipeline")
@click.pass_obj
def _discard(session: Session, pipeline: str) -> None:
    from crmkit import discard_draft

    with session.writer() as db:
        discard_draft(db, pipeline)


@command.command("carry-over", help=_("Move records of older versions of PIPELINE as the mappings say, in batches."))
@click.argument("pipeline")
@click.option("--all", "everything", is_flag=True, help=_("Pin those whose stage stayed to the newest version too."))
@click.option("--now", is_flag=True, help=_("Do it here instead of leaving it to a worker."))
@click.pass_obj
def _carry_over(session: Session, pipeline: str, everything: bool, now: bool) -> None:
    import attrs

    from crmkit import carry_over, plan_carry_over
    from crmkit.core.publishing.checking import check_may_edit

    if not now:
        with session.writer() as db:
            job = plan_carry_over(db, pipeline, everything=everything)
        session.show({"job": job}, columns={"job": _("Job")})
        session.say(translate(_("A worker does it; see how far it is: crmkit jobs show {job}")).format(job=job))
        return
    with session.reader() as db:
        check_may_edit(db, pipeline)
    done = carry_over(session.crm, pipeline, everything=everything)
    session.show(attrs.asdict(done), columns={"moved": _("Moved"), "pinned": _("Pinned"), "left": _("Left behind")})


@command.command("funnel", help=_("Show how many records stand in each stage of PIPELINE, or stood there."))
@click.argument("pipeline")
@click.option("--amount", metavar="FIELD", help=_("The field of money to add up."))
@click.option("--at", metavar="WHEN", help=_("A day, of which the end is meant, or a moment with its zone."))
@click.option("--then", is_flag=True, help=_("Add up what records held at that moment, not what they hold now."))
@_where
@click.pass_obj
def _funnel(session: Session, pipeline: str, amount: str | None, at: str | None, then: bool, where: str | None) -> None:
    from crmkit import board, funnel

    moment = None if at is None else moment_of(at, session.zone)
    with session.reader() as db:
        cls = _entity(db, pipeline)
        if moment is None:
            found = board(db, cls, pipeline, amount=amount, where=where)
        else:
            amounts: Any = "then" if then else "now"
            found = funnel(db, cls, pipeline, amount=amount, at=moment, amounts=amounts, where=where)
    rows = lane_rows(found)
    if session.as_json:
        answer = {"pipeline": found.pipeline, "version": found.version, "currency": found.currency, "at": found.at}
        session.show({**answer, "count": found.count, "stages": rows})
        return
    session.show(rows, columns=LANE_COLUMNS)


@command.command("times", help=_("Show how long records stay in the stages of PIPELINE, and until they are closed."))
@click.argument("pipeline")
@click.option("--by", type=click.Choice(["owner", "team"]), help=_("Tell it for each owner or team."))
@click.option("--since", metavar="WHEN", help=_("Only stays that ended after this day or moment."))
@click.option("--until", metavar="WHEN", help=_("Only stays that ended by this day or moment."))
@_where
@click.pass_obj
def _times(
    session: Session, pipeline: str, by: str | None, since: str | None, until: str | None, where: str | None
) -> None:
    from crmkit import cycle_times

    first, last = (moment_of(each, session.zone) if each else None for each in (since, until))
    with session.reader() as db:
        chosen: Any = f"{by}_id" if by else None
        cls = _entity(db, pipeline)
        found = cycle_times(db, cls, pipeline, by=chosen, since=first, until=last, where=where)
        rows = duration_rows(db, found, by)
    session.show(rows, columns=CYCLE_COLUMNS)


@command.command("conversion", help=_("Show how far records come that entered PIPELINE in the same month."))
@click.argument("pipeline")
@click.option("--months", type=click.IntRange(1, 120), default=12, show_default=True, help=_("How many months."))
@_where
@click.pass_obj
def _conversion(session: Session, pipeline: str, months: int, where: str | None) -> None:
    from crmkit import conversion

    with session.reader() as db:
        starts = months_until(db.moment.now, months, session.zone)
        found = conversion(db, _entity(db, pipeline), starts, pipeline, where=where)
    rows = cohort_rows(found, session.zone)
    headings = {"month": _("Month"), "count": _("Records")} | {slug: slug for slug in found.stages}
    session.show(rows, columns={**headings, "lost": _("Lost")})
