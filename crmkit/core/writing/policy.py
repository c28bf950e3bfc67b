"""What may be written of roles: grants and masks make sense, a name stays its role's, and who is given one gets it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from crmkit.core.errors import CrmkitError, FieldProblem
from crmkit.core.policy.people import Assignment, RoleRecord
from crmkit.core.policy.roles import EVERY_ENTITY, Grant
from crmkit.core.registry import Registry
from crmkit.core.registry_checks import check_grant
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["assignments_that_end", "check_assignments", "check_policy", "known_roles"]


def check_policy(registry: Registry, write: Write) -> Iterator[FieldProblem]:
    """Yield a problem for each value by which a role would grant or hide what there is not."""
    if write.kind not in ("create", "update"):
        return
    match write.entity.id:
        case "core.grant":
            yield from _check_grant(registry, write)
        case "core.mask":
            yield from _check_mask(registry, write)
        case "core.role" if write.changes("name") and write.stored:
            # Assignments name the role: under another name it would lose its holders, or take another's.
            yield FieldProblem("name", _("stays as it is; change the label"), "permanent")


def _check_grant(registry: Registry, write: Write) -> Iterator[FieldProblem]:
    entity, verbs, scope, rule = (write.get(name) for name in ("entity", "verbs", "scope", "rule"))
    if None in (entity, verbs, scope):
        return  # That a value is missing is told already.
    field = "rule" if scope == "rule" else "scope"
    try:
        grant = Grant(entity, verbs.split(), "all")
    except CrmkitError as error:
        yield FieldProblem("verbs", _("{reason}"), reason=str(error))
        return
    try:
        grant = Grant(entity, grant.verbs, (rule or "false") if scope == "rule" else scope)
        reasons = list(check_grant(registry, entity, grant))
    except CrmkitError as error:
        reasons = [error]
    known = entity == EVERY_ENTITY or entity in registry.entities
    for reason in reasons:
        yield FieldProblem(field if known else "entity", _("{reason}"), reason=str(reason))


def _check_mask(registry: Registry, write: Write) -> Iterator[FieldProblem]:
    entity, field = write.get("entity"), write.get("field_name")
    if entity not in registry.entities:
        yield FieldProblem("entity", _("there is no entity {entity!r}"), entity=entity)
    elif field not in {*registry.fields(entity), *registry.computed(entity)}:
        yield FieldProblem("field_name", _("{entity} has no field {name!r}"), entity=entity, name=field)


def known_roles(reader: Reader) -> list[str]:
    """Return the names by which roles are assigned: those that plugins ship, and those made here that *reader* sees."""
    info = reader.model.registry.entity(RoleRecord)
    made = reader.find(RoleRecord, order_by="name") if "name" in reader.access.entity(info).readable else []
    return [*sorted(reader.model.registry.roles), *(role.name for role in made)]


def check_assignments(writer: Writer, writes: Sequence[Write]) -> Iterator[tuple[int, FieldProblem]]:
    """Yield a problem for each role that somebody is newly given and that there is not, by the write's place.

    A role that whoever gives it does not see is one that there is not. What is kept of the roles of plugins that are
    away is left as it is, and comes back out of the bin.
    """
    shipped = writer.model.registry.roles
    given = [
        (place, write)
        for place, write in enumerate(writes)
        if write.entity.id == "core.assignment"
        and write.kind in ("create", "update")
        and write.changes("role")
        and write.values["role"] not in shipped
    ]
    made = {w.values.get("name") for w in writes if w.kind == "create" and w.entity.id == "core.role"} if given else ()
    known: dict[bool, list[str]] = {}
    for place, write in given:
        role, trusted = write.values["role"], write.trusted
        if trusted not in known:
            known[trusted] = known_roles(writer.trusted if trusted else writer)
        if role is not None and role not in made and role not in known[trusted]:
            message = _("there is no role {role!r}; there are {roles}")
            yield place, FieldProblem("role", message, "unknown", role=role, roles=", ".join(known[trusted]))


def assignments_that_end(writer: Writer, writes: Sequence[Write]) -> list[Write]:
    """Return the deletions of the assignments of the roles that *writes* delete.

    Assignments name their role, so that a new role of the same name would have the holders of the old one.
    """
    names = [w.stored["name"] for w in writes if w.kind == "delete" and w.entity.id == "core.role"]
    if not names:
        return []
    ended = writer.trusted.find(Assignment, Assignment.f.role.in_(names))
    info = writer.model.registry.entity(Assignment)
    return [Write("delete", info, assignment.id, {}, trusted=True, depth=1) for assignment in ended]
