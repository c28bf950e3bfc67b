"""Faults in what is shown around a record: sections and time lines."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.reading import section_lists, timeline
from crmkit.core.reading.reader import Reader
from crmkit.core.reading.routes import Routes
from tests.oracle.mutants.seeding import mutant

_AROUND = ("sections", "timeline")
_LONG = ["wait"] * 12


@mutant(*_AROUND, steps=_LONG)
def routes_lead_over_invisible_records():
    yield Routes, "_is_shown", lambda self, info, table: sa.true()


@mutant(*_AROUND, steps=_LONG)
def routes_lead_over_hidden_fields():
    yield Routes, "_reads", lambda self, info, field: True


@mutant("sections")
def sections_show_what_is_invisible():
    original = section_lists._conditions

    def conditions(rows, ids, where):
        kept = list(original(rows, ids, where))
        return iter([*kept[:2], *kept[3:]])

    yield section_lists, "_conditions", conditions


@mutant("sections", steps=_LONG)
def sections_are_narrowed_and_sorted_by_hidden_fields():
    yield section_lists, "FieldScope", lambda registry, info, access=None: FieldScope(registry, info)


@mutant("sections", steps=_LONG)
def sections_tell_the_names_of_hidden_fields():
    original = section_lists._part

    def part(section, info, visibility, loader, *rest):
        found = original(section, info, visibility, loader, *rest)
        return found and attrs.evolve(found, fields=section.fields)

    yield section_lists, "_part", part


@mutant("sections")
def sections_count_only_what_they_show():
    original = section_lists._Part.list_of

    def list_of(self, rows, dialect):
        found = original(self, rows, dialect)
        return attrs.evolve(found, count=len(found.records))

    yield section_lists._Part, "list_of", list_of


@mutant("sections")
def sections_of_a_hidden_record_are_told():
    def sections(self, record):
        return section_lists.read_sections(self, self.model.registry.entity(type(record)), record.id)

    yield Reader, "sections", sections


@mutant("timeline", steps=_LONG)
def time_lines_tell_of_stages_that_are_hidden():
    yield timeline, "_sees", lambda visibility, part, info: True


@mutant("timeline")
def time_lines_show_what_is_invisible():
    original = timeline._belonging
    yield timeline, "_belonging", lambda *args: iter(list(original(*args))[:2])


@mutant("timeline")
def time_lines_tell_the_changes_of_hidden_fields():
    original = timeline.ledger_names
    yield timeline, "ledger_names", lambda fields, readable: original(fields, frozenset(fields))


@mutant("timeline", steps=_LONG)
def time_lines_repeat_what_stands_at_the_end_of_a_page():
    original = timeline._Line.key_after

    def key_after(self, mark):
        key = original(self, mark)
        return key + 1 if isinstance(key, int) and mark is not None and mark.part == self.id else key

    yield timeline._Line, "key_after", key_after
