"""Words with which records are marked."""

from __future__ import annotations

from crmkit import Reader, Record, Target, Writer

from ..entities import Tag, Tagging

__all__ = ["tag", "tags_of", "untag"]


def tag(db: Writer, record: Record, *names: str) -> list[Tag]:
    """Mark *record* with the tags called *names* and return them; a tag that nobody used before is made.

    Upper and lower case are the same tag.
    """
    tags = [_tag_called(db, name) for name in dict.fromkeys(names)]
    already = {tagging.tag_id for tagging in _taggings(db, record)}
    missing = {found.id: found for found in tags if found.id not in already}
    db.create_many([Tagging(tag_id=id_, record=Target.of(record)) for id_ in missing])
    return tags


def untag(db: Writer, record: Record, *names: str) -> int:
    """Take the tags called *names* off *record* and return how many it had."""
    unwanted = {found.id for name in names for found in _named(db, name)}
    taggings = [tagging for tagging in _taggings(db, record) if tagging.tag_id in unwanted]
    db.delete_many(taggings)
    return len(taggings)


def tags_of(db: Reader, record: Record) -> list[Tag]:
    """Return the tags of *record* by name."""
    found = db.get_many(Tag, [tagging.tag_id for tagging in _taggings(db, record)])
    return sorted(found.values(), key=lambda tag: tag.name.casefold())


def _taggings(db: Reader, record: Record) -> list[Tagging]:
    return db.find(Tagging, Tagging.f.record == Target.of(record))


def _named(db: Reader, name: str) -> list[Tag]:
    return db.find(Tag, Tag.f.name.lower() == name.strip().casefold())


def _tag_called(db: Writer, name: str) -> Tag:
    return next(iter(_named(db, name)), None) or db.create(Tag(name=name))
