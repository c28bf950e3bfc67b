"""``crmkit shell``: a Python prompt in which the CRM stands ready."""

from __future__ import annotations

import traceback
from typing import Any

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _, translate

__all__ = ["CodeError", "command"]

_BANNER = _("""\
crmkit {version}, {company}
  crm          the CRM
  me           you, {person}
  read()       with read() as db: …     a reader for you
  write()      with write() as db: …    a writer for you
Entities stand under their names: {entities}""")


class CodeError(CrmkitError):
    """The code that was given to the shell failed."""

    code = "code"
    template = _("The code failed: {reason}")

    def __init__(self, error: Exception) -> None:
        """Name the *error*."""
        super().__init__(reason=f"{type(error).__name__}: {error}")


@click.command("shell", help=COMMANDS["shell"])
@click.option("-c", "--command", "code", help=_("Run this and leave."))
@click.pass_obj
def command(session: Session, code: str | None) -> None:
    """Open a prompt, or run one piece of code in its namespace."""
    import code as interpreter

    import crmkit

    crm = session.crm
    entities = {info.cls.__name__: info.cls for info in crm.registry.entities.values()}
    namespace = {
        "crmkit": crmkit,
        "crm": crm,
        "me": session.principal,
        "read": session.reader,
        "write": session.writer,
        **entities,
    }
    if code is not None:
        _run(code, namespace, as_json=session.as_json)
        return
    banner = translate(_BANNER).format(
        version=crmkit.__version__,
        company=session.settings.config.company.name,
        person=session.principal.name,
        entities=", ".join(sorted(entities)),
    )
    interpreter.interact(banner, local=namespace, exitmsg="")


def _run(code: str, namespace: dict[str, Any], *, as_json: bool) -> None:
    """Run *code*; a mistake in it is shown as Python shows it, since nothing of crmkit or a plugin is broken.

    Raises:
        CodeError: there is one, and a program is told *as_json*.
    """
    try:
        exec(compile(code, "<--command>", "exec"), namespace)
    except (CrmkitError, click.exceptions.Exit):
        raise
    except Exception as error:
        if as_json:
            raise CodeError(error) from error
        inside = error.__traceback__.tb_next if error.__traceback__ else None
        click.echo("".join(traceback.format_exception(error.with_traceback(inside))).rstrip(), err=True)
        click.get_current_context().exit(1)
