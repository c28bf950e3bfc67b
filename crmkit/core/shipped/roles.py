"""Shipped roles that are edited here. They keep their id, and whoever holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from crmkit.core.entity import entity_info
from crmkit.core.errors import FieldProblem, ForbiddenError, NotFoundError, ValidationError
from crmkit.core.policy.roles import Grant, Role
from crmkit.core.registry import Registry
from crmkit.core.registry_checks import check_grant
from crmkit.core.shipped.entities import LocalEdit
from crmkit.core.shipped.kinds import Edited, Kind
from crmkit.core.shipped.role_trees import grants_of, masks_of, merged_role, role_tree, role_waits
from crmkit.core.shipped.three_way import Forms
from crmkit.core.shipped.trees import Tree
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write, creation

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["ROLES", "check_may_edit", "edit_role", "may_edit", "role_in_effect"]

# Who could take an edit of it back, once it lets nobody?
_FIXED = "core.administrator"


def may_edit(db: Reader) -> bool:
    """Return whether the principal may edit shipped roles: with a grant of ``update`` on every ``core.local_edit``."""
    access = db.access.entity(db.model.registry.entity(LocalEdit))
    return db.access.is_system or access.scope("update").level == "all"


def check_may_edit(db: Reader, role: str) -> None:
    """Return if :func:`may_edit`.

    Raises:
        ForbiddenError: there is no such grant.
    """
    if not may_edit(db):
        raise ForbiddenError("core.local_edit", "update", role)


def role_in_effect(db: Reader, id_: str) -> Role:
    """Return the shipped role *id_* as it is in effect: with what is edited here, this transaction's writes included.

    Raises:
        ForbiddenError: the principal may not edit shipped roles.
        NotFoundError: no plugin ships it.
    """
    check_may_edit(db, id_)
    shipped = db.model.registry.roles.get(id_)
    if shipped is None:
        raise NotFoundError("core.role", id_)
    edit = _edit_of(db, id_)
    return shipped if edit is None else merged_role(shipped, edit.base, edit.local)


def edit_role(db: Writer, wanted: Role) -> LocalEdit:
    """Let the shipped role with the id of *wanted* be as *wanted* is, and return what is kept of that.

    What differs from what was in effect is decided, and no upgrade changes it again; all else goes on following the
    plugin.

    Raises:
        ForbiddenError: the principal may not edit shipped roles.
        NotFoundError: no plugin ships it.
        ValidationError: it grants or hides what there is not; or it is the administrator's role, which stays.
    """
    before, tree = role_tree(role_in_effect(db, wanted.id)), role_tree(wanted)
    _check(db.model.registry, wanted.id, before, tree)
    upstream, edit = role_tree(db.model.registry.roles[wanted.id]), _edit_of(db, wanted.id)
    forms = Forms(upstream, upstream) if edit is None else Forms(edit.base, edit.local)
    _write(db, wanted.id, edit, forms.edited(upstream, before, tree))
    kept = _edit_of(db, wanted.id)
    assert kept is not None
    return kept


def _check(registry: Registry, role: str, before: Tree, wanted: Tree) -> None:
    problems = list(_problems(registry, before, wanted))
    if role == _FIXED:
        problems = [FieldProblem("thing", _("the administrator's role stays as it is"), "permanent")]
    if problems:
        raise ValidationError("core.local_edit", problems)


def _problems(registry: Registry, before: Tree, wanted: Tree) -> Iterator[FieldProblem]:
    """Yield a problem for each grant and mask that is new and makes no sense; those of old may name what is gone."""
    for key, grant in grants_of(wanted):
        if wanted["grants"][key] == before["grants"].get(key):
            continue
        reasons = list(check_grant(registry, grant.entity, grant)) if isinstance(grant, Grant) else [grant]
        for reason in reasons:
            yield FieldProblem(f"grants/{key}", _("{reason}"), reason=str(reason))
    for key, _mask in masks_of(wanted):
        entity, _space, name = key.partition(" ")
        if key in before["masks"]:
            continue
        if entity not in registry.entities:
            yield FieldProblem(f"masks/{key}", _("there is no entity {entity!r}"), entity=entity)
        elif name not in {*registry.fields(entity), *registry.computed(entity)}:
            yield FieldProblem(f"masks/{key}", _("{entity} has no field {name!r}"), entity=entity, name=name)


def _edit_of(db: Reader, role: str) -> LocalEdit | None:
    found = db.trusted.find(LocalEdit, (LocalEdit.f.kind == "role") & (LocalEdit.f.thing == role))
    return found[0] if found else None


def _write(db: Writer, role: str, edit: LocalEdit | None, forms: Forms) -> None:
    values: dict[str, Any] = {"base": forms.base, "local": forms.local, "base_version": db.model.version_of(role)}
    if edit is None:
        db.take(creation(LocalEdit(kind="role", thing=role, **values), trusted=True))
    else:
        info = entity_info(LocalEdit)
        db.take(Write("update", info, edit.id, values, version=edit.version, trusted=True))


def _edited(db: Reader) -> Iterator[Edited]:
    if not may_edit(db):
        return
    for edit in db.trusted.find(LocalEdit, LocalEdit.f.kind == "role", order_by="thing"):
        shipped = db.model.registry.roles.get(edit.thing)
        if shipped is not None:
            forms, version = Forms(edit.base, edit.local), db.model.version_of(edit.thing)
            yield Edited("role", edit.thing, forms, role_tree(shipped), edit.base_version, version, role_waits)


def _keep(db: Writer, edited: Edited, forms: Forms, _mapping: Mapping[str, str]) -> None:
    check_may_edit(db, edited.thing)
    _write(db, edited.thing, _edit_of(db, edited.thing), forms)


def _reset(db: Writer, edited: Edited) -> None:
    check_may_edit(db, edited.thing)
    edit = _edit_of(db, edited.thing)
    if edit is not None:
        db.take(Write("delete", entity_info(LocalEdit), edit.id, {}, version=edit.version, trusted=True))


ROLES = Kind("role", _edited, _keep, _reset)
