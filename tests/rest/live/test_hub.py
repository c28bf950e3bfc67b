"""The hub: everybody hears what they may know, all of it and once, until they may not listen any more."""

import asyncio
import contextlib
import json
import re
import sqlite3
import threading

import pytest
import sqlalchemy as sa

from crmkit import Grant, Role, User, translator
from crmkit.auth import NotSignedInError
from crmkit.observing.watching import watch
from crmkit.rest.live import hub as hub_module, stream as stream_module
from crmkit.rest.live.hub import Hub
from crmkit.rest.live.listening import Listening
from crmkit.testing import People, both_databases
from tests.core.jobs.watching import Parcel, post

_ = translator("tests")
ROLES = [
    Role("post.clerk", _("Clerk"), [Grant("post.parcel", ("read", "create", "update", "delete"), "own")]),
    Role("post.reader", _("Reader"), [Grant("post.parcel", ["read"], "all")]),
]


@pytest.fixture
def crm(make_crm, clock, database):
    return make_crm(post(roles=ROLES), clock=clock, database=database)


@pytest.fixture
def users(crm):
    people = People(crm)
    return {role: people.user(role, roles=[f"post.{role}"], member=False) for role in ("clerk", "reader")}


class Ear:
    """Listens to one stream, and keeps what it hears."""

    def __init__(self, messages):
        self.messages = messages
        self.heard, self.resets, self.position = [], 0, None

    async def __anext__(self):
        for message in (await self.messages.__anext__()).decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in message.splitlines() if ": " in line)
            self.position = int(lines["id"]) if "id" in lines else self.position
            self.resets += lines.get("event") == "reset"
            if lines.get("event") == "change":
                self.heard.append(json.loads(lines["data"]))

    async def hear(self, number):
        """Listen until so many changes were heard."""
        async with asyncio.timeout(30):
            while len(self.heard) < number:
                await self.__anext__()

    @property
    def names(self):
        return [(each["entity"], each["kind"]) for each in self.heard]


@pytest.fixture
def hub(crm):
    made = Hub(crm)
    yield made
    made.close()


@pytest.fixture
def ended(crm):
    """Return why streams were ended, and how often."""
    metrics = watch(crm).metrics

    def ended():
        told = re.findall(r'crmkit_event_streams_ended_total{why="(.*)"} (.*)', metrics.text().decode())
        return {why: float(number) for why, number in told}

    return ended


@pytest.fixture
def listen(crm, hub):
    @contextlib.asynccontextmanager
    async def listen(principal, identify=None, **options):
        wish = Listening(
            crm=crm, hub=hub, principal=principal, credential=principal, identify=identify or (lambda: principal),
            **options,
        )  # fmt: skip
        ear = Ear(wish.messages())
        await ear.__anext__()
        try:
            yield ear
        finally:
            await ear.messages.aclose()

    return listen


def write(crm, principal, *names):
    with crm.write(principal) as db:
        return [db.create(Parcel(name=name)) for name in names]


@both_databases
def test_everybody_hears_what_they_may_know_and_nothing_else(crm, users, listen):
    other = People(crm).user("other", roles=["post.clerk"], member=False)

    async def story():
        async with listen(users["clerk"]) as clerk, listen(users["reader"]) as reader, listen(other) as third:
            (mine,) = await asyncio.to_thread(write, crm, users["clerk"], "a")
            (theirs,) = await asyncio.to_thread(write, crm, other, "b")
            await asyncio.gather(clerk.hear(1), reader.hear(2), third.hear(1))
            return mine, theirs, clerk, reader, third

    mine, theirs, clerk, reader, third = asyncio.run(story())

    assert [each["id"] for each in clerk.heard] == [str(mine.id)]
    assert [each["id"] for each in reader.heard] == [str(mine.id), str(theirs.id)]
    assert [each["id"] for each in third.heard] == [str(theirs.id)]
    assert (reader.heard[0]["kind"], reader.heard[0]["entity"]) == ("create", "post.parcel")
    assert "name" in reader.heard[0]["changed"]
    assert reader.position == reader.heard[1]["position"]


