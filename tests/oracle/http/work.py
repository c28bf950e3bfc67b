"""Jobs, as they are listed, looked at and ended over HTTP."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from crmkit.rest.collections import ROOT
from tests.oracle.http.client import ALL, Client

__all__ = ["Work"]

_JOBS = f"{ROOT}/jobs"


class Work:
    """The lease table, as *client* asks for it."""

    def __init__(self, client: Client) -> None:
        self._ask = client.ask

    def find(self, *, state: str | None = None, limit: int) -> list[Any]:
        return [_job(each) for each in self._ask("GET", _JOBS, {"state": state, "limit": limit})["items"]]

    def count(self, state: str) -> int:
        return len(self.find(state=state, limit=ALL))

    def get(self, id: UUID) -> Any:
        return _job(self._ask("GET", f"{_JOBS}/{id}"))

    def cancel(self, id: UUID) -> Any:
        return _job(self._ask("POST", f"{_JOBS}/{id}/cancel"))

    def retry(self, id: UUID) -> Any:
        return _job(self._ask("POST", f"{_JOBS}/{id}/retry"))


def _job(each: dict[str, Any]) -> Any:
    return SimpleNamespace(**each | {"id": UUID(each["id"])})
