"""The doors over HTTP: those of readers and writers once more, and those that the API has alone."""

from __future__ import annotations

from tests.oracle.doors.rest import around, batches, credentials, discovery, external, lent, lists, passing  # noqa: F401