@both_databases
def test_stream_resumes_behind_the_last_event_that_was_heard(crm, users, listen):
    async def story():
        async with listen(users["clerk"]) as before:
            await asyncio.to_thread(write, crm, users["clerk"], "a")
            await before.hear(1)
        await asyncio.to_thread(write, crm, users["clerk"], "b", "c")
        async with listen(users["clerk"], after=before.position) as again:
            await asyncio.to_thread(write, crm, users["clerk"], "d")
            await again.hear(3)
        return before, again

    before, again = asyncio.run(story())

    positions = [each["position"] for each in (*before.heard, *again.heard)]
    assert positions == list(range(positions[0], positions[0] + 4))
    assert again.resets == 0


def test_nothing_is_missed_and_nothing_told_twice_while_others_write(crm, users, listen):
    def write_many():
        for n in range(30):
            write(crm, users["clerk"], str(n))

    async def story(position, found):
        async with asyncio.timeout(60):
            while len(found) < 60:
                async with listen(users["clerk"], after=position) as ear:
                    await ear.hear(1)
                    position, found = ear.position, [*found, *ear.heard]
        return found

    with crm.system("test") as db:
        begin = db.events().position
    writers = [threading.Thread(target=write_many) for _ in range(2)]
    for writer in writers:
        writer.start()
    found = asyncio.run(story(begin, []))
    for writer in writers:
        writer.join()

    assert [each["position"] for each in found] == list(range(begin + 1, begin + 61))


def test_who_has_missed_too_much_is_told_to_read_anew(crm, users, listen, monkeypatch):
    monkeypatch.setattr("crmkit.rest.live.listening.MOST_MISSED", 3)

    async def story():
        async with listen(users["clerk"], after=1) as behind:
            await behind.__anext__()
            await asyncio.to_thread(write, crm, users["clerk"], "later")
            await behind.hear(1)
        return behind

    with crm.system("test") as db:
        db.create_many([Parcel(name=str(n), owner_id=users["clerk"].user_id) for n in range(5)])
    behind = asyncio.run(story())

    assert (behind.resets, len(behind.heard)) == (1, 1)


@pytest.mark.long
def test_position_that_this_database_has_not_given_out_begins_anew(crm, users, listen):
    async def story():
        async with listen(users["clerk"], after=10**9) as ahead:
            await ahead.__anext__()
            await asyncio.to_thread(write, crm, users["clerk"], "later")
            await ahead.hear(1)
        return ahead

    assert asyncio.run(story()).resets == 1


def test_only_entities_that_were_asked_for_are_told(crm, users, listen):
    administrator = People(crm).user("Ada", roles=["core.administrator"])

    async def story():
        async with listen(administrator, entities=["core.user"]) as ear:
            await asyncio.to_thread(write, crm, users["clerk"], "a")
            await asyncio.to_thread(People(crm).user, "Bob")
            await ear.hear(1)
        return ear

    assert asyncio.run(story()).names == [("core.user", "create")]


async def heard_until_cut_off(ear):
    async with asyncio.timeout(30):
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await ear.__anext__()


def listening_task(listen, *given, **options):
    """Return the task of somebody who listens until they are cut off, and what is set once they do."""
    listens = asyncio.Event()

    async def listening():
        async with listen(*given, **options) as ear:
            listens.set()
            await heard_until_cut_off(ear)

    return asyncio.create_task(listening()), listens


def test_user_who_is_deactivated_is_cut_off(crm, users, listen, hub, ended):
    async def story():
        task, listens = listening_task(listen, users["clerk"])
        await listens.wait()
        with crm.system("test") as db:
            db.update(db.get(User, users["clerk"].user_id), is_active=False)
        await asyncio.wait_for(task, 10)

    asyncio.run(story())

    assert (ended(), len(hub)) == ({"left": 1}, 0)


def test_session_that_is_over_is_cut_off(crm, users, listen, hub, ended, monkeypatch):
    monkeypatch.setattr(hub_module, "_CHECKED_EVERY", 0.3)
    is_over = threading.Event()

    def identify():
        if is_over.is_set():
            raise NotSignedInError
        return users["clerk"]

    async def story():
        task, listens = listening_task(listen, users["clerk"], identify)
        await listens.wait()
        await asyncio.sleep(1)
        assert not task.done()
        is_over.set()
        await asyncio.wait_for(task, 10)

    asyncio.run(story())

    assert ended() == {"left": 1}


