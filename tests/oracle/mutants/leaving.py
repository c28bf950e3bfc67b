"""Faults in shares that end, and in what happens when somebody leaves."""

from __future__ import annotations

import sqlalchemy as sa

from crmkit.core.offboarding import belongings, offboard, returning
from crmkit.core.policy.visibility import Visibility
from crmkit.core.writing import sharing, writer
from tests.oracle.mutants.seeding import mutant


@mutant("everything", steps=["share", "share", "share", "wait", "wait"])
def shares_never_end():
    yield Visibility, "counts_now", lambda self, share: share.c.deleted_at.is_(None)


@mutant("everything", steps=["share", "share", "share"])
def shares_with_an_end_never_count():
    yield Visibility, "counts_now", lambda self, share: sa.and_(share.c.deleted_at.is_(None), share.c.ends_at.is_(None))


@mutant("everything", steps=["share", "share", "share", "wait", "wait"])
def sharing_forgets_the_end():
    original = sharing.share
    yield writer, "share", lambda db, records, holder, level, until=None: original(db, records, holder, level)


@mutant("share", steps=["wait"] * 12)
def write_shares_bind_after_their_end():
    yield sharing, "_counts", lambda writer, share: True


@mutant("everything", steps=["offboard"] * 4)
def offboarding_gives_to_no_team():
    original = offboard._transfer
    yield offboard, "_transfer", lambda each, who, home: original(each, who, None)


@mutant("everything", steps=["offboard"] * 4)
def offboarding_takes_only_the_first_record():
    original = belongings.belongings

    def first(reader, leaver, succession):
        found = original(reader, leaver, succession)
        return [each for place, each in enumerate(found) if each.field != "owner_id" or not place % 2]

    yield offboard, "belongings", first


@mutant("everything", steps=["offboard", "change_user"] * 5)
def offboarding_lets_rights_stand():
    original = belongings.references_to_users
    yield (
        belongings,
        "references_to_users",
        lambda reader: (found for found in original(reader) if found[2] != "end"),
    )


@mutant("everything", steps=["offboard"] * 6)
def taking_back_gives_nothing_back():
    yield returning, "_stands", lambda changed, values: False


@mutant("everything", steps=["offboard"] * 6)
def taking_back_brings_no_rights():
    original = returning._taken
    yield (
        returning,
        "_taken",
        lambda writer, writes: original(writer, [write for write in writes if write.kind != "restore"]),
    )
