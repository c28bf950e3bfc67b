"""Faults in exports as workbooks, which no other format has."""

from __future__ import annotations

from crmkit.transfer import jobs as transfer_jobs
from crmkit.transfer.writers import XlsxWriter
from tests.oracle.mutants.rest import Trusting, handled
from tests.oracle.mutants.seeding import mutant


@mutant("exported", "http_exported", "http_exported_by_job")
def workbook_has_no_zeros():
    original = XlsxWriter.write
    yield XlsxWriter, "write", lambda self, row: original(self, [value or None for value in row])


@mutant("exported", "http_exported", "http_exported_by_job")
def workbook_closes_gaps():
    original = XlsxWriter.write
    yield XlsxWriter, "write", lambda self, row: original(self, [value for value in row if value is not None])


@mutant("http_exported")
def workbook_over_http_is_that_of_the_system():
    def change(handler):
        return lambda call: handler(Trusting(call) if ("format", "xlsx") in call.arguments else call)

    yield handled("export", change)


@mutant("http_exported_by_job")
def workbook_by_a_job_forgets_the_filter():
    original = transfer_jobs.export

    def export(db, entity, file, *, where, format, **how):
        return original(db, entity, file, where=None if format == "xlsx" else where, format=format, **how)

    yield transfer_jobs, "export", export
