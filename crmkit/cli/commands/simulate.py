"""``crmkit simulate``: who would gain or lose what if another command were run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit import CRM, Principal, Reader, Simulation, Writer

__all__ = ["command"]

# Commands that write through nothing but their session.
_SIMULATED = ("role", "user", "team", "share", "unshare", "transfer", "shipped")


@click.command(
    "simulate",
    help=_(
        "Say who would gain or lose which records, fields and verbs if COMMAND were run, such as role grant, user "
        "assign or team move. Nothing is changed. Options of simulate stand before the COMMAND."
    ),
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--user", "people", multiple=True, metavar="PERSON", help=_("Only look at this person. May be repeated."))
@click.option(
    "--verb",
    "verbs",
    multiple=True,
    metavar="VERB",
    help=_("Compare the records that people may do this with. May be repeated. Default: read."),
)
@click.argument("arguments", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def command(session: Session, people: tuple[str, ...], verbs: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """Run a command against a writer whose transaction is rolled back, and print what changed for whom."""
    from crmkit.cli.people import find_user

    given = [argument for argument in arguments if argument != "--json"]
    if len(given) < len(arguments):
        session.take("as_json", True)
    if given[0] not in _SIMULATED:
        named = ", ".join(_SIMULATED)
        raise click.UsageError(translate(_("These commands can be simulated: {commands}.")).format(commands=named))
    if misplaced := [argument for argument in given if argument.partition("=")[0] in ("--as", "--config")]:
        raise click.UsageError(translate(_("{option} stands before the command.")).format(option=misplaced[0]))
    crm, asker = session.crm, session.principal
    with session.reader() as db:
        looked_at = [find_user(db, person).id for person in people] or None

    def changes(writer: Writer) -> None:
        _Simulated(session, crm, asker, writer).run(given)

    told = crm.simulate(changes, asker=asker, people=looked_at, verbs=verbs or ("read",))
    if session.as_json:
        session.show(told.as_dict())
        return
    with session.reader() as db:
        _tell(session, db, told)


class _Simulated(Session):
    """A session whose writer is the one of the simulation, and which shows nothing."""

    def __init__(self, outer: Session, crm: CRM, asker: Principal, writer: Writer) -> None:
        super().__init__()
        # These are worked out once, and a change of policy is not to change who acts.
        self.settings, self.crm, self.principal = outer.settings, crm, asker
        self.person, self._writer = outer.person, writer

    @contextmanager
    def writer(self) -> Iterator[Writer]:
        """Give the writer of the simulation."""
        yield self._writer

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Give the writer of the simulation, which reads as well."""
        yield self._writer

    @contextmanager
    def trusted(self) -> Iterator[Reader]:
        """Give a reader of everything in the same transaction."""
        yield self._writer.trusted

    @contextmanager
    def system(self) -> Iterator[Writer]:
        """Give the writer of the simulation: nothing is simulated past the wall."""
        yield self._writer

    def show(self, data: Any, *, columns: Any = None) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def run(self, arguments: list[str]) -> None:
        """Run the command that *arguments* name."""
        from crmkit.cli.root import root

        found = root.get_command(click.Context(root, info_name="crmkit", obj=self), arguments[0])
        assert found is not None
        with found.make_context(arguments[0], list(arguments[1:]), obj=self) as context:
            found.invoke(context)


def _tell(session: Session, db: Reader, told: Simulation) -> None:
    """Print *told* for people: who gains and loses how many records, which fields, which verbs."""
    labels = db.model.registry.entities
    if not told:
        session.say(translate(_("Nobody whom you see would gain or lose anything that you see.")))
        return
    columns = {"person": _("Person"), "what": _("Entity"), "verb": _("Verb"), "gained": _("Gains"), "lost": _("Loses")}
    records = [
        {
            "person": told.people[shift.user_id],
            "what": labels[shift.entity].label,
            "verb": shift.verb,
            "gained": shift.gained,
            "lost": shift.lost,
        }
        for shift in told.records
    ]
    if records:
        session.show(records, columns=columns)
    for scope in told.scopes:
        facts = {"person": told.people[scope.user_id], "verb": scope.verb, "entity": scope.entity}
        nowhere = translate(_("nowhere"))
        text = translate(_("{person}: {verb} on {entity}: {before} → {after}"))
        session.say(text.format(**facts, before=scope.before or nowhere, after=scope.after or nowhere))
    for shift in told.fields:
        for names, text in (
            (shift.readable, _("{person} reads of {entity}: {fields}")),
            (shift.hidden, _("{person} reads no more of {entity}: {fields}")),
            (shift.writable, _("{person} may write of {entity}: {fields}")),
            (shift.locked, _("{person} may write no more of {entity}: {fields}")),
        ):
            if names:
                facts = {"person": told.people[shift.user_id], "entity": shift.entity, "fields": ", ".join(names)}
                session.say(translate(text).format(**facts))
