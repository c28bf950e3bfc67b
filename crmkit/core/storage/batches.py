"""Lists of ids in a few sizes, so that a handful of prepared statements serves every number of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.storage.columns import Id

__all__ = ["id_parameters", "id_values", "padded_batches"]

_MOST = 512
T = TypeVar("T")


def padded_batches(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield *ids* in batches whose sizes are powers of two, the last one repeated to fill the last batch."""
    for start in range(0, len(ids), _MOST):
        batch = ids[start : start + _MOST]
        yield [*batch, *[batch[-1]] * ((1 << (len(batch) - 1).bit_length()) - len(batch))]


def id_parameters(number: int) -> list[sa.BindParameter[Any]]:
    """Return the parameters ``id_0``, ``id_1`` and so on of a statement for *number* ids."""
    return [sa.bindparam(f"id_{place}", type_=Id(), required=True) for place in range(number)]


def id_values(ids: Sequence[UUID]) -> dict[str, UUID]:
    """Return the values of :func:`id_parameters`."""
    return {f"id_{place}": id_ for place, id_ in enumerate(ids)}
