"""A throw-away plugin whose work is written into a diary: parcels that are packed, sent, and lost."""

from collections import Counter
from datetime import UTC, date, datetime

import attrs
import sqlalchemy as sa

from crmkit import (
    Event,
    Job,
    Move,
    Owned,
    Pipeline,
    Pipelined,
    Stage,
    Subscriber,
    Trigger,
    entity,
    event,
    field,
    translator,
)
from crmkit.testing import plugin

_ = translator("tests")


@entity("post.parcel", label=_("Parcel"))
class Parcel(Owned, Pipelined):
    name: str = field(search=True)
    weight: int = field(default=0)
    notes: str | None = field(default=None)
    send_at: datetime | None = field(default=None)
    send_on: date | None = field(default=None)


PIPELINE = Pipeline(
    "post.way",
    "post.parcel",
    _("Way"),
    [Stage("packed", _("Packed")), Stage("sent", _("Sent"), "won"), Stage("lost", _("Lost"), "lost")],
    [Move("packed", "sent"), Move("*", "lost")],
)


@event("post.parcel_sent", Trigger("post.parcel", kinds=["create", "move"], enters="won"), label=_("Parcel sent"))
class ParcelSent(Event):
    """A parcel was sent."""


@attrs.frozen
class Weigh:
    parcel: str
    times: int = 1


class Diary:
    """What happened, in order."""

    def __init__(self):
        self.entries = []

    def note(self, context, given):
        self.entries.append((context.name, given))

    def __getitem__(self, name):
        return [given for noted, given in self.entries if noted == name]

    def times(self):
        return Counter(name for name, _given in self.entries)


def post(*subscribers, jobs=(), schedules=(), events=(ParcelSent,), **more):
    """Return the plugin."""
    return plugin(
        "post",
        entities=[Parcel],
        pipelines=[PIPELINE],
        events=events,
        subscribers=subscribers,
        jobs=jobs,
        schedules=schedules,
        **more,
    )


def noting(diary, on=ParcelSent, id="post.note", **more):
    """Return a subscriber that notes what it is told."""
    return Subscriber(id, on, diary.note, **more)


def weighing(diary, id="post.weigh", **more):
    return Job(id, diary.note, Weigh, **more)


def rows(crm):
    """Return the lease table, the oldest first, without schedules."""
    table = crm.schema.system.job
    with crm.storage.reading() as connection:
        found = connection.execute(sa.select(table).where(table.c.kind != "schedule").order_by(table.c.id))
        return list(found.all())


NIGHT = datetime(2026, 3, 3, 0, 30, tzinfo=UTC)


def plugin_beside(diary):
    """Return another plugin that wants to know of parcels too."""
    return plugin("beside", requires=["post"], subscribers=[noting(diary, id="beside.note")])
