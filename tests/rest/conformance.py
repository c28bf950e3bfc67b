"""Asking what an OpenAPI document promises: schemathesis makes the requests, and compares each answer."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import attrs
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import Interaction
from schemathesis.specs.openapi.stateful.dependencies.models import DependencyGraph

from crmkit import CRM, Principal
from crmkit.auth import make_token

__all__ = ["Findings", "Root", "ask", "linked"]

#: Why data of the form that the document gives may be refused all the same: it depends on what is stored, or rules of
#: plugins and pipelines say so. What concerns the form itself (a query, a body, a rule, a field) is not here.
EXCUSED = {
    # A verb takes any whole number where it has a limit.
    "400": {"cursor", "limit", "report", "measure"},
    "401": {"not-signed-in", "sign-in-refused", "signature"},
    # What crmkit alone writes.
    "403": {"forbidden"},
    "404": {"not-found"},
    "409": {"conflict", "idempotency-key-in-use"},
    "410": {"ticket"},
    "412": {"stale", "precondition-failed"},
    "422": set[str](),
    "429": {"too-many-attempts"},
}
# What may be said of data that is not of the form that the document gives.
_REFUSED = ["400", "403", "404", "405", "409", "410", "412", "413", "415", "422", "428"]
_SEEN = {"If-Match": {"enum": ["*"]}, "If-None-Match": {"enum": ['"0"']}}
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
    """What was answered to requests of the form that the document gives, and what was wrong with any answer."""

    statuses: defaultdict[str, Counter[int]] = attrs.field(factory=lambda: defaultdict(Counter))
    failures: list[str] = attrs.field(factory=list)
    requests: int = 0

    def add(self, event: events.ScenarioFinished) -> None:
        recorder = event.recorder
        for id_, interaction in recorder.interactions.items():
            self._note(recorder.cases[id_].value, interaction)
        for case, checks in recorder.checks.items():
            operation = recorder.cases[case].value.operation.label
            for check in checks:
                if (found := check.failure_info) is not None:
                    said = f"{found.failure.title}: {found.failure.message}\n{found.code_sample}"
                    self.failures.append(f"{check.name}: {operation}: {said}"[:1500])

    def _note(self, case: Any, interaction: Interaction) -> None:
        self.requests += 1
        # Whether somebody may ask is a question of its own: such requests are sent without a token.
        if case.meta is None or not case.meta.generation.mode.is_positive or _is_nobody(interaction):
            return
        # What it cannot make up, such as a batch of very long texts, is 0, whatever the form.
        if interaction.request.body == b"0":
            return
        status = interaction.response.status_code if interaction.response else 0
        self.statuses[case.operation.definition.raw["operationId"]][status] += 1
        if status >= 400 and (reason := _unexcused(interaction)):
            self.failures.append(
                f"{case.operation.label}: refused, though it is of the form that is asked for: {reason}"
            )

    @property
    def done(self) -> set[str]:
        """The ids of operations that were done at least once."""
        return {name for name, statuses in self.statuses.items() if any(200 <= each < 300 for each in statuses)}

    @property
    def share(self) -> float:
        """Which part of the requests of the form that the document gives was accepted."""
        every = Counter[bool]()
        for statuses in self.statuses.values():
            for status, number in statuses.items():
                every[status < 400] += number
        return every[True] / max(1, every.total())

    def __iadd__(self, other: Findings) -> Findings:
        for name, statuses in other.statuses.items():
            self.statuses[name] += statuses
        self.failures += other.failures
        self.requests += other.requests
        return self


def _is_nobody(interaction: Interaction) -> bool:
    return interaction.response is not None and interaction.response.status_code == 401


def _unexcused(interaction: Interaction) -> str:
    """Return the problem that an answer tells of, unless it depends on what is stored."""
    assert interaction.response is not None
    problem = interaction.response.json()
    excused = EXCUSED.get(str(interaction.response.status_code))
    code = problem["type"].rpartition(":")[2]
    return "" if excused is not None and (not excused or code in excused) else f"{code}: {problem['detail']}"


def ask(
    app: Any, document: _Schema, headers: Mapping[str, str], phase: str, *, examples: int = 1, seed: int = 1
) -> Findings:
    """Ask *app* everything of *document* in one *phase* of schemathesis."""
    is_simple = not any(path.endswith(("/restore", "/merge")) for path in document["paths"])
    checks = {
        "positive_data_acceptance": {"expected-statuses": ["2xx", "304", *EXCUSED]},
        "negative_data_rejection": {"expected-statuses": ["401", *_REFUSED]},
        # If-Match is asked for with a status of its own (RFC 6585).
        "missing_required_header": {"expected-statuses": ["428"]},
        # They know of no way in which a record comes back, as by restore, or is reached by the address of another one
        # that was made part of it: a document without both is asked as well.
        "use_after_free": {"enabled": is_simple},
        "ensure_resource_availability": {"enabled": is_simple},
    }
    config = {
        "headers": dict(headers),
        "base-url": "http://127.0.0.1",
        "seed": seed,
        "generation": {
            "deterministic": phase != "stateful",
            "no-shrink": True,
            "max-examples": examples,
            "with-security-parameters": False,
        },
        "phases": {name: {"enabled": name == phase} for name in _PHASES} | _stateful(phase),
        "checks": checks,
        "request-timeout": 120,
        "suppress-health-check": ["all"],
        "warnings": False,
        "cache": {"enabled": False},
    }
    schema: Any = schemathesis.openapi.from_dict(_fit(document, phase), config=SchemathesisConfig.from_dict(config))
    schema.app = app
    # Otherwise nothing would begin with creating a record that refers to others, which are there.
    schema.analysis._dependency_graph = DependencyGraph(operations={}, resources={})
    findings = Findings()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            findings.failures.append(f"schemathesis: {event}"[:1500])
        elif isinstance(event, events.ScenarioFinished):
            findings.add(event)
    return findings


def _stateful(phase: str) -> _Schema:
    # Links are those of the document alone.
    return {"stateful": {"enabled": phase == "stateful", "max-steps": 30, "inference": {"algorithms": []}}}


def _fit(document: _Schema, phase: str) -> _Schema:
    """Return *document* with what can be made up in *phase*.

    In the phase of coverage all requests have the same key, which belongs to the first of them, and no header is made
    by a pattern. In a row of requests that go on from each other a place in a list is none that was made up, and what
    was seen is what a link says, or anything. The phase of fuzzing has all of it as it is.
    """
    fitted = copy.deepcopy(document)
    if phase == "fuzzing":
        return fitted
    gone = {"Idempotency-Key", *({"cursor", "If-None-Match"} if phase == "stateful" else ())}
    for operation in _operations(fitted):
        operation["parameters"] = [each for each in operation["parameters"] if each["name"] not in gone]
        if phase == "coverage":
            operation["parameters"] = [
                each for each in operation["parameters"] if each["name"] != "If-Match" or each["required"]
            ]
        for each in operation["parameters"]:
            each["schema"] = _SEEN.get(each["name"], each["schema"])
    return fitted


def linked(document: _Schema) -> set[str]:
    """Return the ids of operations to which a link of *document* leads."""
    answers = (answer for operation in _operations(document) for answer in operation["responses"].values())
    return {link["operationId"] for answer in answers for link in answer.get("links", {}).values()}


def _operations(document: _Schema) -> Iterator[_Schema]:
    return (operation for path in document["paths"].values() for operation in path.values())
