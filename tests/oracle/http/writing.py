"""What writers do, asked for over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import attrs

from crmkit.core.entity import loaded_values
from crmkit.core.errors import CrmkitError
from crmkit.core.representing.plain import plain
from crmkit.rest.collections import ROOT
from tests.oracle.http.caller import RefusedError, code_in
from tests.oracle.http.client import Client, Shown

__all__ = ["ANYTHING", "Change", "Result", "Writing"]

#: One of many changes: what is done, to which record, the version that was seen, and with which values.
Change = tuple[str, UUID, int | None, Mapping[str, Any]]
#: What became of it: the status, the code of a problem, the record.
Result = tuple[int, str | None, Shown | None]

#: The code of a refusal that concerns several records.
ANYTHING = "anything"


class Writing(Client):
    """Every verb, for one record and for several."""

    def create(self, record: Any) -> Shown:
        made = self._record(type(record), self.ask("POST", self._of(type(record)), (), _given(record)))
        return self._named(made, record)

    def create_many(self, records: Sequence[Any]) -> list[Shown]:
        items = [{"op": "create", "values": _given(record)} for record in records]
        return [self._named(*pair) for pair in zip(self._batch(type(records[0]), items), records, strict=True)]

    def _named(self, made: Shown, record: Any) -> Shown:
        self.names[made.id] = record.id
        return made

    def update(self, stub: Any, values: Mapping[str, Any]) -> Shown:
        body = _nested(values)
        return self._record(type(stub), self.ask("PATCH", self._at(stub), (), body, **_seen(stub)))

    def update_many(self, pairs: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[Shown]:
        items = [{"op": "update", **_known(stub), "values": _nested(values)} for stub, values in pairs]
        return self._batch(type(pairs[0][0]), items)

    def delete(self, stub: Any) -> None:
        self.ask("DELETE", self._at(stub), **_seen(stub))

    def delete_many(self, stubs: Sequence[Any]) -> None:
        self._batch(type(stubs[0]), [{"op": "delete", **_known(stub)} for stub in stubs])

    def restore(self, cls: Any, id: UUID) -> Shown:
        return self._record(cls, self.ask("POST", f"{self._of(cls)}/{id}/restore"))

    def move(self, stub: Any, stage: str) -> Shown:
        return self._record(type(stub), self.ask("POST", f"{self._at(stub)}/move", (), {"stage": stage}, **_seen(stub)))

    def move_many(self, stubs: Sequence[Any], stage: str) -> list[Shown]:
        return self._batch(type(stubs[0]), [{"op": "move", **_known(stub), "stage": stage} for stub in stubs])

    def transfer(self, stub: Any, owner: UUID | None, *, team: UUID | None) -> Shown:
        body = {"owner_id": plain(owner), "team_id": plain(team)}
        return self._record(type(stub), self.ask("POST", f"{self._at(stub)}/transfer", (), body, **_seen(stub)))

    def transfer_many(self, stubs: Sequence[Any], owner: UUID | None, *, team: UUID | None) -> list[Shown]:
        to = {"owner_id": plain(owner)} | ({"team_id": str(team)} if team else {})
        return self._batch(type(stubs[0]), [{"op": "transfer", **_known(stub), **to} for stub in stubs])

    def share(self, stub: Any, *, user: UUID | None, team: UUID | None, level: str, until: datetime | None) -> None:
        body = {"user_id": plain(user), "team_id": plain(team), "level": level, "ends_at": plain(until)}
        self.ask("POST", f"{self._at(stub)}/shares", (), body)

    def unshare(self, stub: Any, *, user: UUID | None, team: UUID | None) -> None:
        try:
            self.ask("DELETE", f"{self._at(stub)}/shares", {"user_id": user, "team_id": team})
        except RefusedError as error:
            # That there is no such share is told as that there is no such record.
            if error.code != "not-found" or self.get(type(stub), stub.id).id != stub.id:
                raise

    def put_external(self, cls: Any, system: str, name: str, id: UUID, values: Mapping[str, Any]) -> Shown:
        """Create the record that *system* calls *name*, which stands for *id*, or change it."""
        found = self.ask("PUT", f"{self._of(cls)}/external/{system}/{name}", (), _nested(values))
        made = self._record(cls, found)
        self.names[made.id] = id
        return made

    def call_verb(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        plugin, _dot, name = verb.partition(".")
        try:
            return self.ask("POST", f"{ROOT}/{plugin}/verbs/{name}", (), arguments)
        except RefusedError as error:
            # What is missing is the verb: records are arguments.
            error.code = "no-verb" if error.code == "not-found" else error.code
            raise

    def merge(self, winner: Any, losers: Sequence[Any], *, choose: Mapping[str, UUID]) -> Shown:
        body = _merging(losers, choose)
        return self._record(type(winner), self._ask_of_many(f"{self._at(winner)}/merge", body, **_seen(winner)))

    def merge_preview(self, winner: Any, losers: Sequence[Any], *, choose: Mapping[str, UUID]) -> Any:
        cls, body = type(winner), _merging(losers, choose)
        found = self._ask_of_many(f"{self._at(winner)}/merge/preview", body, **_seen(winner))
        return SimpleNamespace(
            winner=self._record(cls, found["winner"]), losers=self._records(cls, found["losers"]),
            fields=[self._choice(cls, each) for each in found["fields"]],
            repointed=[SimpleNamespace(**each) for each in found["repointed"]],
            external_ids=found["external_ids"],
            refusal=found["refusal"] and _Refusal(code_in(found["refusal"])),
        )  # fmt: skip

    def _choice(self, cls: Any, each: dict[str, Any]) -> Any:
        values = {UUID(id): self._value(cls, each["name"], value) for id, value in each["values"].items()}
        return SimpleNamespace(name=each["name"], values=values)

    def unmerge(self, cls: Any, id: UUID) -> Any:
        return SimpleNamespace(record=self._record(cls, self.ask("POST", f"{self._of(cls)}/{id}/unmerge")["record"]))

    def _batch(self, cls: Any, items: Sequence[Any]) -> list[Shown]:
        results = self._ask_of_many(f"{self._of(cls)}/batch", {"items": items})["results"]
        return [self._record(cls, each["record"]) for each in results if "record" in each]

    def batch_each(self, cls: Any, items: Sequence[Change]) -> list[Result]:
        """Do each of *items* for itself, and return what became of them."""
        body = {"mode": "each", "items": [_item(*each) for each in items]}
        results = self.ask("POST", f"{self._of(cls)}/batch", (), body)["results"]
        return [self._result(cls, *pair) for pair in zip(items, results, strict=True)]

    def _result(self, cls: Any, item: Change, result: dict[str, Any]) -> Result:
        record = self._record(cls, result["record"]) if "record" in result else None
        if record is not None and item[0] == "create":
            self.names[record.id] = item[1]
        return result["status"], code_in(result["problem"]) if "problem" in result else None, record

    def _ask_of_many(self, path: str, body: Any, **headers: str) -> Any:
        try:
            return self.ask("POST", path, (), body, **headers)
        except RefusedError as error:
            # Which of several reasons is told hangs on the order of the steps, and the model knows one order.
            error.code = ANYTHING
            raise


class _Refusal(CrmkitError):
    """What something would be refused with."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code


def _merging(losers: Sequence[Any], choose: Mapping[str, UUID]) -> dict[str, Any]:
    seen = {str(each.id): each.version for each in losers}
    return {"losers": list(seen), "versions": seen, "choose": plain(choose)}


def _seen(stub: Any) -> dict[str, str]:
    return {"if_match": f'"{stub.version}"'}


def _known(stub: Any) -> dict[str, Any]:
    return {"id": str(stub.id), "version": stub.version}


def _item(op: str, id: UUID, version: int | None, values: Mapping[str, Any]) -> dict[str, Any]:
    known = {} if op == "create" else {"id": str(id), "version": version}
    return {"op": op, **known, **({"values": _nested(values)} if op in ("create", "update") else plain(values))}


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
