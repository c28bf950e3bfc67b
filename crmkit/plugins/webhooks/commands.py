"""The commands ``crmkit webhooks …``; what a session has says :mod:`crmkit.plugins.sales.commands`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import click

from crmkit import Reader, represent, translate, translator

from . import services
from .entities import Delivery, Endpoint, Source

__all__ = ["cli"]

_ = translator(__package__)

_ENDPOINT = {"id": _("Id"), "name": _("Name"), "url": _("URL"), "is_active": _("Active"), "off_reason": _("Reason")}
_DELIVERY = {
    "id": _("Id"),
    "event": _("Event"),
    "state": _("State"),
    "attempts": _("Attempts"),
    "status": _("Status"),
    "next_at": _("Is sent at"),
    "error": _("Error"),
}
_SOURCE = {"id": _("Id"), "name": _("Name"), "hook": _("Takes"), "is_active": _("Active")}
_EVENT = {"type": _("Event"), "label": _("Meaning"), "entity": _("Entity")}
_STATES = click.Choice(["waiting", "delivered", "dead", "withheld"])
_MOMENT = click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"])


@click.group("webhooks", help=_("Tell other programs what happens here."))
def cli() -> None:
    """Hold the commands."""


@cli.command("list", help=_("List webhooks."))
@click.pass_obj
def list_(session: Any) -> None:
    """List what the person who acts sees."""
    with session.reader() as db:
        found = db.find(Endpoint, order_by="name", limit=1000)
        session.show(represent(db, found) if session.as_json else _rows(found, _ENDPOINT), columns=_headings(_ENDPOINT))


@cli.command("events", help=_("List the events of which you can be told."))
@click.pass_obj
def events(session: Any) -> None:
    """List types of events with their meaning."""
    with session.reader() as db:
        found = services.event_types_told(db)
    rows = [{"type": each.type, "label": translate(each.label), "entity": each.entity} for each in found]
    session.show(rows, columns=_headings(_EVENT))


@cli.command("add", help=_("Make a webhook called NAME that tells URL what happens, with your rights."))
@click.argument("name")
@click.argument("url")
@click.option(
    "--event",
    "wanted",
    multiple=True,
    metavar="TYPE",
    help=_("A type of events, or the beginning of some: crm.sales.*"),
)
@click.option("--entity", metavar="ID", help=_("Only what happens to records of this entity."))
@click.option("--where", "condition", metavar="RULE", help=_("Only of records for which this rule holds."))
@click.pass_obj
def add(session: Any, name: str, url: str, wanted: tuple[str, ...], entity: str | None, condition: str | None) -> None:
    """Make a webhook and show it with its secret."""
    events = list(wanted) or ["*"]
    with session.writer() as db:
        made = db.create(Endpoint(name=name, url=url, events=events, entity=entity, condition=condition))
        _show_one(session, db, made)


@cli.command("show", help=_("Show the webhook ENDPOINT, by id or name, with its secret if you may know it."))
@click.argument("endpoint")
@click.pass_obj
def show(session: Any, endpoint: str) -> None:
    """Show all that the person who acts may read of it."""
    with session.reader() as db:
        _show_one(session, db, _endpoint(db, endpoint))


@cli.command("rotate-secret", help=_("Give ENDPOINT a new secret; the old one counts for a while longer."))
@click.argument("endpoint")
@click.option("--hours", type=click.IntRange(min=0), default=24, show_default=True, help=_("How long it does."))
@click.pass_obj
def rotate_secret(session: Any, endpoint: str, hours: int) -> None:
    """Change the secret and show the new one."""
    with session.writer() as db:
        changed = services.rotate_secret(db, _endpoint(db, endpoint), overlap=timedelta(hours=hours))
        _show_one(session, db, changed)


@cli.command("on", help=_("Switch ENDPOINT on; what waits for it is sent."))
@click.argument("endpoint")
@click.pass_obj
def on(session: Any, endpoint: str) -> None:
    """Switch it on."""
    _switch(session, endpoint, is_active=True)


@cli.command("off", help=_("Switch ENDPOINT off; what happens meanwhile it is not told."))
@click.argument("endpoint")
@click.pass_obj
def off(session: Any, endpoint: str) -> None:
    """Switch it off."""
    _switch(session, endpoint, is_active=False)


def _switch(session: Any, endpoint: str, *, is_active: bool) -> None:
    with session.writer() as db:
        _show_one(session, db, db.update(_endpoint(db, endpoint), is_active=is_active))


@cli.command("deliveries", help=_("List the newest messages, of one webhook or of all."))
@click.option("--endpoint", metavar="ENDPOINT", help=_("Those of this webhook, by id or name."))
@click.option("--state", type=_STATES, help=_("Those in this state."))
@click.option("--limit", type=click.IntRange(min=1, max=10_000), default=50, show_default=True, help=_("So many."))
@click.pass_obj
def deliveries(session: Any, endpoint: str | None, state: str | None, limit: int) -> None:
    """List what was sent and what became of it."""
    with session.reader() as db:
        f = Delivery.f
        rules = [f.endpoint_id == _endpoint(db, endpoint).id] if endpoint else []
        rules += [f.state == state] if state else []
        rule = rules[0] & rules[-1] if rules else None
        found = db.find(Delivery, rule, order_by="-id", limit=limit)
        session.show(represent(db, found) if session.as_json else _rows(found, _DELIVERY), columns=_headings(_DELIVERY))


@cli.command("replay", help=_("Have messages of ENDPOINT told again: those that were given up, unless you say more."))
@click.argument("endpoint")
@click.option("--delivery", type=click.UUID, help=_("This message alone, whatever became of it."))
@click.option("--from", "begins_at", type=_MOMENT, help=_("Of events from this moment on: 2026-03-01T09:00+0100."))
@click.option("--until", "ends_at", type=_MOMENT, help=_("Of events before this moment."))
@click.option("--everything", is_flag=True, help=_("Also what was delivered."))
@click.pass_obj
def replay(
    session: Any,
    endpoint: str,
    delivery: UUID | None,
    begins_at: datetime | None,
    ends_at: datetime | None,
    everything: bool,
) -> None:
    """Order it; a worker does it."""
    with session.writer() as db:
        found = _endpoint(db, endpoint)
        if delivery is not None:
            order = services.replay(db, db.get(Delivery, delivery))
        else:
            order = services.replay_span(db, found, begins_at, ends_at, is_everything=everything)
        if session.as_json:
            session.show(represent(db, [order])[0])
    session.say(translate(_("Ordered: a worker sends them again.")))


@cli.command("sources", help=_("List the programs that may send messages here."))
@click.pass_obj
def sources(session: Any) -> None:
    """List what the person who acts sees."""
    with session.reader() as db:
        found = db.find(Source, order_by="name", limit=1000)
        session.show(represent(db, found) if session.as_json else _rows(found, _SOURCE), columns=_headings(_SOURCE))


@cli.command("add-source", help=_("Let a program called NAME send messages for what a plugin takes: sales.web_leads."))
@click.argument("name")
@click.argument("hook")
@click.pass_obj
def add_source(session: Any, name: str, hook: str) -> None:
    """Make a source and show it with its secret; messages go to /inbound/ and its id."""
    with session.writer() as db:
        session.show(represent(db, [db.create(Source(name=name, hook=hook))], credentials=True)[0])


def _endpoint(db: Reader, reference: str) -> Endpoint:
    """Return the endpoint with this id or name."""
    try:
        return db.get(Endpoint, UUID(reference))
    except ValueError:
        found = db.find(Endpoint, Endpoint.f.name == reference, limit=2)
    if len(found) != 1:
        raise click.BadParameter(
            translate(_("there is no webhook, or there are several, called {name!r}")).format(name=reference)
        )
    return found[0]


def _show_one(session: Any, db: Reader, endpoint: Endpoint) -> None:
    session.show(represent(db, [endpoint], credentials=True)[0])


def _rows(found: list[Any], columns: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{name: getattr(each, name) for name in columns} for each in found]


def _headings(columns: Mapping[str, str]) -> dict[str, str]:
    return {key: translate(heading) for key, heading in columns.items()}
