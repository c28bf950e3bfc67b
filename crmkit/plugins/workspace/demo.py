"""What the demo company's people had to do, and what they said about it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from crmkit import Demo, DemoPart, Target, Writer

from . import services
from .entities import COLOURS, Comment, Meeting, Tag, Tagging, Task, View

__all__ = ["PART"]

_TASKS, _COMMENTS, _TAGGINGS, _MEETINGS = 350, 400, 150, 120
_TITLES = ("Call back", "Send the data sheet", "Ask about the budget", "Arrange a visit", "Check delivery dates")
_CHINESE_TITLES = ("回电", "发送产品资料", "了解预算", "安排拜访", "确认交货期")
_MEETS = ("Visit", "Video call", "Presentation", "Contract talk")
_CHINESE_MEETS = ("上门拜访", "视频会议", "产品演示", "合同洽谈")
_WORDS = (
    "They know the competition well.",
    "Wants an offer before summer.",
    "Good talk, very open.",
    "Needs patience.",
)
_CHINESE_WORDS = ("对竞争对手很了解。", "希望夏天前拿到报价。", "沟通顺利，态度开放。", "需要耐心。")
_TAGS = ("VIP", "fair", "newsletter", "reference")
_CHINESE_TAGS = ("VIP", "展会", "老客户", "重点")


def prepare(db: Writer, demo: Demo) -> None:
    """Make the tags that everybody uses."""
    names = dict.fromkeys((*_TAGS, *_CHINESE_TAGS))
    demo.add(*db.create_many([Tag(name=name, colour=demo.random.choice(COLOURS).slug) for name in names]))


def work(db: Writer, demo: Demo) -> None:
    """Do what is due, plan what is next, and say something about it."""
    assert demo.person is not None
    if demo.person.job == "manager":
        _ask_somebody(db, demo)
        _save_view(db, demo)
        return
    _do_what_is_due(db, demo)
    known = demo.all_mine()[-30:]
    if known:
        db.create_many([_task(demo, known) for _each in range(demo.due(_TASKS))])
        db.create_many([_comment(demo, known) for _each in range(demo.due(_COMMENTS))])
        db.create_many(_taggings(demo, known))
        for _each in range(demo.due(_MEETINGS)):
            _meet(db, demo, known)


def _do_what_is_due(db: Writer, demo: Demo) -> None:
    today = demo.now.date()
    due = [t for t in db.find(Task, ~Task.f.is_done) if t.owner_id == db.moment.me and t.due_on and t.due_on <= today]
    db.update_many([(task, {"is_done": True}) for task in due if demo.chance(0.8)])


def _taggings(demo: Demo, known: list[Any]) -> list[Tagging]:
    names = _in_language(demo, _TAGS, _CHINESE_TAGS)
    tags = [tag for tag in demo.common(Tag) if tag.name in names]
    used: set[tuple[UUID, UUID]] = demo.notes.setdefault("workspace", set())
    pairs = {
        (tag.id, record.id): (tag, record)
        for _each in range(demo.due(_TAGGINGS))
        for tag, record in [(demo.random.choice(tags), demo.random.choice(known))]
    }
    fresh = [pair for ids, pair in pairs.items() if ids not in used]
    used.update(pairs)
    return [Tagging(tag_id=tag.id, record=Target.of(record)) for tag, record in fresh]


def _ask_somebody(db: Writer, demo: Demo) -> None:
    assert demo.person is not None
    team = [p for p in demo.people if p.user.team_id == demo.person.user.team_id and p.job == "agent"]
    if team and demo.chance(0.8):
        title = _in_language(demo, ("Prepare the monthly review",), ("准备月度总结",))[0]
        day = demo.now.date() + timedelta(days=7)
        db.create(Task(title=title, due_on=day, priority="high", owner_id=demo.random.choice(team).user.id))


def _save_view(db: Writer, demo: Demo) -> None:
    """Keep a list that the manager's team needs, once."""
    assert demo.person is not None
    known: set[UUID] = demo.notes.setdefault("workspace.views", set())
    if demo.person.user.id not in known:
        known.add(demo.person.user.id)
        name = _in_language(demo, ("Overdue",), ("已逾期",))[0]
        overdue = View(
            name=name,
            listed="workspace.task",
            rule="!is_done && due_on < today()",
            columns="title due_on priority owner_id",
            order_by="due_on",
            audience="team",
        )
        services.set_default_view(db, services.save_view(db, overdue))


def _meet(db: Writer, demo: Demo, known: list[Any]) -> None:
    """Plan a meeting about a record, and take somebody of the team along."""
    assert demo.person is not None
    me = demo.person.user
    # Chances of its own: who meets whom changes nothing that happens otherwise.
    random: Random = demo.notes.setdefault("workspace.meetings", Random("workspace.meetings"))
    day = demo.now.date() + timedelta(days=random.randint(1, 14))
    start = datetime.combine(day, time(random.randint(8, 16)), ZoneInfo(me.time_zone)).astimezone(UTC)
    title = random.choice(_in_language(demo, _MEETS, _CHINESE_MEETS))
    meeting = db.create(Meeting(title=title, starts_at=start, ends_at=start + timedelta(hours=1), remind_before=15))
    services.discuss(db, meeting, random.choice(known))
    team = [p.user for p in demo.people if p.user.team_id == me.team_id and p.user.id != me.id]
    if team:
        services.invite(db, meeting, random.choice(team))


def _task(demo: Demo, known: list[Any]) -> Task:
    return Task(
        title=demo.random.choice(_in_language(demo, _TITLES, _CHINESE_TITLES)),
        regarding=Target.of(demo.random.choice(known)),
        priority=demo.random.choices(("low", "normal", "high", "urgent"), (2, 10, 3, 1))[0],
        due_on=demo.now.date() + timedelta(days=demo.random.randint(1, 21)) if demo.chance(0.9) else None,
    )


def _comment(demo: Demo, known: list[Any]) -> Comment:
    body = demo.random.choice(_in_language(demo, _WORDS, _CHINESE_WORDS))
    return Comment(body=body, regarding=Target.of(demo.random.choice(known)))


def _in_language(demo: Demo, english: tuple[str, ...], chinese: tuple[str, ...]) -> tuple[str, ...]:
    assert demo.person is not None
    return chinese if demo.person.user.locale == "zh_CN" else english


PART = DemoPart(
    roles={"agent": ["workspace.member"], "manager": ["workspace.member", "workspace.manager"]},
    prepare=prepare,
    work=work,
)
