"""Listening is no use of a session: a page that is left open does not keep its user signed in."""

import asyncio

import pytest

from crmkit.auth import Client, NotSignedInError, find_session, set_password, sign_in
from crmkit.rest.app import build_app
from crmkit.rest.calls import Call
from crmkit.rest.live import DOORS, hub as hub_module
from crmkit.rest.live.door import listen
from crmkit.testing import People


@pytest.fixture
def crm(make_crm, clock):
    return make_crm(clock=clock)


def test_session_idles_while_a_stream_is_open_and_ends_it(crm, clock, monkeypatch):
    monkeypatch.setattr(hub_module, "_CHECKED_EVERY", 0.1)
    user = People(crm).user("Anna", email="anna@example.com")
    with crm.system("test") as db:
        set_password(db, user.user_id, "correct horse battery", least=12)
    secret = sign_in(crm, "anna@example.com", "correct horse battery", Client("127.0.0.1", "a test"))
    uses, looked = [], find_session

    def find(crm, secret, **options):
        uses.append(options["uses"])
        return looked(crm, secret, **options)

    monkeypatch.setattr("crmkit.rest.identities.find_session", find)
    surface = build_app(crm).state.surface
    call = Call(
        surface=surface, door=DOORS[0], path="/api/v1/events", parameters={}, query="",
        headers={"cookie": f"crmkit_session={secret}"}, body=b"", peer="127.0.0.1", request_id="r",
    )  # fmt: skip
    call.identity = surface.identify(call)

    async def story():
        messages = listen(call).body
        await messages.__anext__()
        await asyncio.sleep(0.5)
        clock.advance(minutes=crm.config.auth.idle_minutes + 1)
        async with asyncio.timeout(10):
            with pytest.raises(asyncio.CancelledError):
                while True:
                    await messages.__anext__()

    asyncio.run(story())
    surface.close()

    assert uses[0] is True
    assert set(uses[1:]) == {False}
    with pytest.raises(NotSignedInError):
        looked(crm, secret)
