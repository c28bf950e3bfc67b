"""Companies, who works in them, and which stand above which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa

from crmkit import Problem, Reader, UnknownFieldError, Write, WriteContext, translator

from ..entities import Company, Contact

__all__ = ["check_parents", "contacts_of", "subsidiaries"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])


def contacts_of(db: Reader, company: Company) -> list[Contact]:
    """Return the contacts in *company* by name."""
    return db.find(Contact, Contact.f.company_id == company.id, order_by="name")


def subsidiaries(db: Reader, company: Company) -> list[Company]:
    """Return every company below *company*, those nearest to it first, then by name.

    Raises:
        UnknownFieldError: the reader may not know which companies stand above which.
    """
    below = db.get_many(Company, _ids_below(db, company))
    children: dict[UUID | None, list[Company]] = {}
    for child in sorted(below.values(), key=lambda child: (child.name, child.id)):
        children.setdefault(child.parent_id, []).append(child)
    found: list[Company] = []
    level = [company.id]
    while level:
        nearest = [child for parent in level for child in children.pop(parent, ())]
        found += sorted(nearest, key=lambda child: child.name)
        level = [child.id for child in nearest]
    return found


def _ids_below(db: Reader, company: Company) -> list[UUID]:
    if "parent_id" not in db.readable_fields(Company):
        raise UnknownFieldError("customers.company", "parent_id")
    companies = db.visible(Company).c
    tree = sa.select(companies.id).where(companies.parent_id == company.id).cte("below", recursive=True)
    # Not UNION ALL: each company once, even in a circle.
    tree = tree.union(sa.select(companies.id).join(tree, companies.parent_id == tree.c.id))
    return [row.id for row in db.execute(sa.select(tree.c.id))]


def check_parents(context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each company that *writes* would make its own ancestor."""
    moved = {w.record_id: place for place, w in enumerate(writes) if _is_company(w) and w.changes("parent_id")}
    if not moved:
        return []
    parents = {w.record_id: w.get("parent_id") for w in writes if _is_company(w)}
    _add_ancestors(context, parents)
    message = _("a company cannot stand above itself")
    return [Problem(message, place, "parent_id") for company, place in moved.items() if _is_circle(company, parents)]


def _is_company(write: Write) -> bool:
    return write.entity.id == "customers.company"


def _add_ancestors(context: WriteContext, parents: dict[UUID, UUID | None]) -> None:
    """Complete *parents* with every company above those in it, one statement for each generation."""
    while unknown := {parent for parent in parents.values() if parent is not None} - parents.keys():
        found = context.trusted.get_many(Company, sorted(unknown))
        parents |= {id_: found[id_].parent_id if id_ in found else None for id_ in unknown}


def _is_circle(company: UUID, parents: Mapping[UUID, UUID | None]) -> bool:
    above, seen = parents.get(company), set[UUID]()
    while above is not None and above not in seen:
        if above == company:
            return True
        seen.add(above)
        above = parents.get(above)
    return False
