"""What plugins show around a record: sections of records that belong to it, and what happened to it, by time.

Both are data: which records, how they lead to the record they are shown with (the host), in which order. Who reads a
host sees of them what their own rights allow; every surface can render them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import attrs

from crmkit.core.errors import DeclarationError
from crmkit.core.reading.measures import Measure
from crmkit.core.rules.rule import Rule
from crmkit.core.text import Text, gettext as _

__all__ = ["Route", "Section", "Through", "TimelinePart"]

_ID = re.compile(r"[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,40}\Z")


@attrs.frozen
class Through:
    """A route over records that lie between: those of *entity*, whose reference *near* leads to the record at hand.

    From there *far* goes on: the participants of an interaction are
    ``Through("customers.participant", "interaction_id", "contact")``.
    """

    entity: str
    near: str
    far: str


Route = str | Through


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _routes(given: Route | Iterable[Route]) -> tuple[Route, ...]:
    return (given,) if isinstance(given, str | Through) else tuple(given)


def _rule(given: Rule | str) -> Rule:
    return given if isinstance(given, Rule) else Rule.parse(given)


@attrs.frozen
class Section:
    """Records of *entity* that are shown with every record to which one of the routes *via* leads.

    A route names relations: ``company``, or ``contact.company``, or ``regarding`` (of any record). Behind a reference
    to any record, ``regarding.company`` follows the relation ``company`` of whichever record that is, if it has one.
    Which hosts the section has follows from its routes.

    *where* narrows it, *order_by* names fields of the entity as lists do, *limit* is how many records are read,
    *fields* are what surfaces show of each, in this order. *measures* are taken over all records of the section, not
    only over those that are read. Sections of lower *rank* come first.
    """

    id: str
    label: Text
    entity: str
    via: tuple[Route, ...] = attrs.field(converter=_routes)
    where: Rule | None = attrs.field(converter=attrs.converters.optional(_rule), default=None)
    order_by: tuple[str, ...] = attrs.field(converter=_names, default=("-id",))
    limit: int = 5
    fields: tuple[str, ...] = attrs.field(converter=_names, default=())
    measures: Mapping[str, Measure] = attrs.field(factory=dict)
    rank: int = 100

    def __attrs_post_init__(self) -> None:
        _check(self.id, self.via)
        if self.limit < 1:
            raise DeclarationError(self.id, _("a section shows at least one record"))


@attrs.frozen
class TimelinePart:
    """What happens, on the time line of every record to which one of the routes *via* leads.

    Each record of *entity* happens *at* the moment in that field. Without *at* the entity is pipelined, and what
    happens is that its records enter stages.
    """

    id: str
    label: Text
    entity: str
    via: tuple[Route, ...] = attrs.field(converter=_routes)
    at: str | None = None

    def __attrs_post_init__(self) -> None:
        _check(self.id, self.via)


def _check(id_: str, via: tuple[Route, ...]) -> None:
    if not _ID.match(id_):
        raise DeclarationError(id_, _("its id is <plugin>.<name> in lower case"))
    if not via:
        raise DeclarationError(id_, _("name at least one route to the records that it is shown with"))
