"""``crmkit approval``: ask that a record may move, and decide about what others ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit import ApprovalState

__all__ = ["command"]

_COLUMNS = {
    "id": _("Id"),
    "record": _("Record"),
    "source": _("From stage"),
    "target": _("To stage"),
    "status": _("Status"),
    "approved": _("Approved by"),
    "needed": _("Needed"),
    "note": _("Note"),
}


@click.group("approval", help=COMMANDS["approval"])
def command() -> None:
    """Group what concerns approvals."""


def _row(state: ApprovalState) -> dict[str, Any]:
    import attrs

    return {**attrs.asdict(state, recurse=False), "record": f"{state.record.entity}/{state.record.id}"}


@command.command("list", help=_("List what waits for your decision; or all requests for RECORD."))
@click.argument("record", required=False)
@click.pass_obj
def _list(session: Session, record: str | None) -> None:
    from crmkit import approvals, approvals_to_give
    from crmkit.cli.records import find_record

    with session.reader() as db:
        found = approvals_to_give(db) if record is None else approvals(db, find_record(db, db.model.registry, record))
    session.show([_row(state) for state in found], columns=_COLUMNS)


@command.command("request", help=_("Ask that RECORD, as it is now, may move to STAGE."))
@click.argument("record")
@click.argument("stage")
@click.option("--note", help=_("Why it should."))
@click.pass_obj
def _request(session: Session, record: str, stage: str, note: str | None) -> None:
    from crmkit import approvals, request_approval
    from crmkit.cli.records import find_record

    with session.writer() as db:
        found = find_record(db, db.model.registry, record)
        made = request_approval(db, found, stage, note=note)
        states = {state.id: state for state in approvals(db, found)}
    session.show(_row(states[made]), columns=_COLUMNS)


def _decide(session: Session, request: str, note: str | None, verdict: str) -> None:
    from uuid import UUID

    from crmkit import NotFoundError, approve, reject

    try:
        id_ = UUID(request)
    except ValueError:
        raise NotFoundError("core.approval", request) from None
    with session.writer() as db:
        status = (approve if verdict == "approve" else reject)(db, id_, note=note)
    session.show({"id": id_, "status": status}, columns={"id": _("Id"), "status": _("Status")})


@command.command("approve", help=_("Approve of the request with this id."))
@click.argument("request")
@click.option("--note", help=_("What you want to say about it."))
@click.pass_obj
def _approve(session: Session, request: str, note: str | None) -> None:
    _decide(session, request, note, "approve")


@command.command("reject", help=_("Reject the request with this id, which ends it."))
@click.argument("request")
@click.option("--note", help=_("What you want to say about it."))
@click.pass_obj
def _reject(session: Session, request: str, note: str | None) -> None:
    _decide(session, request, note, "reject")
