"""Readers and writers over HTTP: each of their methods as the requests that a client would send."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.oracle.http.client import Shown
from tests.oracle.http.credentials import Credentials
from tests.oracle.http.passing import Passing
from tests.oracle.http.reading import Reading
from tests.oracle.http.reports import Reports
from tests.oracle.http.work import Work
from tests.oracle.http.writing import ANYTHING, Writing

__all__ = ["ANYTHING", "Remote", "Shown"]


class Remote(Reading, Reports, Writing, Passing):
    """What *db* would do, asked for over HTTP; *heard* is everything that came back."""

    @property
    def jobs(self) -> Work:
        """The lease table."""
        return Work(self)

    @property
    def credentials(self) -> Credentials:
        """What users are known by."""
        return Credentials(self)

    @property
    def trusted(self) -> Any:
        """What really is there."""
        return self._db.trusted

    @property
    def now(self) -> datetime:
        moment: datetime = self._db.now
        return moment
