"""``crmkit entity``: entities that are made at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import click

from crmkit.cli.asking import confirm, dry_run, yes
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.errors import NotFoundError
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit import CustomEntity, Reader

__all__ = ["command"]

_COLUMNS = {
    "id": _("Entity"),
    "label": _("Label"),
    "owned": _("Owned"),
    "number_prefix": _("Prefix of numbers"),
    "follows": _("Follows"),
    "stages": _("Stages"),
}

_GOING = {
    "entity": _("Entity"),
    "records": _("Records"),
    "fields": _("Custom fields"),
    "external_ids": _("External ids"),
    "visits": _("Visits to stages"),
}


@click.group("entity", help=COMMANDS["entity"])
def command() -> None:
    """Group what concerns custom entities."""


@command.command("list", help=_("List the entities that were made at run time."))
@click.option("--removed", is_flag=True, help=_("List those that were removed and whose records are parked."))
@click.pass_obj
def _list(session: Session, removed: bool) -> None:
    from crmkit import CustomEntity

    with session.reader() as db:
        found = db.find(CustomEntity, order_by=None if removed else "slug", deleted=removed)
        taken_over = db.model.registry.entities if removed else ()
    parked = [each for each in found if each.purged_at is None and f"custom.{each.slug}" not in taken_over]
    session.show([_shown(each) for each in parked], columns=_COLUMNS)


@command.command("add", help=_("Make an entity custom.SLUG; add its fields with: crmkit field add custom.SLUG"))
@click.argument("slug")
@click.option("--label", help=_("What people call it."))
@click.option("--owned", is_flag=True, help=_("Its records have an owner and a team."))
@click.option("--number-prefix", metavar="PREFIX", help=_("Its records have numbers such as PREFIX-000123."))
@click.option("--follows", metavar="ENTITY", help=_("Its records belong to one of this entity, and are seen with it."))
@click.option("--stages", metavar="SLUGS", help=_("The stages of its pipeline, with commas; SLUG=won ends it."))
@click.pass_obj
def _add(session: Session, /, slug: str, label: str | None, stages: str | None, **given: Any) -> None:
    from crmkit import CustomEntity

    shown = label or slug.replace("_", " ").capitalize()
    listed = None if stages is None else [_stage(each) for each in stages.split(",")]
    with session.writer() as db:
        made = db.create(CustomEntity(slug=slug, label=shown, stages=listed, **given))
    session.show(_shown(made), columns=_COLUMNS)


@command.command("remove", help=_("Remove the entity custom.SLUG; its records are parked."))
@click.argument("slug")
@click.pass_obj
def _remove(session: Session, slug: str) -> None:
    from crmkit import CustomEntity

    with session.writer() as db:
        found = db.find(CustomEntity, CustomEntity.f.slug == slug)
        if not found:
            raise NotFoundError("core.custom_entity", slug)
        db.delete(found[0])
    session.show(_shown(found[0]), columns=_COLUMNS)


@command.command("restore", help=_("Bring back the entity custom.SLUG with its parked records."))
@click.argument("slug")
@click.pass_obj
def _restore(session: Session, slug: str) -> None:
    from crmkit import CustomEntity, finish_erasures

    with session.writer() as db:
        restored = db.restore(CustomEntity, _find_removed(db, slug).id)
    # It may have had files of somebody who was erased meanwhile.
    finish_erasures(session.crm, scrub=False)
    session.show(_shown(restored), columns=_COLUMNS)


@command.command("purge", help=_("Delete for good the parked records of the removed entity custom.SLUG."))
@click.argument("slug")
@dry_run
@yes
@click.pass_obj
def _purge(session: Session, slug: str, dry_run: bool, yes: bool) -> None:
    from crmkit import purge_entity

    with session.writer() as db:
        entity = _find_removed(db, slug)
        goes = purge_entity(db, entity.id, dry_run=True)
    session.show({**attrs.asdict(goes), "purged": not dry_run}, columns=_GOING)
    if not dry_run:
        confirm(session, yes, translate(_("Delete all of this for good?")))
        with session.writer() as db:
            purge_entity(db, entity.id)
        session.say(translate(_("What was parked of {name} is deleted.")).format(name=goes.entity))


def _find_removed(db: Reader, slug: str) -> CustomEntity:
    from crmkit import CustomEntity

    removed = [each for each in db.find(CustomEntity, deleted=True) if each.slug == slug and each.purged_at is None]
    if not removed:
        raise NotFoundError("core.custom_entity", slug)
    return removed[0]


def _stage(text: str) -> dict[str, str]:
    slug, equals, kind = text.strip().partition("=")
    return {"slug": slug, "kind": kind} if equals else {"slug": slug}


def _shown(entity: CustomEntity) -> dict[str, Any]:
    stages = [each if isinstance(each, str) else each["slug"] for each in entity.stages or ()]
    names = ("label", "owned", "number_prefix", "follows")
    return {"id": f"custom.{entity.slug}", **{name: getattr(entity, name) for name in names}, "stages": stages}
