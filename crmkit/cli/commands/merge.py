"""``crmkit merge``: several records become one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.entity import Record
    from crmkit.core.merging.preview import MergePlan

__all__ = ["command"]


@click.command("merge", help=COMMANDS["merge"])
@click.argument("winner")
@click.argument("losers", nargs=-1, required=True, metavar="LOSER…")
@click.option(
    "--choose",
    "choices",
    multiple=True,
    metavar="FIELD=RECORD",
    help=_("Keep the value that this record has of a field. May be given several times."),
)
@click.option("--dry-run", is_flag=True, help=_("Show what would happen, and change nothing."))
@click.pass_obj
def command(session: Session, winner: str, losers: Sequence[str], choices: Sequence[str], dry_run: bool) -> None:
    """Merge LOSER into WINNER; each is a number such as P-000123, an id, or ENTITY/ID."""
    from crmkit.cli.records import find_record

    pairs = [choice.partition("=") for choice in choices]
    if any(not (field and record) for field, _equals, record in pairs):
        raise click.BadOptionUsage("choices", translate(_("--choose takes FIELD=RECORD.")))
    with session.writer() as db:
        registry = session.crm.registry
        kept, *gone = [find_record(db, registry, reference) for reference in (winner, *losers)]
        chosen = {field: find_record(db, registry, record).id for field, _equals, record in pairs}
        plan = db.merge_preview(kept, gone, choose=chosen)
        if not dry_run:
            db.merge(kept, gone, choose=chosen)
    if session.as_json:
        session.show({**_as_dict(plan), "merged": not dry_run})
        return
    for line in _lines(plan, session.zone):
        session.say(line)


def _as_dict(plan: MergePlan) -> dict[str, Any]:
    refusal = plan.refusal
    return {
        "entity": plan.winner.__entity__.id,
        "winner": plan.winner.id,
        "losers": [record.id for record in plan.losers],
        "fields": [
            {"name": f.name, "kept": f.kept, "from": f.from_id, "values": {str(id_): v for id_, v in f.values.items()}}
            for f in plan.fields
        ],
        "references": [
            {"entity": r.entity, "field": r.field, "count": r.count, "folded": r.folded} for r in plan.repointed
        ],
        "external_ids": plan.external_ids,
        "refusal": refusal and {"code": refusal.code, "message": str(refusal)},
    }


def _lines(plan: MergePlan, zone: Any) -> Iterator[str]:
    from crmkit.cli.output import cell
    from crmkit.cli.records import name_of

    records: dict[Any, Record] = {record.id: record for record in (plan.winner, *plan.losers)}
    gone = ", ".join(name_of(record) for record in plan.losers)
    yield translate(_("{losers} → {winner}")).format(losers=gone, winner=name_of(plan.winner))
    for choice in plan.fields:
        others = " | ".join(cell(value, zone) or "–" for value in choice.values.values())
        owner = name_of(records[choice.from_id]) if choice.from_id else ""
        yield f"  {choice.name}: {cell(choice.kept, zone) or '–'}  ({owner}; {others})"
    for each in plan.repointed:
        if each.count:
            yield translate(_("  {count} records lead to it by {entity} {field}")).format(
                count=each.count, entity=each.entity, field=each.field
            )
        if each.folded:
            yield translate(_("  {count} links of {entity} that it has already go into the bin")).format(
                count=each.folded, entity=each.entity
            )
    if plan.external_ids:
        yield translate(_("  {count} external ids lead to it")).format(count=plan.external_ids)
    if plan.refusal:
        yield translate(_("This would be refused: {reason}")).format(reason=plan.refusal)
