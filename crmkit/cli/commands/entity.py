"""``crmkit entity``: entities that are made at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.errors import NotFoundError
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit import CustomEntity

__all__ = ["command"]

_COLUMNS = {
    "id": _("Entity"),
    "label": _("Label"),
    "owned": _("Owned"),
    "number_prefix": _("Prefix of numbers"),
    "follows": _("Follows"),
    "stages": _("Stages"),
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
    session.show([_shown(each) for each in found], columns=_COLUMNS)


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
    from crmkit import CustomEntity

    with session.writer() as db:
        removed = [each for each in db.find(CustomEntity, deleted=True) if each.slug == slug]
        if not removed:
            raise NotFoundError("core.custom_entity", slug)
        restored = db.restore(CustomEntity, removed[0].id)
    session.show(_shown(restored), columns=_COLUMNS)


def _stage(text: str) -> dict[str, str]:
    slug, equals, kind = text.strip().partition("=")
    return {"slug": slug, "kind": kind} if equals else {"slug": slug}


def _shown(entity: CustomEntity) -> dict[str, Any]:
    stages = [each if isinstance(each, str) else each["slug"] for each in entity.stages or ()]
    names = ("label", "owned", "number_prefix", "follows")
    return {"id": f"custom.{entity.slug}", **{name: getattr(entity, name) for name in names}, "stages": stages}
