"""The commands of this surface: ``crmkit serve`` and ``crmkit openapi``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs
import click

from crmkit.core.configuration.config import Config
from crmkit.core.configuration.settings import Settings
from crmkit.core.crm import CRM
from crmkit.core.errors import MissingExtraError
from crmkit.core.text import gettext as _, translate

__all__ = ["serve"]


class _Session(Protocol):
    """What these commands need of the command line."""

    settings: Settings
    crm: CRM

    def opener(self, config: Config | None = None) -> Callable[[], CRM]: ...

    def say(self, text: str) -> None: ...


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
    session.say(translate(_("Serving on {address}; stop with Ctrl+C.")).format(address=_address(server)))
    run(opener, server, workers=workers, jobs=not no_jobs)
    session.say(translate(_("Stopped; nothing is left half done.")))


def _address(server: Any) -> str:
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"http://{host}:{server.port}"


def _missing(what: str, error: ImportError) -> MissingExtraError:
    return MissingExtraError(what, str(error.name).partition(".")[0], "rest")
