"""An OpenAPI document with what only one CRM knows: records that are there, so that most requests are accepted."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from typing import Any

import attrs

from crmkit import CRM, CrmkitError
from crmkit.core import fields
from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.policy.access import Access
from crmkit.rest.app import DOORS
from crmkit.rest.collections import address_of
from crmkit.rest.openapi.document import openapi_document
from crmkit.rest.openapi.schemas import name_of
from crmkit.testing.factories import Factory

__all__ = ["Known", "Schema", "known", "pruned"]

Schema = dict[str, Any]
_NOBODIES = [f"01900000-0000-7000-8000-00000000000{number}" for number in range(6)]
# What is likely to be accepted, where the document says that any text is.
_LIKELY: dict[str, list[str]] = {
    "filter": ["", "true", "false", "version >= 1", "version > 3 || id == null"],
    "order_by": ["", "id", "-id", "-version,id"],
    "fields": ["", "id", "version,updated_at"],
    "measures": ["count", "count,min.version,max.version"],
    "group_by": ["version"],
    "verb": ["read", "update"],
    "starts": ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z,2026-02-01T00:00:00Z"],
    "percents": ["50", "10,90"],
}
_NONE = {"type": "null"}
# Types of fields of which a schema says what is accepted.
_SAID_WELL = {
    fields.Boolean, fields.Choice, fields.Date, fields.DateTime, fields.Decimals, fields.Integer, fields.LongText,
    fields.MultiChoice, fields.Percent, fields.Text,
}  # fmt: skip


@attrs.define
class Known:
    """The *document* of a CRM as whoever may do everything reads it, with *records* by entity."""

    document: Schema
    records: dict[str, list[str]]
    _bases: dict[str, str]

    def entities_of(self, plugin: str) -> list[str]:
        """Return the entities of *plugin*."""
        return [entity for entity in self._bases if entity.partition(".")[0] == plugin]

    def about(self, entity: str) -> Schema:
        """Return the document of the records of *entity* alone."""
        base = self._bases[entity]
        return self.of(lambda path: path == base or path.startswith(f"{base}/"))

    def beside(self) -> Schema:
        """Return the document of all that concerns no records of one entity: jobs, verbs, search, and the like."""
        bases = tuple(self._bases.values())
        return self.of(lambda path: not path.startswith(bases) and "/sign-in" not in path)

    def of(self, wanted: Callable[[str], bool]) -> Schema:
        """Return the document of the addresses that are *wanted*, with the links between them."""
        paths = {path: copy.deepcopy(each) for path, each in self.document["paths"].items() if wanted(path)}
        return pruned({**copy.deepcopy({**self.document, "paths": {}}), "paths": paths})


def pruned(document: Schema) -> Schema:
    """Return *document* without the links to what is not in it."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    there = {operation["operationId"] for operation in operations}
    for operation in operations:
        for answer in operation["responses"].values():
            links = {name: link for name, link in answer.pop("links", {}).items() if link["operationId"] in there}
            answer |= {"links": links} if links else {}
    return document


def _takes_none(schema: Schema) -> bool:
    return "null" in schema.get("type", ()) or any(map(_takes_none, schema.get("anyOf", ())))


def _some_of(*names: str) -> Schema:
    return {"anyOf": [{"type": "array", "items": {"enum": list(names)}}, {"type": "null"}]}


def known(crm: CRM, access: Access) -> Known:
    """Make records in *crm*, and return its document with their ids in the places where they belong."""
    document = json.loads(openapi_document(access, DOORS))
    records = dict(_records(crm))
    bases = {info.id: address_of(crm.registry, info.id) for info in crm.registry.entities.values()}
    for operations in document["paths"].values():
        for operation in operations.values():
            for each in operation["parameters"]:
                if each["name"] in _LIKELY:
                    each["schema"] = {"type": "string", "enum": _LIKELY[each["name"]]}
    for way in ("invitation", "password-reset"):
        asked = document["paths"][f"/api/v1/sign-in/users/{{record}}/{way}"]["post"]["parameters"]
        asked[0]["schema"] = {"enum": records["core.user"]}
    tomorrow = (crm.clock.now() + timedelta(days=1)).isoformat()
    document["components"]["schemas"]["NewToken"]["properties"] |= {
        "scopes": {"type": "array", "items": {"enum": ["core:read", "*:write"]}, "minItems": 1},
        "user_id": _NONE,
        "expires_at": {"enum": [tomorrow]},
    }
    for info in crm.registry.entities.values():
        _Filling(document, crm, info, records, bases[info.id]).fill()
    return Known(document, records, bases)


def _records(crm: CRM) -> Iterator[tuple[str, list[str]]]:
    factory = Factory(crm)
    for info in crm.registry.entities.values():
        try:
            yield info.id, [str(record.id) for record in factory.make_many(6, info.cls)]
        except CrmkitError:
            # Its plugin asks for more than any values.
            continue


