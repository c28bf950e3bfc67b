"""``crmkit user set-password`` and ``invite``: how somebody gets a first password, or a new one."""

from __future__ import annotations

import sys

import click

from crmkit.cli.session import Session, unorphaned
from crmkit.core.text import gettext as _, translate

__all__ = ["invite", "set_password"]


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
    from crmkit.cli.people import find_user

    with unorphaned(session) as db:
        user = find_user(db, person)
        ticket = auth.invite(db, user.id)
    if session.as_json:
        session.show({"user": user.name, "ticket": ticket})
    session.say(translate(_("What {name} sets a password with, once:")).format(name=user.name))
    session.say(ticket)


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    prompt = translate(_("Password"))
    password: str = click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True)
    return password
