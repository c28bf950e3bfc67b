"""``crmkit token``: letting programs act as somebody, within limits and for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit import Reader
    from crmkit.core.signing_in.entities import Token

__all__ = ["command"]

_COLUMNS = {
    "id": _("Id"),
    "prefix": _("Begins with"),
    "user": _("User"),
    "name": _("Name"),
    "scopes": _("Scopes"),
    "expires_at": _("Expires"),
    "last_used_at": _("Last used"),
    "ended_at": _("Ended"),
}


@click.group("token", help=COMMANDS["token"])
def command() -> None:
    """Group what concerns tokens."""


@command.command("create", help=_("Make a token with which a program acts as PERSON. It is shown once."))
@click.argument("person")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    metavar="PLUGIN:read|write",
    help=_("What it may do of what PERSON may: such as sales:read, core:write or *:read. May be repeated."),
)
@click.option(
    "--expires",
    default="30d",
    show_default=True,
    metavar="WHEN",
    help=_("When it ends: in 12h, 30d or 8w, on a day, or at a time with its offset."),
)
@click.option("--name", help=_("What it is for. Default: the first scope."))
@click.pass_obj
def _create(session: Session, person: str, scopes: tuple[str, ...], expires: str, name: str | None) -> None:
    from crmkit.auth import make_token
    from crmkit.cli.moments import until
    from crmkit.cli.people import find_user

    with session.writer() as db:
        end = until(expires, db.now, db.access.time_zone)
        made = make_token(db, name or scopes[0], scopes=scopes, expires_at=end, user=find_user(db, person).id)
        row = _described(db, [made.token])[0]
    if session.as_json:
        session.show({**row, "token": made.text})
        return
    session.show(row, columns={key: _COLUMNS[key] for key in ("id", "user", "name", "scopes", "expires_at")})
    session.say(translate(_("The token, which is not shown again:")))
    session.say(made.text)


@command.command("list", help=_("List tokens: your own, an administrator those of everybody."))
@click.option("--all", "everything", is_flag=True, help=_("List those that have ended as well."))
@click.pass_obj
def _list(session: Session, everything: bool) -> None:
    from crmkit.core.signing_in.entities import Token

    with session.reader() as db:
        found = db.find(Token, None if everything else "ended_at == null && expires_at > now()", order_by="created_at")
        rows = _described(db, found)
    session.show(rows, columns={key: _COLUMNS[key] for key in _COLUMNS if everything or key != "ended_at"})


@command.command("end", help=_("End tokens: from now on nobody acts with them."))
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.UUID)
@click.pass_obj
def _end(session: Session, ids: tuple[UUID, ...]) -> None:
    from crmkit.auth import end_token
    from crmkit.core.signing_in.entities import Token

    with session.writer() as db:
        for id_ in ids:
            end_token(db, id_)
        rows = _described(db, [db.get(Token, id_) for id_ in ids])
    session.show(rows, columns=_COLUMNS)


def _described(db: Reader, tokens: list[Token]) -> list[dict[str, Any]]:
    from crmkit import User
    from crmkit.auth import last_used

    users, used = db.get_many(User, [token.user_id for token in tokens]), last_used(db, tokens)
    return [
        {
            "id": token.id,
            "prefix": token.prefix,
            "user": users[token.user_id].name if token.user_id in users else str(token.user_id),
            "name": token.name,
            "scopes": token.scopes.split(),
            "expires_at": token.expires_at,
            "last_used_at": used.get(token.id),
            "ended_at": token.ended_at,
        }
        for token in tokens
    ]
