"""``crmkit explain``: why somebody may or may not do something."""

from __future__ import annotations

import click

from crmkit.cli.session import Session
from crmkit.core.text import gettext as _

__all__ = ["command"]


@click.command(
    "explain",
    help=_(
        "Say whether PERSON may VERB the RECORD, what decided it, and what would change it. RECORD is a number such as "
        "D-000123, an id, ENTITY/ID, or an entity such as sales.deal for all its records."
    ),
)
@click.argument("person")
@click.argument("verb")
@click.argument("record")
@click.pass_obj
def command(session: Session, person: str, verb: str, record: str) -> None:
    """Explain to whoever sits at this machine, or with ``--as`` what that person may be told."""
    from crmkit.cli.people import HOST, find_principal
    from crmkit.cli.records import find_record

    crm = session.crm
    asker = session.principal if session.person else HOST
    about = find_principal(crm, person)
    if record in crm.registry.entities:
        explanation = crm.explain(about, verb, record, asker=asker)
    else:
        with crm.read(asker) as db:
            found = find_record(db, crm.registry, record)
        explanation = crm.explain(about, verb, found, asker=asker)
    if session.as_json:
        session.show(explanation.as_dict())
    else:
        for line in explanation.lines():
            session.say(line)
