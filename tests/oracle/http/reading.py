"""What readers answer, asked for over HTTP: records, what is around them, and what is found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from crmkit.core.entity import entity_info
from crmkit.core.fields import Reference
from crmkit.rest.collections import ROOT
from tests.oracle.http.caller import Query, RefusedError
from tests.oracle.http.client import ALL, Client, Shown
from tests.oracle.walking import pages_of

__all__ = ["Reading"]


class Reading(Client):
    """Lists, records, and what is around them."""

    def find(
        self, cls: Any, text: str | None = None, *, order_by: Any = (), limit: Any = None, deleted: bool = False
    ) -> list[Shown]:
        return self._page(cls, text, order_by, limit or ALL, None, deleted=deleted).records  # type: ignore[no-any-return]

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
        return self.listed(cls, {
            "filter": text, "order_by": ",".join(order_by) or None, "limit": limit, "cursor": after,
            "deleted": "true" if deleted else None,
        })  # fmt: skip

    def listed(self, cls: Any, query: Query) -> Any:
        """Return a page of the list that *query* describes in the words of the API."""
        found = self.ask("GET", self._of(cls), query)
        return SimpleNamespace(
            records=self._records(cls, found["items"]), items=found["items"], next=found["next"],
            count=found.get("count"),
        )  # fmt: skip

    def some_fields(self, cls: Any, names: Sequence[str]) -> list[Shown]:
        """Return all records with no more than *names*."""
        if not self._exists(cls):
            return self._db.find(cls)  # type: ignore[no-any-return]
        found: list[Shown] = self.listed(cls, {"fields": ",".join(names), "limit": ALL}).records
        return found

    def simply(self, cls: Any, conditions: Sequence[tuple[str, str]], text: str) -> tuple[list[Shown], int]:
        """Return the records for which *conditions* in the simple form hold, which say what *text* does; and count."""
        if not self._exists(cls):
            return self._db.find(cls, text), 0
        found = self.listed(cls, [*conditions, ("limit", str(ALL)), ("count", "true")])
        return found.records, found.count

    def count(self, cls: Any, text: str | None = None) -> int:
        if not self._exists(cls):
            return self._db.count(cls, text)  # type: ignore[no-any-return]
        found: int = self.ask("GET", self._of(cls), {"filter": text, "count": "true", "limit": 1})["count"]
        return found

    def get(self, cls: Any, reference: Any) -> Shown:
        return self._record(cls, self.ask("GET", f"{self._of(cls)}/{reference}"))

    def get_many(self, cls: Any, ids: Sequence[UUID]) -> dict[UUID, Shown]:
        return {record.id: record for record in self.find(cls, _among(ids))}

    def extensions(self, extension: Any, stubs: Iterable[Any]) -> dict[UUID, Shown]:
        return {stub.id: self.get(type(stub), stub.id) for stub in stubs}

    def expand(self, records: Sequence[Shown], relation: str) -> dict[UUID, Any]:
        """Return what stands behind *relation*: by its own id, or by the record that has a list of it."""
        if not records:
            return {}
        info = self._registry.entities[records[0].entity]
        query = {"filter": _among([each.id for each in records]), "expand": relation, "limit": ALL}
        found = {UUID(item["id"]): item[relation] for item in self.listed(info.cls, query).items}
        to = self._behind(info, relation)
        if relation in info.links:
            return {id: [self._of_entity(to, end) for end in ends] for id, ends in found.items()}
        ends = [self._of_entity(to, end) for end in found.values() if end is not None]
        return {end.id: end for end in ends}

    def _behind(self, info: Any, relation: str) -> str:
        """Return the entity of the records behind *relation*."""
        leading = [field for field in info.fields.values() if field.relation == relation]
        if not leading:
            ends = self._registry.entities[info.links[relation]].fields.values()
            leading = [f for f in ends if isinstance(f.type, Reference) and f.type.entity not in (info.id, "core.user")]
        entity: str = leading[0].type.entity
        return entity

    # Around records.

    def history(self, stub: Any) -> list[Any]:
        return [_entry(each) for each in self._pages(f"{self._at(stub)}/history")]

    def shares(self, stub: Any) -> list[Any]:
        return [_share(each) for each in self._pages(f"{self._at(stub)}/shares")]

    def _pages(self, path: str, limit: int = 3) -> Iterator[Any]:
        """Yield what the list at *path* has on all of its pages, with few on each, so that there are pages."""
        for page in pages_of(lambda after: self._page_at(path, limit, after)):
            yield from page.items

    def _page_at(self, path: str, limit: int, after: str | None) -> Any:
        return SimpleNamespace(**self.ask("GET", path, {"limit": limit, "cursor": after}))

    def visits(self, stub: Any) -> list[Any]:
        return [SimpleNamespace(**each) for each in self._pages(f"{self._at(stub)}/visits", 1)]

    def sections(self, stub: Any) -> list[Any]:
        return [self._section(each) for each in self.ask("GET", f"{self._at(stub)}/sections")["items"]]

    def _section(self, each: dict[str, Any]) -> Any:
        info = self._registry.entities[each["entity"]]
        return SimpleNamespace(
            section=SimpleNamespace(id=each["id"]), count=each["count"], fields=tuple(each["fields"]),
            measures=each["measures"], records=self._records(info.cls, each["items"]),
        )  # fmt: skip

    def timeline(self, stub: Any, *, limit: int, after: str | None) -> Any:
        return self._line(self.ask("GET", f"{self._at(stub)}/timeline", {"limit": limit, "cursor": after}))

    def _line(self, found: dict[str, Any]) -> Any:
        return SimpleNamespace(entries=[self._happening(each) for each in found["items"]], next=found["next"])

    def _happening(self, each: dict[str, Any]) -> Any:
        return SimpleNamespace(
            kind=each["kind"], at=datetime.fromisoformat(each["at"]),
            record=each["record"] and self._of_entity(each["entity"], each["record"]),
            change=each["change"] and _entry(each["change"]),
            visit=each["visit"] and SimpleNamespace(stage=each["visit"]["stage"]),
        )  # fmt: skip

    def overview(self, stub: Any) -> Any:
        """Return a record with everything around it."""
        found = self.ask("GET", f"{self._at(stub)}/overview", {"limit": ALL})
        return SimpleNamespace(
            record=self._record(type(stub), found["record"]),
            sections=[self._section(each) for each in found["sections"]],
            entries=self._line(found["timeline"]).entries,
        )

    # What is found.

    def search(
        self, text: str, *, entities: Sequence[Any] | None = None, limit: int = 20, after: str | None = None
    ) -> Any:
        names = None if entities is None else ",".join(self._known(entities))
        if names == "":
            return SimpleNamespace(hits=[], next=None)
        query = {"q": text, "entity": names, "limit": min(limit, ALL), "cursor": after}
        found = self.ask("GET", f"{ROOT}/search", query)
        return SimpleNamespace(hits=[self._hit(each) for each in found["items"]], next=found["next"])

    def _known(self, entities: Sequence[Any]) -> Iterator[str]:
        """Yield the ids of those that exist; others must be refused as what nobody declares."""
        for info in map(entity_info, entities):
            if self._exists(info.cls):
                yield info.id
                continue
            told = [self._refusal(name) for name in (info.id, "trade.nosuch")]
            assert told[0].replace(info.id, "trade.nosuch") == told[1], told

    def _refusal(self, entity: str) -> str:
        try:
            self.ask("GET", f"{ROOT}/search", {"q": "a", "entity": entity})
        except RefusedError as error:
            return str(error.answer.json)
        raise AssertionError(f"{entity} is searched, which does not exist")

    def _hit(self, each: dict[str, Any]) -> Any:
        record = self._of_entity(each["entity"], each["record"])
        return SimpleNamespace(
            entity=each["entity"], id=record.id, rank=each["rank"], title=each["title"], record=record,
            snippet=each["snippet"],
        )  # fmt: skip

    def likenesses(self, stub: Any) -> Any:
        """Return what may be the same as a stored record."""
        return self._matches(type(stub), self.ask("GET", f"{self._at(stub)}/matches"))

    def matches_of(self, cls: Any, values: dict[str, Any]) -> Any:
        """Return what may be the same as a new record with *values*."""
        return self._matches(cls, self.ask("POST", f"{self._of(cls)}/matches", (), values))

    def _matches(self, cls: Any, found: dict[str, Any]) -> Any:
        return SimpleNamespace(records=self._records(cls, found["items"]), is_hidden_one=found["is_hidden_one"])

    def get_external(self, cls: Any, system: str, value: str) -> Shown:
        """Return the record that *system* calls *value*."""
        return self._record(cls, self.ask("GET", f"{self._of(cls)}/external/{system}/{value}"))

    # Who may what.

    def explain(self, user: UUID, verb: str, stub: Any) -> Any:
        """Return why *user* may or may not do *verb*."""
        return SimpleNamespace(**self.ask("GET", f"{self._at(stub)}/explain", {"verb": verb, "user_id": user}))

    def explain_entity(self, cls: Any, verb: str) -> Any:
        """Return why one may or may not do *verb* with records of an entity."""
        return SimpleNamespace(**self.ask("GET", f"{self._of(cls)}/explain", {"verb": verb}))

    def told(self, path: str) -> Any:
        """Return what stands at *path*, as JSON."""
        return self.ask("GET", path)


def _entry(each: dict[str, Any]) -> Any:
    return SimpleNamespace(kind=each["kind"], changes={n: (c["old"], c["new"]) for n, c in each["changes"].items()})


def _share(each: dict[str, Any]) -> Any:
    user, team, end = (each[name] for name in ("user_id", "team_id", "ends_at"))
    return SimpleNamespace(
        user_id=user and UUID(user), team_id=team and UUID(team), level=each["level"],
        ends_at=end and datetime.fromisoformat(end),
    )  # fmt: skip


def _among(ids: Sequence[UUID]) -> str:
    return f"id in [{', '.join(json.dumps(str(id)) for id in ids)}]"
