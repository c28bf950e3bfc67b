"""Custom fields in code: what was made at run time, declared by the plugin that took its entity over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit.core.entity import FieldInfo
from crmkit.core.fields import FieldType
from crmkit.core.registry import CUSTOM
from crmkit.core.text import Text

__all__ = ["custom_field"]


def custom_field(
    entity: str,
    key: str,
    type: FieldType,
    *,
    label: Text,
    help: Text | None = None,
    default: Any = None,
    required: bool = False,
    search: bool = False,
    indexed: bool = False,
    personal: bool | None = None,
    purpose: str | None = None,
    slot: str | None = None,
    formerly: Sequence[str] = (),
) -> FieldInfo:
    """Return the field ``custom.<key>`` of *entity*, to be registered after it by the plugin that declares both.

    It is kept where custom fields are, in the JSON column of the record under *slot* (the *key*, if nothing is said),
    and is called, filtered, masked and written like them. *formerly* are earlier slots, by which the ledger calls it.
    A *required* field binds a record at its next write.
    """
    return FieldInfo(
        name=f"{CUSTOM}.{key}",
        type=type,
        entity=entity,
        owner=entity.partition(".")[0],
        nullable=not required,
        label=label,
        help=help or Text(""),
        init=True,
        has_default=default is not None,
        default=lambda: default,
        search=search,
        indexed=indexed,
        personal=bool(personal),
        purpose=purpose,
        impersonal=personal is False,
        slot=slot or key,
        former=tuple(formerly),
    )
