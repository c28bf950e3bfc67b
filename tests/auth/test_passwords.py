"""Passwords: which are refused, who sets them, and what ends when one is set."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st

from crmkit import ForbiddenError, NotFoundError, User, ValidationError
from crmkit.auth import (
    NotSignedInError,
    SignInRefusedError,
    TicketError,
    change_password,
    find_session,
    invite,
    make_token,
    principal_of_token,
    set_password,
    sign_in,
    use_invitation,
)
from crmkit.auth.password_rule import problems_of_password
from crmkit.testing import both_databases
from tests.auth.conftest import BROWSER, PASSWORD

NEW = "eleven purple kettles"
GUESSED = [
    "aaaaaaaaaaaaaaa",
    "passwordpassword",
    "abcabcabcabcabc",
    "123456789012345",
    "qwertyuiopasdf",
    "zyxwvutsrqponm",
    "anna snelling 12",
    "Snelling-Anna!1",
    "anna@example.org",
    "Annaexample1234",
    "password1234",
    "P@ssw0rd!2026",
    "iloveyou1234",
    "hunter2hunter2",
    "letmeinletmein",
]
GOOD = [PASSWORD, NEW, "mein Fahrrad ist rot", "北京的秋天最美丽我喜欢", "x7Kq-92mZ-pL4w", "🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧"]


def refused(password, least=12):
    return [
        problem.facts["problem"]
        for problem in problems_of_password(password, least, ["Anna Snelling", "anna@example.org"])
    ]


@pytest.mark.parametrize("password", GUESSED)
def test_password_that_is_guessed_first_is_refused(password):
    assert refused(password, 8) == ["guessable"]


@pytest.mark.parametrize("password", GOOD)
def test_long_password_of_any_characters_is_taken(password):
    assert refused(password, 11) == []


@given(st.text(max_size=11))
def test_short_password_is_refused(password):
    assert refused(password) == ["too-short"]


@given(st.text(alphabet="abxy12", min_size=1, max_size=5), st.integers(3, 20))
def test_short_part_repeated_is_refused(part, times):
    assert refused(part * times, 1) == ["guessable"]


def test_refusal_does_not_repeat_the_password(crm, anna):
    with crm.system("test") as db, pytest.raises(ValidationError) as caught:
        set_password(db, anna.user_id, "hunter2hunter2", least=12)

    assert "hunter2" not in f"{caught.value}{caught.value.facts}"


@both_databases
def test_password_is_kept_as_argon2id_with_a_salt(strong_hashes, crm, anna, boss, give_password):
    for who in (anna, boss):
        give_password(who)

    with crm.storage.reading() as connection:
        one, other = connection.scalars(sa.select(crm.schema.system.password.c.hash))
    assert one != other
    assert one.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_administrator_sets_the_password_of_others_and_nobody_else_does(crm, anna, boss, people):
    with crm.write(boss) as db:
        set_password(db, anna.user_id, NEW, least=12)
    for principal in (anna, people.user("Eve")):
        for user in (anna, boss):
            with crm.write(principal) as db, pytest.raises(ForbiddenError):
                set_password(db, user.user_id, NEW, least=12)
            with crm.write(principal) as db, pytest.raises(ForbiddenError):
                invite(db, user.user_id)


def test_nobody_signs_in_to_a_service_account(crm, people):
    service = people.user("Importer", kind="service")

    with crm.system("test") as db, pytest.raises(ValidationError):
        set_password(db, service.user_id, NEW, least=12)


def test_first_start_has_no_password_that_anybody_knows(crm, boss):
    """Nobody can sign in before somebody has set a password."""
    with crm.storage.reading() as connection:
        assert connection.execute(sa.select(crm.schema.system.password)).all() == []
    for guess in ("", "admin", "password", "Boss"):
        with pytest.raises(SignInRefusedError):
            sign_in(crm, "Boss", guess, BROWSER)


def test_hash_of_earlier_parameters_is_made_anew_at_sign_in(strong_hashes, crm, anna, give_password):
    from pwdlib.hashers.argon2 import Argon2Hasher

    give_password(anna)
    table = crm.schema.system.password
    with crm.storage.writing() as connection:
        weak = Argon2Hasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
        connection.execute(sa.update(table).values(hash=weak))

    sign_in(crm, "Anna Snelling", PASSWORD, BROWSER)
    with crm.storage.reading() as connection:
        assert connection.scalar(sa.select(table.c.hash)).startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    sign_in(crm, "Anna Snelling", PASSWORD, BROWSER)


def test_password_is_the_same_however_it_is_composed(crm, anna, give_password):
    give_password(anna, "Käsebrötchen mit Ö")

    sign_in(crm, "Anna Snelling", "Käsebrötchen mit Ö", BROWSER)


# T26: a new password ends every session.


@both_databases
def test_t26_new_password_ends_every_session(crm, anna, cookie, give_password):
    find_session(crm, cookie)

    give_password(anna, NEW)
    with pytest.raises(NotSignedInError):
        find_session(crm, cookie)
    with pytest.raises(SignInRefusedError):
        sign_in(crm, "Anna Snelling", PASSWORD, BROWSER)
    find_session(crm, sign_in(crm, "Anna Snelling", NEW, BROWSER))


@both_databases
def test_t26_password_that_is_reset_ends_every_token(crm, anna, boss, give_password):
    give_password(anna)
    made = token_of(crm, anna)
    with crm.write(boss) as db:
        ticket = invite(db, anna.user_id).ticket
    principal_of_token(crm, made.text)

    use_invitation(crm, ticket, NEW)
    with pytest.raises(NotSignedInError):
        principal_of_token(crm, made.text)


def test_first_password_and_one_that_its_owner_changes_keep_tokens(crm, anna, give_password):
    made = token_of(crm, anna)
    give_password(anna)
    principal_of_token(crm, made.text)

    session = find_session(crm, sign_in(crm, "Anna Snelling", PASSWORD, BROWSER))
    change_password(crm, session, PASSWORD, NEW, BROWSER)
    principal_of_token(crm, made.text)


def token_of(crm, principal):
    with crm.write(principal) as db:
        return make_token(db, "Report", scopes=["core:read"], expires_at=db.now + timedelta(days=1))


def test_person_changes_their_password_who_knows_the_present_one(crm, cookie):
    session = find_session(crm, cookie)
    with pytest.raises(SignInRefusedError):
        change_password(crm, session, NEW, NEW, BROWSER)
    with pytest.raises(ValidationError):
        change_password(crm, session, PASSWORD, "short", BROWSER)
    find_session(crm, cookie)

    again = change_password(crm, session, PASSWORD, NEW, BROWSER)
    assert find_session(crm, again).user_id == session.user_id
    with pytest.raises(NotSignedInError):
        find_session(crm, cookie)


# Links that set a password.


@pytest.fixture
def ticket(crm, anna, boss):
    with crm.write(boss) as db:
        return invite(db, anna.user_id).ticket


@both_databases
def test_invitation_sets_a_password_once(crm, anna, ticket):
    with pytest.raises(ValidationError):
        use_invitation(crm, ticket, "short")
    assert use_invitation(crm, ticket, NEW) == anna.user_id

    sign_in(crm, "Anna Snelling", NEW, BROWSER)
    with pytest.raises(TicketError):
        use_invitation(crm, ticket, PASSWORD)


def test_invitation_expires(crm, ticket, clock):
    clock.advance(days=3)

    with pytest.raises(TicketError):
        use_invitation(crm, ticket, NEW)


def test_invitation_dies_with_the_next_password(crm, anna, ticket, give_password):
    give_password(anna)

    with pytest.raises(TicketError):
        use_invitation(crm, ticket, NEW)


@pytest.mark.parametrize("way", ["deactivate", "delete"])
def test_t17_invitation_dies_with_its_user_and_does_not_come_back(crm, anna, boss, ticket, way, people):
    with crm.write(boss) as db:
        user = db.get(User, anna.user_id)
        if way == "deactivate":
            db.update(db.update(user, is_active=False), is_active=True)
        else:
            db.delete(user)
    if way == "delete":
        people.user("Anna Snelling", email="anna@example.org")

    with pytest.raises(TicketError):
        use_invitation(crm, ticket, NEW)


@both_databases
def test_t17_user_who_comes_back_from_the_bin_has_no_password(crm, anna, boss, give_password):
    give_password(anna)
    with crm.write(boss) as db:
        db.delete(db.get(User, anna.user_id))
        db.restore(User, anna.user_id)

    with pytest.raises(SignInRefusedError):
        sign_in(crm, "Anna Snelling", PASSWORD, BROWSER)


@pytest.mark.parametrize("ticket", ["", "x", "\x00", "ü" * 40])
def test_what_is_no_invitation_sets_nothing(crm, anna, ticket):
    with pytest.raises(TicketError):
        use_invitation(crm, ticket, NEW)


def test_invitation_of_nobody_is_not_found(crm, boss, anna):
    with crm.write(boss) as db, pytest.raises(NotFoundError):
        invite(db, boss.user_id.__class__(int=0))
