"""Asking what an OpenAPI document promises: schemathesis makes the requests, and compares each answer."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import attrs
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from crmkit import CRM, CrmkitError, Principal
from crmkit.auth import make_token
from crmkit.rest.app import DOORS, build_app
from crmkit.rest.collections import address_of
from crmkit.rest.openapi.document import openapi_document
from crmkit.testing.factories import Factory

#: What may be refused although the document allows it: rules are a language of their own, versions go on, stages
#: forbid moves, and records that are referred to exist or not.
REFUSED = ["400", "403", "404", "405", "409", "412", "413", "415", "422", "428", "429"]
# What is likely to be accepted, where the document says that any text is.
_LIKELY: dict[str, list[str]] = {
    "filter": ["", "version >= 1", "version > 3 || id == null"],
    "order_by": ["", "id", "-id", "-version,id"],
    "measures": ["", "count", "count,min.version,max.version"],
    "group_by": ["", "version"],
}
_PHASES = ("examples", "coverage", "fuzzing", "stateful")
_Schema = dict[str, Any]


class Root:
    """An administrator, and a token with which everything may be asked."""

    def __init__(self, crm: CRM, principal: Principal) -> None:
        self.principal, user = principal, principal.user_id
        with crm.system("test") as db:
            end = db.now + timedelta(days=1)
            self.token = make_token(db, "conformance", scopes=["*:write"], user=user, expires_at=end).text

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@attrs.define
class Findings:
    """How many answers of each status there were, and what was wrong with which."""

    statuses: Counter[int] = attrs.field(factory=Counter)
    failures: list[str] = attrs.field(factory=list)

    def add(self, event: events.ScenarioFinished) -> None:
        recorder = event.recorder
        for interaction in recorder.interactions.values():
            self.statuses[interaction.response.status_code if interaction.response else 0] += 1
        for case, checks in recorder.checks.items():
            operation = recorder.cases[case].value.operation.label
            for check in checks:
                if (found := check.failure_info) is not None:
                    self.failures.append(
                        f"{check.name}: {operation}: {found.failure.message}\n{found.code_sample}"[:1500]
                    )


def ask(crm: CRM, root: Root, phase: str, *, examples: int, at: str = "") -> Findings:
    """Ask everything at addresses with *at*, a regular expression, in one *phase* of schemathesis."""
    config = {
        "headers": root.headers,
        "base-url": "http://127.0.0.1",
        "generation": {"deterministic": True, "no-shrink": True, "max-examples": examples},
        "phases": {name: {"enabled": name == phase} for name in _PHASES},
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", *REFUSED]},
            "negative_data_rejection": {"expected-statuses": REFUSED},
            "missing_required_header": {"expected-statuses": REFUSED},
        },
        # Whoever shows no signature, or no session, is nobody; a ticket is none any more.
        "operations": [
            {
                "include-path-regex": "/(inbound|sign-in)",
                "checks": {
                    "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "410", *REFUSED]},
                    "negative_data_rejection": {"expected-statuses": ["401", *REFUSED]},
                },
            }
        ],
        "suppress-health-check": ["all"],
        "cache": {"enabled": False},
    }
    schema = schemathesis.openapi.from_dict(_document(crm, root), config=SchemathesisConfig.from_dict(config))
    schema.app = build_app(crm)
    findings = Findings()
    for event in from_schema(schema.include(path_regex=at)).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            findings.failures.append(f"schemathesis: {event}"[:1500])
        elif isinstance(event, events.ScenarioFinished):
            findings.add(event)
    return findings


def _document(crm: CRM, root: Root) -> _Schema:
    """Return the document as the server gives it, with what it cannot know of likely values."""
    with crm.read(root.principal) as db:
        document = json.loads(openapi_document(db.access, DOORS))
    known = _records(crm)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for each in operation["parameters"]:
                some = (
                    known.get(path.split("/{record}")[0], []) if each["name"] == "record" else _LIKELY.get(each["name"])
                )
                each["schema"] = _likely(each["schema"], some)
    return document


def _likely(schema: _Schema, some: list[str] | None) -> _Schema:
    return {"type": "string", "enum": [*some, "nosuch"]} if some else schema


def _records(crm: CRM) -> dict[str, list[str]]:
    """Make records of as many entities as possible, and return the ids by the addresses of collections."""
    made, factory = dict[str, list[str]](), Factory(crm)
    for info in crm.registry.entities.values():
        try:
            records = factory.make_many(3, info.cls)
        except CrmkitError:
            # Its plugin asks for more than any values.
            continue
        made[address_of(crm.registry, info.id)] = [str(record.id) for record in records]
    return made
