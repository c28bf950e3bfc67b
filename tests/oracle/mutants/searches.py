"""Faults in what is found."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.policy.visibility import Visibility
from crmkit.core.searching import documents, finding
from crmkit.core.searching.asking import Asked, Levels
from crmkit.core.writing import life
from tests.oracle.mutants.seeding import mutant


def _behind_the_wall(original, shown):
    """Return *original*, which builds a statement, as it is with another condition under which a record is shown."""

    def build(*given, **options):
        before = Visibility.shown
        Visibility.shown = shown
        try:
            return original(*given, **options)
        finally:
            Visibility.shown = before

    return build


@mutant("search")
def hidden_records_are_found_by_rare_words():
    yield finding, "seen", _behind_the_wall(finding.seen, lambda self, info, columns: columns.deleted_at.is_(None))


@mutant("search")
def hidden_records_are_found_by_common_words():
    yield finding, "walks", _behind_the_wall(finding.walks, lambda self, info, columns: columns.deleted_at.is_(None))


@mutant("search")
def records_are_found_that_are_seen_in_no_list():
    def shown(self, info, columns):
        return sa.and_(columns.deleted_at.is_(None), sa.or_(*self._scopes(info, columns, "read"), sa.false()))

    yield finding, "seen", _behind_the_wall(finding.seen, shown)


@mutant("search")
def records_are_found_by_hidden_fields():
    original = finding._questions

    def questions(reader, asked, infos):
        found = original(reader, asked, infos)
        return [
            finding._Question(q.searched, q.searched.fields, asked.levels(q.searched.fields, q.searched.title))
            for q in found
        ]

    yield finding, "_questions", questions


@mutant("search", steps=["wait"] * 6)
def hidden_titles_decide_what_comes_first():
    original = Asked.levels

    def levels(self, fields, title):
        searched = title or (fields[0] if fields else None)
        return original(self, fields, searched)

    yield Asked, "levels", levels


@mutant("search")
def what_was_found_is_shown_whole():
    original = finding.shown_hits
    yield finding, "shown_hits", lambda reader, *rest: original(reader.trusted, *rest)


@mutant("search")
def hidden_records_use_up_the_candidates():
    original = finding._candidates
    yield (
        finding,
        "_candidates",
        lambda reader, questions: [sorted(each)[-1:] for each in original(reader, questions)],
    )


@mutant("search", steps=["update"] * 8)
def words_stay_those_of_former_values():
    original = life.keep_searched
    yield (
        life,
        "keep_searched",
        lambda writer, writes: original(writer, [write for write in writes if write.kind != "update"]),
    )


@mutant("search", steps=["wait"] * 4)
def words_are_sought_in_all_fields_alike():
    yield documents, "_code", lambda entity, name, field: "aaaaaaaa"


@mutant("search")
def one_of_the_words_is_enough():
    original = Asked.levels

    def levels(self, fields, title):
        found = original(self, fields, title)
        anywhere = tuple(phrase for one_of in found.levels[-1] for phrase in one_of)
        return Levels((*found.levels[:-1], (anywhere,)), found.first)

    yield Asked, "levels", levels


@mutant("search")
def pages_overlap():
    original = finding._seen

    def seen(reader, question, begin, found):
        return original(reader, question, (begin[0], begin[1] - 1), found)

    yield finding, "_seen", seen
