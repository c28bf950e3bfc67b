"""What people are told of a record that is refused: its number and name, and what about it must not occur twice.

Errors know records by id, and conflicts name no field, as they may concern what nobody here may see. Somebody at a
terminal is told more where they can see it, or where it is true of every record.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from crmkit.cli.records import name_of
from crmkit.core.entity import EntityInfo
from crmkit.core.errors import ConflictError, CrmkitError, NotFoundError
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.cli.session import Session
    from crmkit.core.reading.reader import Reader

__all__ = ["tell"]


def tell(session: Session, error: Exception) -> list[str]:
    """Let *error* name its record as the person who acts knows it, and return what else there is to say."""
    info = _entity_of(session, error) if isinstance(error, CrmkitError) else None
    if info is None or not isinstance(error, CrmkitError):
        return []
    # The error is what is to be told; whatever else goes wrong now would only hide it.
    with suppress(Exception), session.reader() if "principal" in vars(session) else session.trusted() as db:
        error.facts = {**error.facts, **_known_as(db, info, error)}
        return list(_hints(db, info, error))
    return []


def _entity_of(session: Session, error: CrmkitError) -> EntityInfo | None:
    registry, pipeline = session.crm.registry, str(error.facts.get("pipeline"))
    named = registry.pipelines[pipeline].entity if pipeline in registry.pipelines else pipeline
    return registry.entities.get(str(error.facts.get("entity", named)))


def _known_as(db: Reader, info: EntityInfo, error: CrmkitError) -> dict[str, str]:
    try:
        return {"reference": name_of(db.get(info.cls, UUID(str(error.facts.get("reference")))))}
    except ValueError:
        return {}
    except NotFoundError:
        # A record that was never made has no name.
        return {"reference": translate(info.label)} if error.facts.get("verb") == "create" else {}


def _hints(db: Reader, info: EntityInfo, error: CrmkitError) -> Iterator[str]:
    readable = db.readable_fields(info.cls)
    groups = [*((field.name,) for field in info.fields.values() if field.unique), *info.unique]
    known = [" + ".join(group) for group in groups if readable.issuperset(group)]
    if known and isinstance(error, ConflictError) and _is_taken(error, info):
        # Which of them it was might tell of a record that is hidden.
        yield translate(_("No two records have the same: {fields}.")).format(fields=", ".join(known))


def _is_taken(error: ConflictError, info: EntityInfo) -> bool:
    """Return whether the database refused a value in the table of *info* that another record has."""
    said = str(getattr(error.__cause__, "orig", ""))
    return "unique" in said.casefold() and info.table in said
