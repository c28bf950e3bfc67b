"""The commands of this surface: ``crmkit serve`` and ``crmkit openapi``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import attrs
import click

from crmkit.core.configuration.config import Config
from crmkit.core.configuration.settings import Settings
from crmkit.core.crm import CRM
from crmkit.core.errors import MissingExtraError
from crmkit.core.reading.reader import Reader
from crmkit.core.text import gettext as _, translate

__all__ = ["openapi", "serve"]


class _Session(Protocol):
    """What these commands need of the command line."""

    settings: Settings
    crm: CRM
    person: str | None

    def opener(self, config: Config | None = None) -> Callable[[], CRM]: ...

    def say(self, text: str) -> None: ...

    def reader(self) -> AbstractContextManager[Reader]: ...

    def trusted(self) -> AbstractContextManager[Reader]: ...


@click.command("serve")
@click.option("--host", metavar="ADDRESS", help=_("Where to listen. Default: host in [server] of crm.toml."))
@click.option(
    "--port", type=click.IntRange(1, 65535), help=_("On which port to listen. Default: port in [server] of crm.toml.")
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help=_("How many processes answer requests."),
)
@click.option("--no-jobs", is_flag=True, help=_("Do no jobs here; crmkit worker does them."))
@click.pass_obj
def serve(session: _Session, host: str | None, port: int | None, workers: int, no_jobs: bool) -> None:
    """Serve until a signal says stop; what is being answered is finished first."""
    config = session.settings.config
    server = attrs.evolve(config.server, host=host or config.server.host, port=port or config.server.port)
    try:
        from crmkit.rest.serving import serve as run
    except ImportError as error:
        raise _missing("crmkit serve", error) from None
    # Asked for here, where what is amiss is told well; each process opens its own.
    session.crm.close()
    opener = session.opener(attrs.evolve(config, server=server))
    session.say(translate(_("Serving on {address}; stop with Ctrl+C.")).format(address=server.address))
    run(opener, server, workers=workers, jobs=not no_jobs)
    session.say(translate(_("Stopped; nothing is left half done.")))


@click.command("openapi")
@click.pass_obj
def openapi(session: _Session) -> None:
    """Print the OpenAPI document: of everything, or with ``--as`` of what exists for that person."""
    try:
        from crmkit.rest.app import DOORS
    except ImportError as error:
        raise _missing("crmkit openapi", error) from None
    from crmkit.rest.openapi.document import openapi_document

    with session.reader() if session.person else session.trusted() as db:
        access = db.access
    click.echo(openapi_document(access, DOORS, session.settings.config.server.public_origin))


def _missing(what: str, error: ImportError) -> MissingExtraError:
    return MissingExtraError(what, str(error.name).partition(".")[0], "rest")
