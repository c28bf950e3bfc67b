"""``crmkit user offboard``: what somebody who leaves has goes to others, and may be given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit import GivenBack, Handover, Reader, Succession

__all__ = ["offboard"]

_COLUMNS = {
    "what": _("What"),
    "field": _("Field"),
    "action": _("What happens"),
    "to": _("To"),
    "count": _("Count"),
}
_ACTIONS = {"transfer": _("goes to"), "clear": _("is emptied"), "end": _("ends")}


@click.command(
    "offboard",
    help=_(
        "Give what PERSON has to others and let PERSON do nothing any more, all at once. What you do not see goes too; "
        "you are told of what you see."
    ),
)
@click.argument("person")
@click.option("--to", "successors", multiple=True, metavar="PERSON", help=_("Who gets it. May be repeated."))
@click.option(
    "--by",
    type=click.Choice(["turns", "load"]),
    default="turns",
    show_default=True,
    help=_("How several share it: in turn, or whoever owns the least gets the next."),
)
@click.option(
    "--split",
    "splits",
    nargs=3,
    multiple=True,
    metavar="ENTITY RULE PERSON",
    help=_("Give records for which a rule holds to somebody else. May be repeated; the first that fits decides."),
)
@click.option("--preview", is_flag=True, help=_("Only say who would get how much."))
@click.option("--return", "give_back", is_flag=True, help=_("Give back what nobody has changed since."))
@click.pass_obj
def offboard(
    session: Session,
    person: str,
    successors: tuple[str, ...],
    by: Any,
    splits: tuple[tuple[str, str, str], ...],
    preview: bool,
    give_back: bool,
) -> None:
    """Offboard somebody, say what that would do, or take it back."""
    if give_back == bool(successors or splits) or (give_back and preview):
        raise click.UsageError(translate(_("Give --to PERSON, or --return alone.")))
    if give_back:
        _take_back(session, person)
        return
    from crmkit import offboard as hand_over, preview_offboarding
    from crmkit.cli.people import check_not_last, find_user

    with session.reader() if preview else session.writer() as db:
        user, succession = find_user(db, person), _succession(db, successors, splits, by)
        if preview:
            done = preview_offboarding(db, user.id, succession)
        else:
            check_not_last(session, user)
            done = hand_over(db, user.id, succession)  # type: ignore[arg-type]
        rows = _rows(db, done)
    session.show(rows, columns=_COLUMNS)


def _succession(
    db: Reader, successors: tuple[str, ...], splits: tuple[tuple[str, str, str], ...], by: Any
) -> Succession:
    from crmkit import Split, Succession
    from crmkit.cli.people import find_user

    told_apart = [Split(entity, rule, find_user(db, who).id) for entity, rule, who in splits]
    return Succession([find_user(db, who).id for who in successors], told_apart, by)


def _rows(db: Reader, handover: Handover) -> list[dict[str, Any]]:
    from crmkit import User

    people = db.get_many(User, [part.successor for part in handover.parts if part.successor])
    return [
        {
            "entity": part.entity,
            "what": db.model.registry.entities[part.entity].label,
            "field": part.field,
            "action": translate(_ACTIONS[part.action]),
            "to_id": part.successor,
            "to": getattr(people.get(part.successor), "name", None) if part.successor else None,
            "count": part.count,
        }
        for part in handover.parts
    ]


def _take_back(session: Session, person: str) -> None:
    from crmkit import take_back
    from crmkit.cli.people import find_user

    with session.writer() as db:
        back = take_back(db, find_user(db, person).id)
        rows = _returned(db, back)
    if session.as_json:
        session.show({"returned": dict(back.returned), "changed": [f"{t.entity}/{t.id}" for t in back.changed]})
    else:
        session.show(rows, columns={"what": _("What"), "returned": _("Given back"), "changed": _("Changed since")})


def _returned(db: Reader, back: GivenBack) -> list[dict[str, Any]]:
    entities = dict.fromkeys([*back.returned, *(target.entity for target in back.changed)])
    return [
        {
            "what": db.model.registry.entities[entity].label,
            "returned": back.returned.get(entity, 0),
            "changed": sum(target.entity == entity for target in back.changed),
        }
        for entity in entities
    ]
