"""What goes with a custom field: masks and grants that name it, so that no later field of its name inherits them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from crmkit.core.errors import CrmkitError
from crmkit.core.policy.people import GrantRecord, MaskRecord
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.rules.check import check
from crmkit.core.rules.rule import Rule
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["policy_that_ends"]


def policy_that_ends(writer: Writer, writes: Sequence[Write]) -> list[Write]:
    """Return the deletions of the masks and grants that name the custom fields or entities which *writes* delete."""
    gone = {
        (w.stored["entity"], f"custom.{w.stored['key']}")
        for w in writes
        if w.kind == "delete" and w.entity.id == "core.custom_field"
    }
    gone |= {
        (f"custom.{w.stored['slug']}", "*")
        for w in writes
        if w.kind == "delete" and w.entity.id == "core.custom_entity"
    }
    if not gone:
        return []
    return [_deletion(writer, record) for record in (*_masks(writer, gone), *_grants(writer, gone))]


def _deletion(writer: Writer, record: Any) -> Write:
    info = writer.model.registry.entity(type(record))
    return Write("delete", info, record.id, {}, trusted=True, depth=1)


def _masks(writer: Writer, gone: set[tuple[str, str]]) -> Iterator[MaskRecord]:
    for mask in writer.trusted.find(MaskRecord):
        if not gone.isdisjoint([(mask.entity, mask.field_name), (mask.entity, "*")]):
            yield mask


def _grants(writer: Writer, gone: set[tuple[str, str]]) -> Iterator[GrantRecord]:
    registry = writer.model.registry
    for grant in writer.trusted.find(GrantRecord):
        if (grant.entity, "*") in gone:
            yield grant
        if grant.entity not in registry.entities or grant.rule is None or (grant.entity, "*") in gone:
            continue
        try:
            read = check(Rule.parse(grant.rule), FieldScope(registry, registry.entities[grant.entity])).fields
        except CrmkitError:
            continue  # It grants nothing as it is.
        if read & gone or any((entity, "*") in gone for entity, _field in read):
            yield grant