def test_check_that_breaks_ends_the_stream(crm, users, listen, hub, ended, monkeypatch):
    monkeypatch.setattr(hub_module, "_CHECKED_EVERY", 0.3)

    async def story():
        task, _listens = listening_task(listen, users["clerk"], lambda: 1 / 0)
        await asyncio.wait_for(task, 10)

    asyncio.run(story())

    assert ended() == {"left": 1}


def test_client_that_takes_nothing_is_dropped_and_others_are_not(crm, users, listen, hub, ended, monkeypatch):
    monkeypatch.setattr(stream_module, "MOST_WAITING", 5)

    async def story():
        begun = asyncio.Event()

        async def idle():
            async with listen(users["reader"]):
                begun.set()
                await asyncio.sleep(60)

        lazy = asyncio.create_task(idle())
        async with listen(users["clerk"]) as keen:
            await begun.wait()
            for n in range(8):
                await asyncio.to_thread(write, crm, users["clerk"], str(n))
                await keen.hear(n + 1)
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(lazy, 10)
            return keen

    keen = asyncio.run(story())

    assert len(keen.heard) == 8
    assert ended() == {"slow": 1}


def test_sign_of_life_says_up_to_where_everything_was_heard(crm, users, listen, monkeypatch):
    monkeypatch.setattr(stream_module, "_HEARTBEAT", 0.2)

    async def story():
        async with listen(users["clerk"]) as ear:
            before = ear.position
            with crm.system("test") as db:
                db.create_many([Parcel(name=str(n)) for n in range(3)])
            async with asyncio.timeout(20):
                while ear.position == before:
                    await ear.__anext__()
            return ear, before

    ear, before = asyncio.run(story())

    assert (ear.heard, ear.position) == ([], before + 3)


def test_hub_goes_on_after_the_database_was_away(crm, users, listen, monkeypatch):
    original, away = crm.events_for, threading.Event()

    def events_for(*given, **options):
        if away.is_set():
            raise hub_module.DatabaseUnreachableError("away")
        return original(*given, **options)

    monkeypatch.setattr(crm, "events_for", events_for)

    async def story():
        async with listen(users["clerk"]) as ear:
            away.set()
            await asyncio.to_thread(write, crm, users["clerk"], "a")
            await asyncio.sleep(1.5)
            away.clear()
            await ear.hear(1)
            return ear

    assert asyncio.run(story()).names == [("post.parcel", "create")]


def test_hub_that_is_closed_ends_every_stream_and_takes_no_other(crm, users, listen, hub, ended):
    async def story():
        task, listens = listening_task(listen, users["clerk"])
        await listens.wait()
        await asyncio.to_thread(hub.close)
        await asyncio.wait_for(task, 10)
        late, _never = listening_task(listen, users["clerk"])
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(late, 10)

    asyncio.run(story())

    assert ended() == {"stopping": 1}


def test_thread_is_gone_when_nobody_listens(crm, users, listen, hub, ended):
    async def story():
        async with listen(users["clerk"]):
            assert hub._thread is not None
        async with asyncio.timeout(10):
            while hub._thread is not None:
                await asyncio.sleep(0.05)
        async with listen(users["clerk"]) as ear:
            await asyncio.to_thread(write, crm, users["clerk"], "a")
            await ear.hear(1)

    asyncio.run(story())


@pytest.mark.parametrize("when", ["at once", "later"])
def test_hub_that_cannot_wait_any_more_ends_every_stream_and_begins_anew_for_who_comes_back(
    crm, users, listen, hub, ended, when
):
    taken, is_away = [], threading.Event()

    def take(driver, *_given):
        if threading.current_thread().name == "crmkit-live":
            taken.append(driver)
            if is_away.is_set():
                raise sqlite3.OperationalError("away")

    sa.event.listen(crm.storage.engine, "checkout", take)

    async def story():
        if when == "at once":
            is_away.set()
            refused, _never = listening_task(listen, users["clerk"])
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(refused, 10)
            is_away.clear()
        else:
            task, listens = listening_task(listen, users["clerk"])
            await listens.wait()
            # The first one is that with which the hub waits.
            taken[0].close()
            await asyncio.wait_for(task, 10)
        assert (len(hub), hub._thread) == (0, None)
        async with listen(users["clerk"]) as ear:
            await asyncio.to_thread(write, crm, users["clerk"], "a")
            await ear.hear(1)
        return ear

    assert asyncio.run(story()).names == [("post.parcel", "create")]
    assert ended() == {"broken": 1}
