"""From the rows of published versions to the pipelines of a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.definitions import Definitions
from crmkit.core.errors import CrmkitError
from crmkit.core.pipelines import PastPipeline, Pipeline, Stage
from crmkit.core.publishing.written import read_pipeline
from crmkit.core.registry import Claim
from crmkit.core.storage.schema import Schema
from crmkit.core.text import Text

__all__ = ["PIPELINES"]


def _read(connection: Connection, schema: Schema) -> Iterable[Claim]:
    version = schema.tables["core_pipeline_version"]
    columns = (version.c.pipeline, version.c.number, version.c.definition)
    published = version.c.deleted_at.is_(None), version.c.published_at.is_not(None)
    rows = connection.execute(sa.select(*columns).where(*published).order_by(version.c.pipeline, version.c.number))
    for _pipeline, versions in groupby(rows.all(), key=lambda row: row.pipeline):
        yield from _claims(list(versions))


def _claims(rows: list[Any]) -> Iterator[Claim]:
    *past, newest = [_pipeline(row) for row in rows]
    plugin = newest.id.partition(".")[0]
    yield from (Claim(plugin, PastPipeline(pipeline)) for pipeline in past)
    yield Claim(plugin, newest)


def _pipeline(row: Any) -> Pipeline:
    try:
        return read_pipeline(row.definition, row.number)
    except CrmkitError:
        # It fits nowhere, so it is left out and reported.
        return Pipeline(row.pipeline, "", Text(row.pipeline), [Stage("unreadable", Text(row.pipeline))], [], row.number)


PIPELINES = Definitions(frozenset({"core.pipeline_version"}), _read)
