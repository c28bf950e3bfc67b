"""Guessing: it becomes slower and slower, and tells nothing about which accounts there are."""

import gc
import statistics
import time

import pytest
from hypothesis import given, strategies as st

from crmkit.auth import Client, SignInRefusedError, TooManyAttemptsError, sign_in
from crmkit.auth.waits import Guarded, address_key
from crmkit.testing import both_databases
from tests.auth.conftest import BROWSER, PASSWORD


def attempt(crm, login, password="wrong", address="192.0.2.7"):
    """Return what signing in says: its words, without how long somebody has to wait."""
    try:
        sign_in(crm, login, password, Client(address))
    except (SignInRefusedError, TooManyAttemptsError) as error:
        return f"{error.code}: {error}"
    return "in"


@given(st.integers(0, 200), st.integers(0, 50))
def test_wait_never_becomes_shorter_and_has_an_end(failures, free):
    guarded = Guarded("x", free)

    assert guarded.wait_after(failures) <= guarded.wait_after(failures + 1)
    assert guarded.wait_after(failures).total_seconds() <= 900
    assert bool(guarded.wait_after(failures)) == (failures >= free)


@both_databases
def test_account_waits_longer_with_every_failure(crm, anna, give_password, clock):
    give_password(anna)
    for _each in range(5):
        assert attempt(crm, "Anna Snelling").startswith("sign-in-refused")

    for seconds in (1, 2, 4, 8):
        assert attempt(crm, "Anna Snelling", PASSWORD) == (
            f"too-many-attempts: There were too many attempts. Try again in {seconds} seconds."
        )
        clock.advance(seconds=seconds)
        assert attempt(crm, "Anna Snelling").startswith("sign-in-refused")
    clock.advance(minutes=15)
    assert attempt(crm, "Anna Snelling", PASSWORD) == "in"
    assert attempt(crm, "Anna Snelling", PASSWORD) == "in"


def test_success_begins_anew(crm, anna, give_password):
    give_password(anna)

    for _round in range(4):
        for _each in range(4):
            assert attempt(crm, "Anna Snelling").startswith("sign-in-refused")
        assert attempt(crm, "Anna Snelling", PASSWORD) == "in"


def test_failures_are_forgotten_after_a_day(crm, anna, clock):
    for _each in range(5):
        attempt(crm, "Anna Snelling")
    clock.advance(days=1)

    for _each in range(5):
        assert attempt(crm, "Anna Snelling").startswith("sign-in-refused")


@both_databases
def test_address_waits_whichever_accounts_it_tries(crm, anna, give_password):
    give_password(anna)
    found = [attempt(crm, f"person{n}@example.org") for n in range(31)]

    assert [each.partition(":")[0] for each in found] == ["sign-in-refused"] * 30 + ["too-many-attempts"]
    assert attempt(crm, "anna@example.org", PASSWORD).startswith("too-many-attempts")
    assert attempt(crm, "anna@example.org", PASSWORD, "198.51.100.1") == "in"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("", "", True),
        ("unknown", "else", False),
    ],
)
def test_address_of_ipv6_is_its_network(one, other, same):
    assert (address_key(one) == address_key(other)) is same


# T30: known and unknown accounts.


def test_t30_unknown_account_is_told_the_same_and_waits_the_same(crm, anna, boss, give_password, clock, people):
    give_password(anna)
    people.user("Service", kind="service", email="service@example.org")
    names = [
        "anna@example.org",
        "Anna Snelling",
        "nobody@example.org",
        "Boss",
        "service@example.org",
        "",
        "x" * 5000,
        "\x00",
    ]
    told = [[attempt(crm, name, address=f"192.0.2.{place}") for _each in range(12)] for place, name in enumerate(names)]

    assert all(each == told[0] for each in told)


@pytest.mark.slow
def test_t30_unknown_account_takes_the_same_work(crm, anna, give_password, clock):
    give_password(anna)
    taken = {"anna@example.org": [], "nobody@example.org": []}
    gc.collect()
    for _each in range(200):
        for login, times in taken.items():
            clock.advance(days=2)
            start = time.process_time()
            assert attempt(crm, login).startswith("sign-in-refused")
            times.append(time.process_time() - start)

    known, unknown = map(statistics.median, taken.values())
    assert known == pytest.approx(unknown, rel=0.05)


@pytest.mark.parametrize("login", ["anna@example.org", " anna@EXAMPLE.org", "Anna Snelling"])
def test_person_is_known_by_address_or_name(crm, anna, give_password, login):
    give_password(anna)

    assert attempt(crm, login, PASSWORD) == "in"


def test_name_that_several_have_is_nobodys(crm, anna, people, give_password):
    for who in (anna, people.user("Anna Snelling", email="other@example.org")):
        give_password(who)

    assert attempt(crm, "Anna Snelling", PASSWORD).startswith("sign-in-refused")
    assert attempt(crm, "other@example.org", PASSWORD) == "in"


def test_name_that_looks_like_the_address_of_somebody_else_keeps_nobody_out(crm, anna, people, give_password):
    for who in (anna, people.user("anna@example.org")):
        give_password(who)

    assert attempt(crm, "anna@example.org", PASSWORD) == "in"


def test_inactive_person_is_told_what_nobody_is_told(crm, anna, boss, give_password):
    from crmkit import User

    give_password(anna)
    with crm.write(boss) as db:
        db.update(db.get(User, anna.user_id), is_active=False)

    assert attempt(crm, "anna@example.org", PASSWORD) == attempt(crm, "nobody@example.org", PASSWORD)
    assert BROWSER.address
