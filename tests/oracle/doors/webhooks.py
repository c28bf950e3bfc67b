"""The door of webhooks: of every write a message to each principal, made as the plugin makes it when it is sent.

Whoever makes messages knows every write; what a message says, and whether there is one, the principal's rights decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from crmkit import Company, types_of
from crmkit.plugins.webhooks.entities import Delivery
from crmkit.plugins.webhooks.services.rendering import render
from tests.oracle.acts import CLASSES
from tests.oracle.doors.events import told_events
from tests.oracle.doors.registry import Probe, Questioner, door
from tests.oracle.phrases import UNFORESEEN
from tests.oracle.terms import Cash

_PAST = {
    "create": "created", "update": "updated", "delete": "deleted", "restore": "restored", "move": "moved",
    "transfer": "transferred", "merge": "merged", "unmerge": "unmerged",
}  # fmt: skip
_DECLARED = {"trade.resized": "crm.trade.resized.v1", "trade.big": "crm.trade.big.v1"}
# Those that a message says in its own words, or that the model does not foresee.
_LEFT_OUT = {*UNFORESEEN, "id", "number"}
_SOMEBODY = UUID(int=0)


@door
def webhook_payload(q: Questioner) -> Iterator[Probe]:
    def want():
        messages = {}
        for name, (entity, id, is_live, past) in told_events(q).items():
            record = _flat(q.world.read(q.p, entity, id)) if is_live else None
            said = [
                (type_, changed, None if kind == "delete" else record)
                for kind, changed, declared in past
                for type_ in _types(entity, kind, declared)
                if is_live or kind == "delete"
            ]
            if said:
                messages[name] = sorted(said, key=repr)
        return messages

    yield Probe("webhook payload", want, _messages, _view)


def _messages(db: Any) -> list[dict[str, Any]]:
    """Return every message there is for the reader *db*, without its id, which is new each time."""
    due, position = [], 0
    while (page := db.trusted.events(after=position)).position > position:
        position = page.position
        due += [_delivery(each, type_) for each in page.events for type_ in types_of(db.trusted, each)]
    sent = [body.content for body in render(db, due, Company()) if body.content is not None]
    return [{**msgspec.json.decode(message), "id": "…"} for message in sent]


def _delivery(each: Any, type_: str) -> Delivery:
    about = {"entity": each.entity, "record_id": each.record_id, "happened_at": each.at}
    return Delivery(endpoint_id=_SOMEBODY, event=type_, position=each.position, **about)


def _types(entity: str, kind: str, declared: tuple[str, ...]) -> list[str]:
    general = [f"crm.{entity}.{_PAST[kind]}.v1"] if kind in _PAST else []
    return [*general, *(_DECLARED[event] for event in declared)]


def _view(messages: list[dict[str, Any]]) -> dict[str, Any]:
    found = defaultdict[str, list[Any]](list)
    for event in messages:
        data = event["data"]
        if data["entity"] in CLASSES:
            changed = tuple(name for name in data["changed"] if name not in UNFORESEEN)
            said = event["type"], changed, None if data["record"] is None else _flat(data["record"])
            found[f"{data['entity']} {data['id']}"].append(said)
    return {name: sorted(said, key=repr) for name, said in found.items()}


def _flat(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what *record*, of the model or as JSON, has in each field, as text."""
    flat: dict[str, str] = {}
    for name, value in record.items():
        if name in ("custom", "extra") and isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": _text(each) for inner, each in value.items()}
        elif name not in _LEFT_OUT and name != "deleted":
            flat[name] = _text(value)
    return dict(sorted(flat.items()))


def _text(value: Any) -> str:
    match value:
        case Cash():
            return f"{Decimal(value.minor) / 100:.2f} {value.currency}"
        case {"amount": amount, "currency": currency}:
            return f"{amount} {currency}"
        case {"entity": entity, "id": id} | (str() as entity, UUID() as id):
            return f"{entity} {id}"
        case date():
            return value.isoformat()
    return str(value)
