"""Sessions: on the server, rotating, listed, ended."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
import sqlalchemy as sa

from crmkit import ForbiddenError, NotFoundError, User
from crmkit.auth import (
    Client,
    NotSignedInError,
    end_session,
    end_sessions,
    find_session,
    known_by,
    open_sessions,
    principal_of_session,
    sign_in,
    sign_out,
)
from crmkit.auth.sessions import strengthen
from crmkit.core.signing_in.entities import SignInSession
from crmkit.testing import both_databases
from tests.auth.conftest import BROWSER, PASSWORD


def is_dead(crm, secret):
    with pytest.raises(NotSignedInError):
        principal_of_session(crm, secret)
    return True


@both_databases
def test_session_acts_as_its_user_without_limits(crm, anna, cookie):
    signed = principal_of_session(crm, cookie)

    assert signed.principal == anna
    assert len(signed.csrf_token) == 43
    assert signed.csrf_token not in (cookie, sha256(cookie.encode()).hexdigest())


def test_cookie_is_nowhere_in_the_database(crm, cookie):
    csrf = find_session(crm, cookie).csrf_token
    with crm.storage.reading() as connection:
        tables = crm.schema.metadata.sorted_tables
        everything = "\n".join(repr(tuple(row)) for table in tables for row in connection.execute(sa.select(table)))

    assert sha256(cookie.encode()).hexdigest() in everything
    assert cookie not in everything
    assert csrf not in everything


@pytest.mark.parametrize("secret", ["", "x", "\x00", "ü", "\ud800", "a" * 43])
def test_what_is_no_session_is_refused(crm, anna, secret):
    assert is_dead(crm, secret)


# T27: who knew the cookie before does not know the one after.


@both_databases
def test_t27_every_sign_in_and_every_factor_gives_a_new_secret(crm, anna, cookie):
    again = sign_in(crm, "Anna Snelling", PASSWORD, BROWSER)
    before = find_session(crm, again)

    after = strengthen(crm, before)
    assert len({cookie, again, after}) == 3
    assert is_dead(crm, again)
    found = find_session(crm, after)
    assert (found.id, found.assurance) == (before.id, "multiple")
    assert found.csrf_token != before.csrf_token
    with pytest.raises(NotSignedInError):
        strengthen(crm, before)


# When it ends.


@both_databases
def test_session_ends_after_some_time_without_use(crm, cookie, clock):
    for _each in range(3):
        clock.advance(minutes=59)
        find_session(crm, cookie)

    clock.advance(minutes=60)
    assert is_dead(crm, cookie)


@both_databases
def test_session_ends_after_a_longest_time_however_much_it_is_used(crm, cookie, clock):
    for _each in range(12 * 60 // 45):
        clock.advance(minutes=45)
        if clock.now().hour != 0:
            find_session(crm, cookie)
    assert is_dead(crm, cookie)


@both_databases
@pytest.mark.parametrize("way", ["deactivate", "delete"])
def test_t26_sessions_of_a_deactivated_user_are_dead_at_the_next_request(crm, anna, boss, cookie, way):
    with crm.write(boss) as db:
        user = db.get(User, anna.user_id)
        if way == "deactivate":
            user = db.update(user, is_active=False)
        else:
            db.delete(user)
    assert is_dead(crm, cookie)

    with crm.write(boss) as db:
        if way == "deactivate":
            db.update(user, is_active=True)
        else:
            db.restore(User, anna.user_id)
    assert is_dead(crm, cookie)


@both_databases
def test_t26_user_deactivated_past_crmkit_is_out_as_well(crm, cookie):
    user = crm.schema.tables["core_user"]
    with crm.storage.writing() as connection:
        connection.execute(sa.update(user).values(is_active=False))

    assert is_dead(crm, cookie)


# Listing and ending.


@both_databases
def test_user_lists_and_ends_their_own_sessions_and_administrators_all(crm, anna, boss, cookie, give_password):
    give_password(boss)
    telephone = sign_in(crm, "anna@example.org", PASSWORD, Client("2001:db8::7", "Phone"))
    other = sign_in(crm, "Boss", PASSWORD, BROWSER)

    with crm.write(anna) as db:
        found = open_sessions(db, idle_minutes=60)
        assert {(s.agent, s.address) for s, _used in found} == {("Firefox", "192.0.2.7"), ("Phone", "2001:db8::7")}
        with pytest.raises(NotFoundError):
            end_session(db, find_session(crm, other).id)
        end_session(db, find_session(crm, telephone).id)
    assert is_dead(crm, telephone)
    with crm.write(boss) as db:
        assert len(open_sessions(db, idle_minutes=60)) == 2
        end_session(db, find_session(crm, cookie).id)
    assert is_dead(crm, cookie)


def test_every_session_ends_however_many_a_list_shows(crm, anna, boss, cookie, monkeypatch):
    telephone = sign_in(crm, "anna@example.org", PASSWORD, Client("2001:db8::7", "Phone"))
    monkeypatch.setattr(known_by, "_MOST", 1)

    with crm.write(boss) as db:
        assert len(open_sessions(db, idle_minutes=60)) == 1
        assert end_sessions(db, anna.user_id) == 2
    assert is_dead(crm, cookie)
    assert is_dead(crm, telephone)


def test_session_that_was_not_used_is_not_listed(crm, anna, cookie, clock):
    clock.advance(minutes=61)

    with crm.read(anna) as db:
        assert open_sessions(db, idle_minutes=60) == []


def test_nobody_writes_a_session_past_the_steps(crm, anna, boss, session):
    for principal in (anna, boss):
        with crm.write(principal) as db:
            found = db.get(SignInSession, session.id)
            for change in ({"assurance": "multiple"}, {"user_id": boss.user_id}, {"ended_at": None}):
                with pytest.raises(ForbiddenError):
                    db.update(found, change)
            with pytest.raises(ForbiddenError):
                db.delete(found)


def test_sign_out_ends_one_session(crm, cookie, session):
    other = sign_in(crm, "Anna Snelling", PASSWORD, BROWSER)

    sign_out(crm, session)
    sign_out(crm, session)
    assert is_dead(crm, cookie)
    find_session(crm, other)


def test_what_a_program_calls_itself_is_kept_harmless(crm, anna, give_password):
    give_password(anna)
    sign_in(crm, "Anna Snelling", PASSWORD, Client("x" * 99, "A\x00\x1b[31mgent" + "y" * 900))

    with crm.read(anna) as db:
        (kept,) = db.find(SignInSession)
    assert kept.agent.startswith("A[31mgenty")
    assert (len(kept.agent), len(kept.address)) == (300, 45)


@both_databases
def test_session_is_found_by_many_at_once(crm, cookie, clock):
    clock.advance(minutes=5)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _each: find_session(crm, cookie).id, range(24)))
    assert len(set(found)) == 1
