"""``crmkit search``: records in which words stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.progress import drawing, progress_option
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit import Hit

__all__ = ["command"]


@click.command("search", help=COMMANDS["search"])
@click.argument("text", nargs=-1)
@click.option("--entity", "entities", multiple=True, metavar="ENTITY", help=_("Search only this one; may be repeated."))
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help=_("How many to show at most."))
@click.option("--after", metavar="CURSOR", help=_("Go on behind what was shown before."))
@click.option("--rebuild", is_flag=True, help=_("Make anew what words are found by. Cut short, a worker goes on."))
@progress_option
@click.pass_obj
def command(
    session: Session,
    text: tuple[str, ...],
    entities: tuple[str, ...],
    limit: int,
    after: str | None,
    rebuild: bool,
    progress: bool | None,
) -> None:
    """Print what was found, the best first, as far as the acting person may read it."""
    if rebuild == bool(text):
        raise click.UsageError(translate(_("Give words to search for, or --rebuild.")))
    if rebuild:
        _rebuild(session, progress)
        return
    from crmkit.cli.records import find_entity

    named = [find_entity(session.crm.registry, entity).cls for entity in entities]
    with session.reader() as db:
        page = db.search(" ".join(text), entities=named or None, limit=limit, after=after)
    if session.as_json:
        session.show({"hits": [_as_dict(hit) for hit in page.hits], "next": page.next})
        return
    for hit in page.hits:
        _tell(session, hit)
    if page.next is not None:
        session.say(translate(_("There is more: --after {cursor}")).format(cursor=page.next))


def _as_dict(hit: Hit) -> dict[str, Any]:
    snippet = {"field": hit.snippet.field, "text": hit.snippet.text, "marks": hit.snippet.marks}
    return {"entity": hit.entity, "id": hit.id, "title": hit.title, "rank": hit.rank, "snippet": snippet}


def _tell(session: Session, hit: Hit) -> None:
    from crmkit.cli.records import name_of

    session.say(f"{hit.entity}  {name_of(hit.record)}")
    session.say("  " + " ".join(hit.snippet.text.split()))


def _rebuild(session: Session, progress: bool | None) -> None:
    from crmkit.core.searching.rebuilding import rebuild

    with drawing(progress) as show:
        count = rebuild(lambda: session.system(), show=show)
    told = translate(_("What words are found by was made of {count:,} records."))
    session.show({"records": count}) if session.as_json else session.say(told.format(count=count))
