"""Readers and writers over HTTP: each of their methods as the requests that a client would send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import attrs

from crmkit.core.entity import entity_info, loaded_values
from crmkit.core.representing.plain import from_plain, plain
from crmkit.rest.collections import address_of, exists_for
from tests.oracle.http.caller import Answered, Caller, RefusedError

__all__ = ["ANYTHING", "Remote", "Shown"]

_ALL = 200
#: The code of a refusal that concerns several records.
ANYTHING = "anything"


@attrs.frozen
class Shown:
    """A record as it came back, with its values as crmkit has them, by the whole names of fields."""

    id: UUID
    version: int
    values: Mapping[str, Any]


class Remote:
    """What *db* would do, asked for over HTTP; *heard* is everything that came back."""

    def __init__(self, caller: Caller, db: Any) -> None:
        self._caller, self._db = caller, db
        self._registry = db.model.registry
        self.heard: list[Answered] = []
        #: What the ids that were given to new records stand for.
        self.names: dict[UUID, UUID] = {}

    @property
    def trusted(self) -> Any:
        """What really is there."""
        return self._db.trusted

    @property
    def now(self) -> datetime:
        moment: datetime = self._db.now
        return moment

    def _ask(
        self, method: str, path: str, query: dict[str, Any] | None = None, body: Any = None, **headers: str
    ) -> Any:
        with self._caller.lent(self._db):
            answer = self._caller(method, path, query, body, **headers)
        self.heard.append(answer)
        return answer.json

    # Records.

    def find(
        self, cls: Any, text: str | None = None, *, order_by: Any = (), limit: Any = None, deleted: bool = False
    ) -> list[Shown]:
        return self._page(cls, text, order_by, limit or _ALL, None, deleted=deleted).records  # type: ignore[no-any-return]

    def page(
        self, cls: Any, text: str | None = None, *, order_by: Any = (), limit: int = 50, after: str | None = None
    ) -> Any:
        return self._page(cls, text, order_by, limit, after)

    def _page(
        self, cls: Any, text: str | None, order_by: Any, limit: int, after: str | None, *, deleted: bool = False
    ) -> Any:
        if not self._exists(cls):
            found = self._db.find(cls, text, order_by=order_by, limit=limit, deleted=deleted)
            return SimpleNamespace(records=found, next=None)
        found = self._ask("GET", self._of(cls), {
            "filter": text, "order_by": ",".join(order_by) or None, "limit": limit, "cursor": after,
            "deleted": "true" if deleted else None,
        })  # fmt: skip
        return SimpleNamespace(records=self._records(cls, found["items"]), next=found["next"])

    def count(self, cls: Any, text: str | None = None) -> int:
        if not self._exists(cls):
            return self._db.count(cls, text)  # type: ignore[no-any-return]
        found: int = self._ask("GET", self._of(cls), {"filter": text, "count": "true", "limit": 1})["count"]
        return found

    def _exists(self, cls: Any) -> bool:
        """Return whether there is an address: an entity without grants has none, and a reader finds it empty."""
        if exists_for(self._db.access, self._registry.entities[entity_info(cls).id]):
            return True
        try:
            self._ask("GET", self._of(cls))
        except RefusedError as error:
            if error.code != "not-found":
                raise
            return False
        raise AssertionError("there is something at an address that does not exist")

    def get(self, cls: Any, reference: Any) -> Shown:
        return self._record(cls, self._ask("GET", f"{self._of(cls)}/{reference}"))

    def get_many(self, cls: Any, ids: Sequence[UUID]) -> dict[UUID, Shown]:
        return {record.id: record for record in self.find(cls, _among(ids))}

    def extensions(self, extension: Any, stubs: Iterable[Any]) -> dict[UUID, Shown]:
        return {stub.id: self.get(type(stub), stub.id) for stub in stubs}

    # Around records.

    def history(self, stub: Any) -> list[Any]:
        entries, cursor = [], None
        while True:
            # Few, so that there are pages.
            found = self._ask("GET", f"{self._at(stub)}/history", {"limit": 3, "cursor": cursor})
            entries += [_entry(each) for each in found["items"]]
            if (cursor := found["next"]) is None:
                return entries

    def sections(self, stub: Any) -> list[Any]:
        return [self._section(each) for each in self._ask("GET", f"{self._at(stub)}/sections")["items"]]

    def _section(self, each: dict[str, Any]) -> Any:
        info = self._registry.entities[each["entity"]]
        return SimpleNamespace(
            section=SimpleNamespace(id=each["id"]), count=each["count"], fields=tuple(each["fields"]),
            measures=each["measures"], records=self._records(info.cls, each["items"]),
        )  # fmt: skip

    def timeline(self, stub: Any, *, limit: int, after: str | None) -> Any:
        found = self._ask("GET", f"{self._at(stub)}/timeline", {"limit": limit, "cursor": after})
        return SimpleNamespace(entries=[self._happening(each) for each in found["items"]], next=found["next"])

    def _happening(self, each: dict[str, Any]) -> Any:
        record = each["record"] and self._record(self._registry.entities[each["entity"]].cls, each["record"])
        return SimpleNamespace(
            kind=each["kind"], at=datetime.fromisoformat(each["at"]), record=record,
            change=each["change"] and _entry(each["change"]),
            visit=each["visit"] and SimpleNamespace(stage=each["visit"]["stage"]),
        )  # fmt: skip

    # Reports.

    def aggregate(
        self, cls: Any, *, group_by: Sequence[str], measures: Mapping[str, Any], where: str | None
    ) -> list[Any]:
        if not self._exists(cls):
            return self._db.aggregate(cls, group_by=group_by, measures=measures, where=where)  # type: ignore[no-any-return]
        names = {name: _measure(each) for name, each in measures.items()}
        asked = {"group_by": ",".join(group_by), "measures": ",".join(dict.fromkeys(names.values())), "filter": where}
        found = self._ask("GET", f"{self._of(cls)}/aggregate", asked)["items"]
        return [
            {name: self._value(cls, name, value) for name, value in each["group"].items()}
            | {name: _number(each["measures"][asked]) for name, asked in names.items()}
            for each in found
        ]

    # Writing.

    def create(self, record: Any) -> Shown:
        made = self._record(type(record), self._ask("POST", self._of(type(record)), None, _given(record)))
        return self._named(made, record)

    def create_many(self, records: Sequence[Any]) -> list[Shown]:
        items = [{"op": "create", "values": _given(record)} for record in records]
        return [self._named(*pair) for pair in zip(self._batch(type(records[0]), items), records, strict=True)]

    def _named(self, made: Shown, record: Any) -> Shown:
        self.names[made.id] = record.id
        return made

    def update(self, stub: Any, values: Mapping[str, Any]) -> Shown:
        body = _nested(values)
        return self._record(type(stub), self._ask("PATCH", self._at(stub), None, body, **_seen(stub)))

    def update_many(self, pairs: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[Shown]:
        items = [{"op": "update", **_known(stub), "values": _nested(values)} for stub, values in pairs]
        return self._batch(type(pairs[0][0]), items)

    def delete(self, stub: Any) -> None:
        self._ask("DELETE", self._at(stub), **_seen(stub))

    def delete_many(self, stubs: Sequence[Any]) -> None:
        self._batch(type(stubs[0]), [{"op": "delete", **_known(stub)} for stub in stubs])

    def restore(self, cls: Any, id: UUID) -> Shown:
        return self._record(cls, self._ask("POST", f"{self._of(cls)}/{id}/restore"))

    def move(self, stub: Any, stage: str) -> Shown:
        return self._record(
            type(stub), self._ask("POST", f"{self._at(stub)}/move", None, {"stage": stage}, **_seen(stub))
        )

    def move_many(self, stubs: Sequence[Any], stage: str) -> list[Shown]:
        return self._batch(type(stubs[0]), [{"op": "move", **_known(stub), "stage": stage} for stub in stubs])

    def transfer(self, stub: Any, owner: UUID | None, *, team: UUID | None) -> Shown:
        body = {"owner_id": plain(owner), "team_id": plain(team)}
        return self._record(type(stub), self._ask("POST", f"{self._at(stub)}/transfer", None, body, **_seen(stub)))

    def transfer_many(self, stubs: Sequence[Any], owner: UUID | None, *, team: UUID | None) -> list[Shown]:
        to = {"owner_id": plain(owner)} | ({"team_id": str(team)} if team else {})
        return self._batch(type(stubs[0]), [{"op": "transfer", **_known(stub), **to} for stub in stubs])

    def share(self, stub: Any, *, user: UUID | None, team: UUID | None, level: str, until: datetime | None) -> None:
        body = {"user_id": plain(user), "team_id": plain(team), "level": level, "ends_at": plain(until)}
        made = self._ask("POST", f"{self._at(stub)}/shares", None, body)
        self.names[UUID(made["id"])] = stub.id

    def unshare(self, stub: Any, *, user: UUID | None, team: UUID | None) -> None:
        try:
            self._ask("DELETE", f"{self._at(stub)}/shares", {"user_id": user, "team_id": team})
        except RefusedError as error:
            # That there is no such share is told as that there is no such record.
            if error.code != "not-found" or self.get(type(stub), stub.id).id != stub.id:
                raise

    def merge(self, winner: Any, losers: Sequence[Any], *, choose: Mapping[str, UUID]) -> Shown:
        seen = {str(each.id): each.version for each in losers}
        body = {"losers": list(seen), "versions": seen, "choose": plain(choose)}
        return self._record(type(winner), self._ask_of_many(f"{self._at(winner)}/merge", body, **_seen(winner)))

    def unmerge(self, cls: Any, id: UUID) -> Any:
        return SimpleNamespace(record=self._record(cls, self._ask("POST", f"{self._of(cls)}/{id}/unmerge")["record"]))

    def _batch(self, cls: Any, items: Sequence[Any]) -> list[Shown]:
        results = self._ask_of_many(f"{self._of(cls)}/batch", {"items": items})["results"]
        return [self._record(cls, each["record"]) for each in results if "record" in each]

    def _ask_of_many(self, path: str, body: Any, **headers: str) -> Any:
        try:
            return self._ask("POST", path, None, body, **headers)
        except RefusedError as error:
            # Which of several reasons is told hangs on the order of the steps, and the model knows one order.
            error.code = ANYTHING
            raise

    # From JSON.

    def _of(self, cls: Any) -> str:
        return address_of(self._registry, entity_info(cls).id)

    def _at(self, stub: Any) -> str:
        return f"{self._of(type(stub))}/{stub.id}"

    def _records(self, cls: Any, found: Iterable[dict[str, Any]]) -> list[Shown]:
        return [self._record(cls, each) for each in found]

    def _record(self, cls: Any, found: dict[str, Any]) -> Shown:
        values = {}
        for name, value in found.items():
            inner = isinstance(value, dict) and (
                name == "custom" or name in self._registry.extensions.get(entity_info(cls).id, {})
            )
            if inner:
                values |= {f"{name}.{key}": self._value(cls, f"{name}.{key}", each) for key, each in value.items()}
            values |= {} if inner and name != "custom" else {name: value if inner else self._value(cls, name, value)}
        return Shown(values["id"], values.get("version", 0), values)

    def _value(self, cls: Any, name: str, value: Any) -> Any:
        info = entity_info(cls)
        field: Any = self._registry.fields(info.id).get(name) or info.computed.get(name)
        return value if name == "custom" or field is None else from_plain(field.type, value)


def _entry(each: dict[str, Any]) -> Any:
    return SimpleNamespace(kind=each["kind"], changes={n: (c["old"], c["new"]) for n, c in each["changes"].items()})


def _among(ids: Sequence[UUID]) -> str:
    return f"id in [{', '.join(chr(34) + str(id) + chr(34) for id in ids)}]"


def _measure(measure: Any) -> str:
    function = measure.function.replace(" ", "_")
    return function if measure.field is None else f"{function}.{measure.field}"


def _number(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) and value.replace(".", "").lstrip("-").isdigit() else value


def _seen(stub: Any) -> dict[str, str]:
    return {"if_match": f'"{stub.version}"'}


def _known(stub: Any) -> dict[str, Any]:
    return {"id": str(stub.id), "version": stub.version}


def _given(record: Any) -> dict[str, Any]:
    """Return what *record* has been given, as opposed to what it has by itself."""
    fields = {each.name: each for each in attrs.fields(type(record))}
    own = {n: v for n, v in loaded_values(record).items() if n not in ("id", "custom") and v != fields[n].default}
    return _nested(
        {n: v for n, v in own.items() if fields[n].init} | {f"custom.{k}": v for k, v in record.custom.items()}
    )


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    body = dict[str, Any]()
    for name, value in values.items():
        group, dot, key = name.partition(".")
        if dot:
            body.setdefault(group, {})[key] = plain(value)
        else:
            body[name] = plain(value)
    return body
