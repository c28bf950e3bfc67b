"""Opening the doors of the demo company: who may come in, and a server, in front of the terminal or behind it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmkit.cli.checkup_server import ready_status
from crmkit.cli.demo.entrances import make_entrances, make_token_for
from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.cli.session import Session
    from crmkit.core.policy.people import User

__all__ = ["ServerNotStartedError", "serve_behind", "serve_here", "tell_entrances"]

_PATIENCE, _PAUSE = 60.0, 0.1


class ServerNotStartedError(CrmkitError):
    """The server in the background ended before it answered, or did not answer in time; its *log* says why."""

    code = "server-not-started"
    template = _("the server does not answer; {log} says why")

    def __init__(self, log: Path) -> None:
        super().__init__(log=str(log))


def tell_entrances(session: Session, people: Sequence[User], collection: str) -> None:
    """Say how to get in: a password for each of *people*, and a token of the first, with which to read *collection*."""
    session.say("\n" + translate(_("Sign in as one of them; the passwords are new each time:")))
    for entrance in make_entrances(session.crm, people):
        session.say(f"  {entrance.email}  {entrance.password}  ({entrance.name}, {entrance.role})")
    for user in people[:1]:
        told = translate(_("A token of {name}, for a week:")).format(name=user.name)
        token = make_token_for(session.crm, user)
        asked = f"{session.settings.config.server.address}/api/v1/{collection}"
        session.say(f"\n{told}\n  {token}\n  curl -H 'Authorization: Bearer {token}' {asked}\n")


def serve_here() -> None:
    """Serve until told to stop."""
    context = click.get_current_context()
    root = context.find_root()
    serve = root.command.get_command(root, "serve")  # type: ignore[attr-defined]
    context.invoke(serve)


def serve_behind(session: Session, folder: Path) -> None:
    """Start a server for the CRM in *folder* that goes on when this command has ended, and say how to stop it.

    Raises:
        ServerNotStartedError: it does not answer.
    """
    server = session.settings.config.server
    if ready_status(server) is not None:
        message = _("Something answers on {address} already; no other server was started.")
        session.say(translate(message).format(address=server.address))
        return
    log = folder / "serve.log"
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "crmkit", "serve"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    end = time.monotonic() + _PATIENCE
    while ready_status(server) is None:
        if process.poll() is not None or time.monotonic() > end:
            process.terminate()
            raise ServerNotStartedError(log)
        time.sleep(_PAUSE)
    message = _("Serving on {address} in the background; its log is {log}, and this stops it: kill {process}")
    session.say(translate(message).format(address=server.address, log=log, process=process.pid))
