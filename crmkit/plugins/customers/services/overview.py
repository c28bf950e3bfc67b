"""A customer from all sides."""

from __future__ import annotations

from dataclasses import dataclass

from crmkit import Reader, SectionList, Timeline

from ..entities import Company, Contact

__all__ = ["Overview", "overview"]


@dataclass(frozen=True)
class Overview:
    """A customer from all sides, as one principal sees it.

    *above* is the company of a contact, or the parent of a company. *sections* are what every plugin shows with the
    customer, *timeline* the newest of what happened.
    """

    record: Company | Contact
    above: Company | None
    sections: tuple[SectionList, ...]
    timeline: Timeline

    def section(self, id: str) -> SectionList | None:
        """Return the section with this id; ``None`` if it does not exist for the principal."""
        return next((found for found in self.sections if found.section.id == id), None)


def overview(db: Reader, customer: Company | Contact, *, events: int = 20) -> Overview:
    """Return *customer* from all sides, with the newest *events*, in as many statements however much there is.

    Further events are read with :meth:`crmkit.Reader.timeline` and the cursor of this one.

    Raises:
        NotFoundError: the customer is not visible.
    """
    record = db.get(type(customer), customer.id)
    relation = "parent" if isinstance(record, Company) else "company"
    is_known = f"{relation}_id" in db.readable_fields(type(record))
    above = next(iter(db.expand([record], relation).values()), None) if is_known else None
    return Overview(record, above, tuple(db.sections(record)), db.timeline(record, limit=events))
