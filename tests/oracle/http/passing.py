"""Files and events, as they pass over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import IO, Any
from uuid import UUID

import attrs

from crmkit.core.reading.external import find_external
from crmkit.rest.collections import ROOT
from crmkit.transfer.exporting import export
from crmkit.transfer.report import COUNTED
from tests.oracle.http.client import Client

__all__ = ["Imported", "Passing"]

_PLAN = """
name = "rows"
system = "{system}"

[[step]]
file = "rows.csv"
entity = "{entity}"
external_id = "{{key}}"

[step.fields]
{fields}
"""


@attrs.frozen
class Imported:
    """What is told of an import: how many rows are refused, what became of all, first problems, and error files."""

    refused: int
    counts: Mapping[str, int]
    problems: Sequence[Mapping[str, Any]]
    errors: tuple[bytes, ...]


class Passing(Client):
    """Exports, imports, and live events."""

    def export(
        self, cls: Any, file: IO[bytes], *, where: str | None, fields: Sequence[str], order_by: str, format: str
    ) -> None:
        if not self._exists(cls):
            export(self._db, cls, file, where=where, fields=fields, order_by=order_by, format=format)
            return
        asked = {"filter": where, "fields": ",".join(fields), "order_by": order_by, "format": format}
        file.write(self.ask_whole("GET", f"{self._of(cls)}/export", asked).body)

    def export_by_job(
        self, cls: Any, file: IO[bytes], *, where: str | None, fields: Sequence[str], order_by: str, format: str
    ) -> None:
        """Have a worker export, and fetch its file."""
        if not self._exists(cls):
            self._db.check_export(cls)
        asked = {"filter": where, "fields": list(fields), "order_by": [order_by], "format": format}
        files = self._done(self.ask("POST", f"{self._of(cls)}/exports", (), asked))["files"]
        file.write(self.ask_whole("GET", files[0]["address"]).body)

    def import_rows(
        self, entity: str, system: str, rows: Mapping[str, Mapping[str, str]], ids: Mapping[str, UUID]
    ) -> Imported:
        """Have a worker import *rows* by their external ids, which stand for *ids*; return what it tells."""
        plan, table = _written(entity, system, rows)
        sent = {"content_type": "application/octet-stream"}
        file = self.ask("POST", f"{ROOT}/uploads", {"name": "rows.csv"}, table, **sent)
        told = self._told(self.ask("POST", f"{ROOT}/imports", (), {"plan": plan, "files": {"rows.csv": file["id"]}}))
        info = self._registry.entities[entity]
        known = find_external(self._db.trusted, system, info, list(rows))
        self.names |= {found.record_id: ids[key] for key, found in known.items()}
        return told

    def try_rows(self, entity: str, system: str, rows: Mapping[str, Mapping[str, str]]) -> Imported:
        """Have a worker find out what :meth:`import_rows` would do, asked by a form; return what it tells."""
        plan, table = _written(entity, system, rows)
        parts = {'name="plan"': plan.encode(), 'name="file"; filename="rows.csv"': table, 'name="dry_run"': b"true"}
        form = b"".join(
            b"--next\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (name.encode(), content)
            for name, content in parts.items()
        )
        sent = {"content_type": "multipart/form-data; boundary=next"}
        return self._told(self.ask("POST", f"{ROOT}/imports", (), form + b"--next--\r\n", **sent), dry_run=True)

    def _told(self, job: dict[str, Any], *, dry_run: bool = False) -> Imported:
        done = self._done(job)
        errors = tuple(self.ask_whole("GET", each["address"]).body for each in done["files"])
        report = done["report"]
        assert report["dry_run"] == dry_run, report
        (step,), (file,) = report["steps"], report["files"]
        return Imported(file["rejected"], {name: step[name] for name in COUNTED}, report["problems"], errors)

    def _done(self, job: dict[str, Any]) -> dict[str, Any]:
        """Return *job* when it is done."""
        self._caller.work(self._db, UUID(job["id"]))
        done: dict[str, Any] = self.ask("GET", f"{ROOT}/jobs/{job['id']}")
        assert done["state"] == "done", done
        return done

    # Live events.

    def events(self, *, after: int | None = None, limit: int = 0) -> Any:
        """Return the page of everything behind *after*; without, where everything ends."""
        end = self._db.events().position
        told = [] if after is None else self._heard(after, end)
        return SimpleNamespace(events=told, position=end)

    def live_events(self) -> list[Any]:
        """Return what is told to somebody who listened from the beginning."""
        return self._heard(None, self._db.events().position)

    def _heard(self, after: int | None, end: int) -> list[Any]:
        answer = self._caller.listen(self._db, after, end)
        self.heard.append(answer)
        assert (answer.status, dict(answer.headers)[b"content-type"]) == (200, b"text/event-stream"), answer
        return [_event(each) for each in answer.body.decode().split("\n\n") if "event: change" in each]


def _written(entity: str, system: str, rows: Mapping[str, Mapping[str, str]]) -> tuple[str, bytes]:
    """Return the plan that imports *rows*, and the file that has them."""
    names = list(next(iter(rows.values())))
    lines = [",".join(["key", *names]), *(",".join([key, *row.values()]) for key, row in rows.items())]
    fields = "\n".join(f'"{name}" = "{name}"' for name in names)
    return _PLAN.format(entity=entity, system=system, fields=fields), "\n".join(lines).encode()


def _event(message: str) -> Any:
    lines = dict(line.split(": ", 1) for line in message.splitlines())
    body = json.loads(lines["data"])
    assert int(lines["id"]) == body["position"], message
    return SimpleNamespace(
        position=body["position"], at=body["at"], entity=body["entity"], record_id=body["id"], kind=body["kind"],
        changed=tuple(body["changed"]), events=tuple(body["events"]),
    )  # fmt: skip
