"""Several statements as one: what they select stands side by side, each cell under those of its kind.

However many entities a page is put together from, the database is asked once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeEngine

from crmkit.core.storage.columns import Day, Id, JsonText, Moment
from crmkit.core.storage.prepared import Prepared, Row

__all__ = ["Packed"]

# A cell that a statement does not have is null, of a type that both databases unite with the others there.
_KINDS: Sequence[tuple[tuple[type[TypeEngine[Any]], ...], TypeEngine[Any]]] = (
    ((Id,), Id()),
    ((Moment,), Moment()),
    ((Day,), Day()),
    ((JsonText,), JsonText()),
    ((sa.Boolean,), sa.Boolean()),
    ((sa.String,), sa.Text()),
)
_NUMBER = sa.BigInteger()


class Packed:
    """The prepared union of *parts*, whose rows come back part by part as the driver gives them, undecoded."""

    def __init__(self, parts: Sequence[sa.Select[Any]], dialect: sa.Dialect) -> None:
        """Compile it; each part orders and limits itself, but its rows may come in any order."""
        tables = [part.subquery() for part in parts]
        self._places: list[list[int]] = []
        slots: list[TypeEngine[Any]] = []
        for table in tables:
            self._places.append(_placed([_kind(cell.type) for cell in table.c], slots))
        selects = [self._select(number, list(table.c), slots) for number, table in enumerate(tables)]
        self._prepared = Prepared(sa.union_all(*selects), dialect, planned_once=True) if selects else None

    def _select(self, number: int, cells: Sequence[Any], slots: Sequence[TypeEngine[Any]]) -> sa.Select[Any]:
        filled = dict(zip(self._places[number], cells, strict=True))
        columns = [
            (filled[place] if place in filled else sa.cast(sa.null(), slot)).label(f"cell_{place}")
            for place, slot in enumerate(slots)
        ]
        return sa.select(sa.literal_column(str(number), sa.Integer()).label("part"), *columns)

    def rows(self, connection: Connection, given: Mapping[str, Any]) -> list[list[Row]]:
        """Return the rows of each part, with the cells that it selects in their order."""
        found: list[list[Row]] = [[] for _places in self._places]
        for number, *cells in self._prepared.rows(connection, given) if self._prepared else ():
            found[number].append(tuple([cells[place] for place in self._places[number]]))
        return found


def _kind(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    return next((kind for classes, kind in _KINDS if isinstance(type_, classes)), _NUMBER)


def _placed(kinds: Sequence[TypeEngine[Any]], slots: list[TypeEngine[Any]]) -> list[int]:
    """Return a slot of its kind for each of *kinds*, no two the same; *slots* grow where there are too few."""
    free = list(range(len(slots)))
    places = list[int]()
    for kind in kinds:
        place = next((place for place in free if slots[place] is kind), None)
        if place is None:
            place = len(slots)
            slots.append(kind)
        else:
            free.remove(place)
        places.append(place)
    return places