@attrs.define
class _Filling:
    """What is put into *document* for one entity."""

    document: Schema
    crm: CRM
    info: EntityInfo
    records: dict[str, list[str]]
    base: str
    factory: Factory = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.factory = Factory(self.crm)

    def fill(self) -> None:
        for form in ("New", "Patch"):
            self._fill_values(self.document["components"]["schemas"][name_of(self.info.id) + form]["properties"])
        for path, operations in self.document["paths"].items():
            if path == self.base or path.startswith(f"{self.base}/"):
                for operation in operations.values():
                    self._fill_operation(path.rpartition("/")[2], operation)

    def _fill_values(self, properties: Schema, *, but: Collection[str] = ()) -> None:
        for field in self.info.fields.values():
            if field.name in properties and field.name not in but:
                properties[field.name] = self._filled(field, properties[field.name])

    def _filled(self, field: FieldInfo, schema: Schema) -> Schema:
        """Return *schema* of a *field*; where it leads to records, or is money, with what is there."""
        if field.name == "pipeline":
            return {"enum": [*(each.id for each in self.crm.registry.pipelines_of(self.info.id)), None]}
        if isinstance(field.type, fields.Reference):
            values: list[Any] = list(self.records.get(field.type.entity, ()))
        elif isinstance(field.type, fields.AnyReference):
            targets = self.crm.registry.targets(field.type)
            values = [{"entity": each.id, "id": id_} for each in targets for id_ in self.records.get(each.id, ())[:1]]
        elif isinstance(field.type, fields.MoneyType):
            currency = self.crm.registry.currency
            values = [{"amount": amount, "currency": currency} for amount in ("0", "1200.50", "-3")]
        else:
            values = self._made(field)
        return {"enum": [*values, *([None] if _takes_none(schema) else [])]} if values else schema

    def _made(self, field: FieldInfo) -> list[Any]:
        """Return values of a *field* for which a schema says too little, such as a telephone number."""
        if type(field.type) in _SAID_WELL:
            return []
        makers = (self.factory.makers.get(kind) for kind in type(field.type).__mro__)
        made = [maker(self.factory, field, number) for maker in makers if maker for number in (1, 2)][:2]
        return list(dict.fromkeys(each for each in made if isinstance(each, str)))

    def _fill_operation(self, verb: str, operation: Schema) -> None:
        known = {
            "record": self._of_its_own(verb, operation),
            "expand": [*self._relations(), ""],
            "user_id": self.records["core.user"],
            "sum": [field.name for field in self.info.fields.values() if isinstance(field.type, fields.MoneyType)],
        }
        if not known["sum"]:
            operation["parameters"] = [each for each in operation["parameters"] if each["name"] != "sum"]
        for each in operation["parameters"]:
            if some := known.get(each["name"]):
                each["schema"] = {"type": "string", "enum": some}
        for name, body in operation.get("requestBody", {"content": {}})["content"].items():
            if verb == "matches":
                # What it looks for is in no pipeline yet, nor need its content be there.
                self._fill_values(body["schema"]["properties"], but=("pipeline", "content_hash"))
            if verb == "batch":
                self._fill_batch(body["schema"]["properties"]["items"])
            reference = body["schema"].get("$ref", "").rpartition("/")[2]
            more = self._arguments().get(reference)
            if more:
                schema = copy.deepcopy(self.document["components"]["schemas"][reference])
                schema["properties"] |= more
                operation["requestBody"]["content"][name] = {"schema": schema}

    def _of_its_own(self, verb: str, operation: Schema) -> list[str]:
        """Return ids of records for an operation; others than for most where it takes away what the others need."""
        mine = self.records.get(self.info.id, [])
        taken = operation["operationId"].startswith("delete_") or verb in ("merge", "unmerge", "restore")
        return mine[3:] if taken else mine[:3]

    def _fill_batch(self, items: Schema) -> None:
        items["maxItems"] = 3
        for each in items["items"]["oneOf"]:
            mine = self.records.get(self.info.id, _NOBODIES)
            goes = each["properties"]["op"] == {"const": "delete"}
            arguments = self._arguments()["Transfer"] | {"id": {"enum": mine[5:] if goes else mine[:3]}}
            arguments |= {"stage": {"enum": self._stages() or ["nosuch"]}, "reason": _NONE}
            each["properties"] |= {name: schema for name, schema in arguments.items() if name in each["properties"]}

    def _arguments(self) -> dict[str, Schema]:
        """Return what the bodies of operations have, by their forms."""
        users, mine = self.records["core.user"], self.records.get(self.info.id, [])[3:]
        return {
            "Move": {
                "stage": {"enum": [*self._stages(), "nosuch"]},
                "pipeline": _NONE,
                "reason": _NONE,
            },
            "Transfer": {"owner_id": {"enum": [*users, None]}, "team_id": _NONE},
            "NewShare": {"user_id": {"enum": users}, "team_id": _NONE},
            "Export": {
                "filter": {"enum": [*(each for each in _LIKELY["filter"] if each), None]},
                "fields": _some_of("id", "version"),
                "order_by": _some_of("id", "-version"),
            },
            "Merge": {
                "losers": {"type": "array", "items": {"enum": mine or users}, "minItems": 1, "maxItems": 1},
                "versions": {"type": "object", "additionalProperties": False},
                "choose": {"type": "object", "additionalProperties": False},
                "values": {"type": "object", "additionalProperties": False},
            },
        }

    def _relations(self) -> list[str]:
        ends = [field.relation for field in self.info.fields.values() if isinstance(field.type, fields.Reference)]
        return [relation for relation in ends if relation]

    def _stages(self) -> list[str]:
        return sorted({stage.slug for each in self.crm.registry.pipelines_of(self.info.id) for stage in each.stages})
