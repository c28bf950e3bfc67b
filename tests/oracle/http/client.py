"""What all requests have in common: where records stand, how they are asked for, and what is made of the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import attrs

from crmkit.core.entity import entity_info
from crmkit.core.representing.plain import from_plain
from crmkit.rest.collections import address_of, exists_for
from tests.oracle.http.caller import Answered, Caller, Query, RefusedError

__all__ = ["ALL", "Client", "Shown"]

#: As many as one page has at most.
ALL = 200


@attrs.frozen
class Shown:
    """A record of *entity* as it came back, with its values as crmkit has them, by the whole names of fields."""

    entity: str
    id: UUID
    version: int
    values: Mapping[str, Any]


class Client:
    """Asks over HTTP what a reader or writer *db* would do; *heard* is everything that came back."""

    def __init__(self, caller: Caller, db: Any) -> None:
        self._caller, self._db = caller, db
        self._registry = db.model.registry
        self.heard: list[Answered] = []
        #: What the ids that were given to new records stand for.
        self.names: dict[UUID, UUID] = {}

    def ask(self, method: str, path: str, query: Query = (), body: Any = None, **headers: str) -> Any:
        """Return the answer to one request as JSON, and keep the whole of it.

        Raises:
            RefusedError: a problem came back.
        """
        return self.ask_whole(method, path, query, body, **headers).json

    def ask_whole(self, method: str, path: str, query: Query = (), body: Any = None, **headers: str) -> Answered:
        """Return the whole answer to one request, as :meth:`ask` does."""
        with self._caller.lent(self._db):
            answer = self._caller(method, path, query, body, **headers)
        self.heard.append(answer)
        return answer

    def _exists(self, cls: Any) -> bool:
        """Return whether there is an address: an entity without grants has none, and a reader finds it empty."""
        if exists_for(self._db.access, self._registry.entities[entity_info(cls).id]):
            return True
        try:
            self.ask("GET", self._of(cls))
        except RefusedError as error:
            if error.code != "not-found":
                raise
            return False
        raise AssertionError("there is something at an address that does not exist")

    # Where things are.

    def _of(self, cls: Any) -> str:
        return address_of(self._registry, entity_info(cls).id)

    def _at(self, stub: Any) -> str:
        return f"{self._of(type(stub))}/{stub.id}"

    # From JSON.

    def _records(self, cls: Any, found: Iterable[dict[str, Any]]) -> list[Shown]:
        return [self._record(cls, each) for each in found]

    def _of_entity(self, entity: str, found: dict[str, Any]) -> Shown:
        return self._record(self._registry.entities[entity].cls, found)

    def _record(self, cls: Any, found: dict[str, Any]) -> Shown:
        values = {}
        for name, value in found.items():
            inner = isinstance(value, dict) and (
                name == "custom" or name in self._registry.extensions.get(entity_info(cls).id, {})
            )
            if inner:
                values |= {f"{name}.{key}": self._value(cls, f"{name}.{key}", each) for key, each in value.items()}
            values |= {} if inner and name != "custom" else {name: value if inner else self._value(cls, name, value)}
        return Shown(entity_info(cls).id, values["id"], values.get("version", 0), values)

    def _value(self, cls: Any, name: str, value: Any) -> Any:
        info = entity_info(cls)
        field: Any = self._registry.fields(info.id).get(name) or info.computed.get(name)
        return value if name == "custom" or field is None else from_plain(field.type, value)
