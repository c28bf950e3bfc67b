"""Definitions made at run time: what the database adds to what plugins declare.

A kind of definition is kept in entities, which administrators write like any others. Its rows become claims, as the
declarations of plugins do, whenever a CRM builds a model. :attr:`crmkit.CRM.definitions` names the kinds there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs
from sqlalchemy.engine import Connection

from crmkit.core.registry import Claim
from crmkit.core.storage.schema import Schema

__all__ = ["Definitions"]


@attrs.frozen
class Definitions:
    """One kind of definition: the *entities* that keep it, and what turns their rows into claims.

    Every write to one of the entities gives the CRM a new model once it is committed. *read* gets the connection and
    the tables of what is declared in code. It raises nothing: of a row that makes no sense it makes a claim that does
    not fit, which is then left out and reported.
    """

    entities: frozenset[str]
    read: Callable[[Connection, Schema], Iterable[Claim]]
