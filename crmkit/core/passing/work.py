"""Exports and imports as jobs: what they are asked for, with the rights and scopes of who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs

from crmkit.core.jobs.job import Job

if TYPE_CHECKING:
    from crmkit.core.jobs.context import WorkContext

__all__ = ["EXPORT", "IMPORT", "IMPORT_DRY_RUN", "PASSING_WORK", "ExportWork", "ImportWork"]

_LIMIT = timedelta(hours=12)


@attrs.frozen
class ExportWork:
    """What is exported, and how; see :func:`crmkit.transfer.exporting.export`."""

    entity: str
    format: str
    name: str
    where: str | None = None
    fields: tuple[str, ...] | None = None
    order_by: tuple[str, ...] | None = None


@attrs.frozen
class ImportWork:
    """A *plan*, in TOML, and the uploads that stand for its files, by their names."""

    plan: str
    files: Mapping[str, UUID]


def _of_transfer(name: str) -> Callable[[WorkContext, Any], object]:
    """Return the handler *name* of the package that reads and writes files, which is loaded when there is work."""

    def work(context: WorkContext, arguments: Any) -> None:
        getattr(import_module("crmkit.transfer.jobs"), name)(context, arguments)

    return work


EXPORT = Job("core.export", _of_transfer("do_export"), ExportWork, time_limit=_LIMIT, tries=3, priority="low")
IMPORT = Job("core.import", _of_transfer("do_import"), ImportWork, time_limit=_LIMIT, tries=5, priority="low")
IMPORT_DRY_RUN = Job(
    "core.import_dry_run", _of_transfer("do_dry_run"), ImportWork, time_limit=_LIMIT, tries=5, priority="low"
)
PASSING_WORK = (EXPORT, IMPORT, IMPORT_DRY_RUN)
