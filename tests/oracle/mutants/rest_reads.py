"""Faults in what the HTTP API reads beside records: reports, search, what there is at all, other systems' names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from crmkit import CRM
from crmkit.core.errors import ForbiddenError, NotFoundError
from crmkit.core.flow import board, conversion
from crmkit.core.policy.principal import Principal
from crmkit.rest import conditions
from crmkit.rest.live import listening
from crmkit.rest.openapi import document
from crmkit.rest.queries import EVERYTHING, ListQuery, Shown
from crmkit.rest.reports import flow
from crmkit.rest.resources import addresses, around, explaining, external, listing, merging
from crmkit.rest.transfers import exports, imports
from crmkit.transfer import jobs as transfer_jobs
from tests.oracle.mutants.rest import asked, handled, trusting
from tests.oracle.mutants.seeding import mutant


@mutant("http_search")
def search_over_http_is_that_of_the_system():
    yield trusting("search")


@mutant("http_boards")
def board_over_http_is_that_of_the_system():
    yield trusting("board")


@mutant("http_boards")
def board_over_http_adds_nothing_up():
    yield flow, "board", lambda db, cls, pipeline, amount, where: board(db, cls, pipeline, where=where)


@mutant("http_funnels_of_the_past")
def funnel_over_http_is_that_of_now():
    original = flow.funnel
    yield flow, "funnel", lambda *given, at, **more: original(*given, at=None, **more)


@mutant("http_cycles", steps=["move"] * 8)
def cycle_times_over_http_are_those_of_the_system():
    yield trusting("cycle_times")


@mutant("http_conversions", steps=["move"] * 8)
def conversion_over_http_begins_with_the_second_period():
    yield flow, "conversion", lambda db, cls, starts, *more, **how: conversion(db, cls, starts[1:], *more, **how)


@mutant("http_visits")
def visits_over_http_are_those_of_the_system():
    yield trusting("visits")


@mutant("http_visits", steps=["move"] * 4)
def visits_over_http_begin_anew_on_each_page():
    yield around, "_position", lambda cursor: 0


@mutant("http_visits", steps=["move"] * 4)
def visits_over_http_end_with_the_first_page():
    original = around.page_reply

    def page_reply(call, found, asked, shown, mark):
        return original(call, found[: asked.limit], asked, shown, mark)

    yield around, "page_reply", page_reply


@mutant("http_overview")
def overview_over_http_is_that_of_the_system():
    yield trusting("overview")


@mutant("http_exported")
def export_over_http_is_that_of_the_system():
    yield trusting("export")


@mutant("http_exported")
def export_over_http_forgets_the_filter():
    original = exports._Asked.of.__func__  # type: ignore[attr-defined]
    yield exports._Asked, "of", classmethod(lambda cls, *asked: attrs.evolve(original(cls, *asked), where=None))


@mutant("http_exported_by_job")
def export_by_a_job_is_done_as_the_system():
    original = transfer_jobs.export
    yield transfer_jobs, "export", lambda db, *asked, **how: original(db.trusted, *asked, **how)


@mutant("http_exported_by_job")
def export_by_a_job_is_enqueued_unasked():
    yield exports, "check_export", lambda *asked, **how: None


@mutant("http_imported")
def import_by_a_job_is_enqueued_unasked():
    yield imports, "bind", lambda plan, registry, access: ()


@mutant("http_imported")
def import_by_a_job_counts_what_it_refuses_as_done():
    original = transfer_jobs.run_import

    def run_import(*asked, **how):
        report = original(*asked, **how)
        for file in report.files:
            file.rejected = 0
        return report

    yield transfer_jobs, "run_import", run_import


def _only_tried(change: Callable[..., Any]) -> tuple[Any, str, Any]:
    """Return the replacement of what runs imports, in which *change* makes the report of a dry run."""
    original = transfer_jobs.run_import

    def run_import(*asked, dry_run, **how):
        return change(original, asked, how) if dry_run else original(*asked, dry_run=False, **how)

    return transfer_jobs, "run_import", run_import


@mutant("http_import_tried")
def dry_run_of_an_import_is_kept():
    def change(original, asked, how):
        report = original(*asked, dry_run=False, **how)
        report.dry_run = True
        return report

    yield _only_tried(change)


@mutant("http_import_tried")
def dry_run_of_an_import_tells_of_new_records_as_of_changed_ones():
    def change(original, asked, how):
        report = original(*asked, dry_run=True, **how)
        for step in report.steps:
            step.created, step.updated = step.updated, step.created
        return report

    yield _only_tried(change)


@mutant("http_import_tried")
def dry_run_of_an_import_keeps_no_error_file():
    yield _only_tried(lambda original, asked, how: original(*asked, dry_run=True, **{**how, "errors": None}))


@mutant("http_import_tried")
def dry_run_of_an_import_is_enqueued_unasked():
    yield imports, "bind", lambda plan, registry, access: ()


@mutant("http_events")
def events_that_were_missed_are_told_as_to_the_system():
    def page(self, after):
        with self.crm.read(self.principal) as db:
            return db.trusted.events(after=after)

    yield listening.Listening, "_page", page


@mutant("http_live_events")
def live_events_are_told_as_to_the_system():
    original = CRM.events_for

    def events_for(self, principals, *, after, **how):
        everything = Principal(None, "system", "fault")
        told = original(self, [everything], after=after, **how)
        return attrs.evolve(told, told=dict.fromkeys(principals, told.told.get(everything, [])))

    yield CRM, "events_for", events_for


@mutant("http_shares", steps=["share"] * 4)
def shares_over_http_are_those_of_the_system():
    yield trusting("list shares")


def _representing(change: Any) -> Any:
    original = listing.represented
    return listing, "represented", lambda db, records, **shown: change(original, db, records, **shown)


@mutant("http_expand")
def expanding_over_http_shows_what_the_system_sees():
    def change(original, db, records, *, fields, expand):
        return original(db.trusted if expand else db, records, fields=fields, expand=expand)

    yield _representing(change)


@mutant("http_fields")
def fields_over_http_are_forgotten():
    yield ListQuery, "of", asked(shown=EVERYTHING)


@mutant("http_fields")
def fields_over_http_may_be_any():
    def change(original, db, records, *, fields, expand):
        stored = [db.trusted.get(type(record), record.id) for record in records]
        return original(db.trusted, stored, fields=fields, expand=expand)

    yield Shown, "check", lambda *_of: None
    yield _representing(change)


@mutant("http_simple_conditions")
def simple_form_takes_unequal_for_equal():
    yield conditions, "_OPERATORS", {**conditions._OPERATORS, "ne": conditions._OPERATORS[""]}


@mutant("http_simple_conditions")
def simple_form_has_one_condition():
    original = ListQuery.of.__func__  # type: ignore[attr-defined]
    yield (
        ListQuery,
        "of",
        classmethod(lambda cls, db, info, given: original(cls, db, info, [*list(given)[:1], ("count", "true")])),
    )


@mutant("http_likenesses")
def likenesses_over_http_are_those_of_the_system():
    yield trusting("matches")


@mutant("http_likenesses")
def likenesses_of_a_new_record_are_those_of_the_system():
    yield trusting("find matches")


@mutant("http_get_external", steps=["give"] * 6)
def external_id_over_http_leads_to_whatever_there_is():
    yield trusting("get by external id")


@mutant("http_put_external", steps=["give"] * 6)
def put_by_an_external_id_always_creates():
    yield external, "_known", lambda db, call, info: None


@mutant("http_put_external")
def put_by_an_external_id_forgets_the_id():
    yield external, "_created", lambda db, call, info: db.create(_new(db, call, info))


def _new(db: Any, call: Any, info: Any) -> Any:
    return external.new_record(info, external.read_values(db, info.cls, call.json(external.MERGE_PATCH)))[0]


@mutant("http_jobs")
def jobs_over_http_are_those_of_everybody():
    yield trusting("list jobs")


@mutant("http_job_changes")
def job_that_is_not_seen_is_forbidden_over_http():
    def change(handler):
        def changed(call):
            try:
                return handler(call)
            except NotFoundError:
                raise ForbiddenError("core.job", "update") from None

        return changed

    yield handled("cancel job", change)


@mutant("http_explain")
def explanation_over_http_is_always_about_oneself():
    original = explaining._explained
    yield (
        explaining,
        "_explained",
        lambda call, asked, subject: original(call, explaining.Question(asked.verb), subject),
    )


@mutant("http_entities")
def entities_over_http_are_those_of_the_system():
    yield trusting("list entities")


@mutant("http_who_one_is")
def who_one_is_is_what_the_system_sees():
    yield trusting("get me")


@mutant("http_openapi")
def openapi_document_is_that_of_the_system():
    yield trusting("get openapi document")


@mutant("http_openapi")
def openapi_document_has_every_entity():
    yield document, "exists_for", lambda access, info: True


@mutant("http_verb_that_reads")
def verb_over_http_reads_as_the_system():
    yield trusting("verb")


@mutant("http_merge_preview", steps=["merge"] * 2)
def merge_preview_over_http_shows_what_the_system_sees():
    original = merging._told
    yield merging, "_told", lambda db, plan: original(db.trusted, plan)


@mutant("http_merge", "http_update", "http_delete", steps=["merge"] * 4)
def write_under_the_id_of_a_merged_record_goes_where_it_went():
    yield addresses, "is_called", lambda info, record, reference: True
