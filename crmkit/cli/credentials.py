"""The commands of ``crmkit user`` about what people sign in with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from crmkit.cli.session import Session, unorphaned
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from uuid import UUID

    from crmkit.auth import Invitation
    from crmkit.core.writing.writer import Writer

__all__ = ["invite", "link", "reset_password", "reset_second_factor", "set_password", "sign_out"]


@click.command("set-password", help=_("Give PERSON a password, which is asked for, or read from standard input."))
@click.argument("person")
@click.pass_obj
def set_password(session: Session, person: str) -> None:
    """Set the password; all sessions of the person end."""
    from crmkit import auth
    from crmkit.cli.people import find_user

    password = _asked()
    with unorphaned(session) as db:
        user = find_user(db, person)
        auth.set_password(db, user.id, password, least=session.settings.config.auth.password_length)
    if session.as_json:
        session.show({"user": user.name, "password_set": True})
    session.say(translate(_("{name} signs in with the new password from now on.")).format(name=user.name))


@click.command("invite", help=_("Make a link with which PERSON sets a password, once, within three days."))
@click.argument("person")
@click.pass_obj
def invite(session: Session, person: str) -> None:
    """Print the link."""
    from crmkit import auth

    _invite(session, person, auth.invite)


@click.command(
    "reset-password",
    help=_(
        "Forget the password of PERSON, end their sessions and tokens, and make a link with which they set another."
    ),
)
@click.argument("person")
@click.pass_obj
def reset_password(session: Session, person: str) -> None:
    """Print the link."""
    from crmkit import auth

    _invite(session, person, auth.reset_password)


def _invite(session: Session, person: str, make: Callable[[Writer, UUID], Invitation]) -> None:
    from crmkit.cli.output import cell
    from crmkit.cli.people import find_user

    config = session.settings.config
    with unorphaned(session) as db:
        user = find_user(db, person)
        made = make(db, user.id)
    link = made.link(config)
    if session.as_json:
        session.show({"user": user.name, "ticket": made.ticket, "link": link, "expires_at": made.expires_at})
    until = cell(made.expires_at, session.zone)
    session.say(translate(_("{name} sets a password here, once, until {until}:")).format(name=user.name, until=until))
    session.say(link)
    if config.server.public_origin is None:
        session.say(translate(_("Only this machine reaches that: public_origin in [server] says where people do.")))
    session.say(translate(_("A server has to run: crmkit serve")))


@click.command("reset-second-factor", help=_("Forget the second factors of PERSON, who has lost them."))
@click.argument("person")
@click.pass_obj
def reset_second_factor(session: Session, person: str) -> None:
    """Forget authenticator, passkeys and recovery codes; all sessions of the person end."""
    from crmkit import auth
    from crmkit.cli.people import find_user

    with unorphaned(session) as db:
        user = find_user(db, person)
        auth.reset_second_factors(db, user.id)
    if session.as_json:
        session.show({"user": user.name, "second_factors": []})
    session.say(translate(_("{name} has no second factor any more.")).format(name=user.name))


@click.command("sign-out", help=_("End all sessions of PERSON."))
@click.argument("person")
@click.pass_obj
def sign_out(session: Session, person: str) -> None:
    """End them and tell how many there were."""
    from crmkit import auth
    from crmkit.cli.people import find_user

    with unorphaned(session) as db:
        user = find_user(db, person)
        ended = auth.end_sessions(db, user.id)
    if session.as_json:
        session.show({"user": user.name, "ended": ended})
    session.say(translate(_("Ended {number} sessions of {name}.")).format(number=ended, name=user.name))


@click.command("link", help=_("Let whom the configured provider calls SUBJECT sign in as PERSON."))
@click.argument("person")
@click.argument("subject")
@click.pass_obj
def link(session: Session, person: str, subject: str) -> None:
    """Link the subject of the provider in ``[openid]`` of ``crm.toml``."""
    from crmkit import auth
    from crmkit.cli.people import find_user

    issuer = auth.provider_of(session.crm).settings.issuer
    assert issuer is not None
    with unorphaned(session) as db:
        user = find_user(db, person)
        made = auth.link_identity(db, user.id, issuer, subject)
    session.show({"id": made.id, "user": user.name, "issuer": issuer, "subject": subject})


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    prompt = translate(_("Password"))
    password: str = click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True)
    return password
