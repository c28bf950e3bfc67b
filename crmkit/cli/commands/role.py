"""``crmkit role``: what roles grant and hide, those that are made at run time and those that plugins ship."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit import Reader
    from crmkit.core.policy.people import RoleRecord

__all__ = ["command"]

_COLUMNS = {
    "kind": _("What"),
    "entity": _("Entity"),
    "names": _("Verbs or field"),
    "scope": _("Scope"),
    "rule": _("Rule"),
}


@click.group("role", help=COMMANDS["role"])
def command() -> None:
    """Group what concerns roles made at run time."""


@command.command("create", help=_("Make the role NAME, which grants nothing yet."))
@click.argument("name")
@click.option("--label", help=_("What people call it. Default: its name."))
@click.pass_obj
def _create(session: Session, name: str, label: str | None) -> None:
    from crmkit.core.policy.people import RoleRecord

    with session.writer() as db:
        role = db.create(RoleRecord(name=name, label=label or name))
    session.show({"id": role.id, "name": role.name, "label": role.label}, columns={"name": _("Role")})


@command.command("delete", help=_("Delete a ROLE; nobody holds it any more."))
@click.argument("role")
@click.pass_obj
def _delete(session: Session, role: str) -> None:
    with session.writer() as db:
        db.delete(_find(db, role))


@command.command("show", help=_("List what a ROLE grants and hides."))
@click.argument("role")
@click.pass_obj
def _show(session: Session, role: str) -> None:
    from crmkit import role_in_effect
    from crmkit.cli.shipped_roles import described, is_shipped

    with session.reader() as db:
        shipped = is_shipped(session, role)
        rows = described(role_in_effect(db, role)) if shipped else _described(db, _find(db, role))
    session.show(rows, columns=_COLUMNS)


@command.command("grant", help=_("Let the holders of ROLE do VERBS with records of ENTITY."))
@click.argument("role")
@click.argument("entity")
@click.argument("verbs", nargs=-1, required=True)
@click.option(
    "--scope",
    type=click.Choice(["own", "team", "subtree", "all"]),
    default="own",
    show_default=True,
    help=_("With which records."),
)
@click.option("--rule", help=_("With the records for which this rule holds, instead of a scope."))
@click.pass_obj
def _grant(session: Session, role: str, entity: str, verbs: tuple[str, ...], scope: str, rule: str | None) -> None:
    from crmkit import Grant
    from crmkit.cli.shipped_roles import change_shipped, is_shipped, with_grant
    from crmkit.core.policy.people import GrantRecord

    if is_shipped(session, role):
        rows = change_shipped(session, role, with_grant(Grant(entity, verbs, rule or scope)))
        session.show(rows, columns=_COLUMNS)
        return
    with session.writer() as db:
        found = _find(db, role)
        granted = "rule" if rule else scope
        db.create(GrantRecord(role_id=found.id, entity=entity, verbs=" ".join(verbs), scope=granted, rule=rule))
        rows = _described(db, found)
    session.show(rows, columns=_COLUMNS)


@command.command("revoke", help=_("End every grant of ROLE on ENTITY."))
@click.argument("role")
@click.argument("entity")
@click.pass_obj
def _revoke(session: Session, role: str, entity: str) -> None:
    from crmkit.cli.shipped_roles import change_shipped, is_shipped, without_grants
    from crmkit.core.policy.people import GrantRecord

    if is_shipped(session, role):
        session.show(change_shipped(session, role, without_grants(entity)), columns=_COLUMNS)
        return
    with session.writer() as db:
        found = _find(db, role)
        db.delete_many(db.find(GrantRecord, (GrantRecord.f.role_id == found.id) & (GrantRecord.f.entity == entity)))
        rows = _described(db, found)
    session.show(rows, columns=_COLUMNS)


@command.command("mask", help=_("Hide a FIELD of ENTITY from the holders of ROLE."))
@click.argument("role")
@click.argument("entity")
@click.argument("field")
@click.option("--read-only", is_flag=True, help=_("Let them read it, but not change it."))
@click.pass_obj
def _mask(session: Session, role: str, entity: str, field: str, read_only: bool) -> None:
    from crmkit import Mask
    from crmkit.cli.shipped_roles import change_shipped, is_shipped, with_mask
    from crmkit.core.policy.people import MaskRecord

    access: Literal["hidden", "read_only"] = "read_only" if read_only else "hidden"
    if is_shipped(session, role):
        session.show(change_shipped(session, role, with_mask(Mask(entity, field, access))), columns=_COLUMNS)
        return
    with session.writer() as db:
        found = _find(db, role)
        db.create(MaskRecord(role_id=found.id, entity=entity, field_name=field, access=access))
        rows = _described(db, found)
    session.show(rows, columns=_COLUMNS)


@command.command("unmask", help=_("End every mask of ROLE on a FIELD of ENTITY."))
@click.argument("role")
@click.argument("entity")
@click.argument("field")
@click.pass_obj
def _unmask(session: Session, role: str, entity: str, field: str) -> None:
    from crmkit.cli.shipped_roles import change_shipped, is_shipped, without_masks
    from crmkit.core.policy.people import MaskRecord

    if is_shipped(session, role):
        session.show(change_shipped(session, role, without_masks(entity, field)), columns=_COLUMNS)
        return
    with session.writer() as db:
        found, f = _find(db, role), MaskRecord.f
        db.delete_many(db.find(MaskRecord, (f.role_id == found.id) & (f.entity == entity) & (f.field_name == field)))
        rows = _described(db, found)
    session.show(rows, columns=_COLUMNS)


def _find(db: Reader, name: str) -> RoleRecord:
    """Return the role made at run time that is called *name*.

    Raises:
        UnknownRoleError: there is none.
    """
    from crmkit.cli.people import UnknownRoleError
    from crmkit.core.policy.people import RoleRecord

    known = {role.name: role for role in db.find(RoleRecord, order_by="name")}
    if name not in known:
        raise UnknownRoleError(name, list(known))
    return known[name]


def _described(db: Reader, role: RoleRecord) -> list[dict[str, Any]]:
    from crmkit.core.policy.people import GrantRecord, MaskRecord

    grants = [
        {"kind": "grant", "entity": g.entity, "names": g.verbs, "scope": g.scope, "rule": g.rule}
        for g in db.find(GrantRecord, GrantRecord.f.role_id == role.id, order_by="entity")
    ]
    masks = [
        {"kind": m.access, "entity": m.entity, "names": m.field_name, "scope": None, "rule": None}
        for m in db.find(MaskRecord, MaskRecord.f.role_id == role.id, order_by="entity")
    ]
    return [*grants, *masks]
