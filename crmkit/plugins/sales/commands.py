"""The commands ``crmkit sales …``.

A plugin's ``commands.py`` has a click group called ``cli``, named after the plugin. crmkit gives every command in it
the options that all commands share, ``--as PERSON`` and ``--json`` among them, and passes a session
(``@click.pass_obj``) that has

- ``reader()`` and ``writer()``: context managers that give a :class:`crmkit.Reader` or :class:`crmkit.Writer` for the
  person who acts;
- ``as_json``: whether the answer is for a program;
- ``show(data, columns=…)``: prints *data*, for a program as JSON, for people a list of dicts as a table of *columns*
  (heading by key) and a dict as lines;
- ``say(text)``: prints a sentence for people, and nothing for programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from crmkit import translate, translator

from . import services

__all__ = ["cli"]

_ = translator(__package__)

_FUNNEL = {
    "label": _("Stage"),
    "count": _("Deals"),
    "amount": _("Amount"),
    "probability": _("Probability (%)"),
    "weighted": _("Weighted"),
}
_FORECAST = {"month": _("Month"), "count": _("Deals"), "amount": _("Amount"), "weighted": _("Weighted")}


@click.group("sales", help=_("Show funnel and forecast."))
def cli() -> None:
    """Hold the commands."""


@cli.command(help=_("Show how many deals stand in each stage, and what they add up to."))
@click.option("--pipeline", metavar="ID", help=_("A pipeline of deals; the one of new deals if left out."))
@click.option("--at", metavar="MOMENT", help=_("How they stood at this moment, such as 2026-03-01T00:00:00+01:00."))
@click.option("--then", is_flag=True, help=_("Add up what deals were worth at that moment, not what they are now."))
@click.pass_obj
def funnel(session: Any, pipeline: str | None, at: str | None, then: bool) -> None:
    """Show the funnel as the person who acts sees it."""
    moment = None if at is None else _moment(at)
    with session.reader() as db:
        found = services.funnel(db, pipeline, at=moment, amounts="then" if then else "now")
    stages = [_funnel_row(stage) for stage in found.stages]
    if session.as_json:
        answer = {"pipeline": found.pipeline, "version": found.version, "currency": found.currency}
        session.show({**answer, "count": found.count, "stages": stages})
        return
    title = translate(_("{count} deals in {pipeline}, version {version}; amounts in {currency}"))
    session.say(
        title.format(count=found.count, pipeline=found.pipeline, version=found.version, currency=found.currency)
    )
    session.show(stages, columns=_headings(_FUNNEL))


@cli.command(help=_("Show what open deals may bring by month: amount times probability."))
@click.pass_obj
def forecast(session: Any) -> None:
    """Show the weighted forecast as the person who acts sees it."""
    with session.reader() as db:
        found = services.forecast(db)
    months = [_forecast_row(month) for month in found.months]
    if session.as_json:
        session.show({"currency": found.currency, "months": months})
        return
    session.say(translate(_("Open deals by expected close; amounts in {currency}")).format(currency=found.currency))
    session.show(months, columns=_headings(_FORECAST))


def _moment(written: str) -> datetime:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        message = translate(_("{written!r} is no moment, such as 2026-03-01T09:00+01:00"))
        raise click.BadParameter(message.format(written=written)) from None
    if moment.tzinfo is None:
        raise click.BadParameter(translate(_("give the zone of the moment, such as +01:00")))
    return moment


def _funnel_row(stage: services.FunnelStage) -> dict[str, Any]:
    return {
        "stage": stage.slug,
        "label": translate(stage.label),
        "kind": stage.kind,
        "probability": stage.probability,
        "count": stage.count,
        "amount": stage.amount,
        "weighted": stage.weighted,
        "retired": stage.is_retired,
    }


def _forecast_row(month: services.ForecastMonth) -> dict[str, Any]:
    return {
        "month": f"{month.month:%Y-%m}" if month.month else None,
        "count": month.count,
        "amount": month.amount,
        "weighted": month.weighted,
    }


def _headings(columns: Mapping[str, str]) -> dict[str, str]:
    return {key: translate(heading) for key, heading in columns.items()}
