"""API tokens: known by a digest, limited, ended, and never coming back."""

import re
from datetime import timedelta
from hashlib import sha256

import attrs
import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st

from crmkit import ForbiddenError, Grant, NotFoundError, Succession, User, ValidationError, offboard
from crmkit.auth import NotSignedInError, end_token, last_used, make_token, principal_of_token
from crmkit.auth.token_text import is_token_text, new_token_text
from crmkit.core.errors import InapplicableVerbError
from crmkit.core.policy.scopes import UnknownScopeError
from crmkit.core.signing_in.entities import Token
from crmkit.testing import both_databases
from tests.core.atelier import Commission

DAY = timedelta(days=1)


def made(crm, principal, *scopes, user=None, days=30):
    with crm.write(principal) as db:
        until = db.now + days * DAY
        return make_token(db, "Importer", scopes=scopes or ["atelier:read"], expires_at=until, user=user)


def is_dead(crm, text):
    with pytest.raises(NotSignedInError):
        principal_of_token(crm, text)
    return True


# What a token looks like.


@given(st.integers(0, 55), st.characters(min_codepoint=33, max_codepoint=126))
def test_token_with_one_other_character_is_none(place, other):
    text = new_token_text()
    changed = text[:place] + other + text[place + 1 :]

    assert is_token_text(text)
    assert is_token_text(changed) == (changed == text)


def test_token_is_found_by_scanners_and_has_256_random_bits():
    texts = {new_token_text() for _each in range(200)}

    assert len(texts) == 200
    assert all(re.fullmatch(r"crmkit_[A-Za-z0-9_-]{43}[A-Za-z0-9]{6}", text) for text in texts)


def test_what_is_no_token_is_refused(crm):
    for text in (
        "",
        "crmkit_",
        "Bearer x",
        "crmkit_" + "a" * 49,
        new_token_text() + "\n",
        "\x00",
        "ü",
        new_token_text(),
    ):
        assert is_dead(crm, text)


# Whose it is.


@both_databases
def test_token_acts_as_its_user_within_its_scopes(crm, anna):
    token = made(crm, anna, "atelier:read", "core:read")
    principal = principal_of_token(crm, token.text)

    assert (principal.user_id, principal.name) == (anna.user_id, anna.name)
    assert principal.scopes == {"atelier:read", "core:read"}
    with crm.write(principal) as db, pytest.raises(ForbiddenError):
        db.create(Commission(title="Sea"))


def test_token_itself_is_nowhere_in_the_database(crm, anna):
    token = made(crm, anna)
    principal_of_token(crm, token.text)

    with crm.storage.reading() as connection:
        tables = crm.schema.metadata.sorted_tables
        everything = [repr(tuple(row)) for table in tables for row in connection.execute(sa.select(table))]
    assert any(sha256(token.text.encode()).hexdigest() in row for row in everything)
    assert not [row for row in everything if token.text[12:] in row]
    assert token.text not in repr(token)
    assert token.text.startswith(token.token.prefix)


@both_databases
def test_user_sees_and_ends_their_own_tokens_and_administrators_all(crm, anna, boss, people):
    eve = people.user("Eve")
    token, other = made(crm, anna), made(crm, eve)

    with crm.write(anna) as db:
        assert [t.id for t in db.find(Token)] == [token.token.id]
        with pytest.raises(NotFoundError):
            end_token(db, other.token.id)
        end_token(db, token.token.id)
        with pytest.raises(InapplicableVerbError):
            end_token(db, token.token.id)
    assert is_dead(crm, token.text)
    with crm.write(boss) as db:
        assert len(db.find(Token)) == 2
        end_token(db, other.token.id)
        assert [entry.kind for entry in db.history(db.get(Token, other.token.id))] == ["create", "update"]
    assert is_dead(crm, other.text)


def test_nobody_writes_a_token_past_the_steps(crm, anna, boss):
    token = made(crm, anna).token

    for principal in (anna, boss):
        with crm.write(principal) as db:
            for write in (
                lambda: db.update(token, scopes="*:write"),
                lambda: db.update(token, user_id=boss.user_id),
                lambda: db.update(token, expires_at=db.now + 9999 * DAY),
                lambda: db.create(attrs.evolve(token, id=boss.user_id)),
                lambda: db.delete(token),
            ):
                with pytest.raises(ForbiddenError):
                    write()


def test_administrator_makes_tokens_for_others_and_nobody_else_does(crm, anna, boss, people):
    verbs = ["read", "create", "update"]
    people.role("staff", [Grant("core.user", verbs, "all"), Grant("core.token", verbs, "all")])
    staff = people.user("Staff", roles=["staff"])

    assert principal_of_token(crm, made(crm, boss, user=anna.user_id).text).user_id == anna.user_id
    for principal in (staff, people.user("Eve")):
        with pytest.raises(ForbiddenError):
            made(crm, principal, user=anna.user_id)
    with pytest.raises(NotFoundError):
        made(crm, boss, user=made(crm, boss).token.id)


def test_company_decides_whether_people_make_tokens_of_their_own(crm, people):
    stranger = people.user("Eve", member=False)

    with pytest.raises(ForbiddenError):
        made(crm, stranger)


def test_token_makes_no_token(crm, boss):
    holder = principal_of_token(crm, made(crm, boss, "*:write").text)

    with pytest.raises(ForbiddenError):
        made(crm, holder, "*:read")


@pytest.mark.parametrize("scopes", [["nosuch:read"], ["atelier"], ["*"], [""], ["atelier:read", "sales:read"]])
def test_token_has_scopes_of_plugins_that_are_here(crm, anna, scopes):
    with pytest.raises(UnknownScopeError), crm.write(anna) as db:
        make_token(db, "x", scopes=scopes, expires_at=db.now + DAY)
    with pytest.raises(UnknownScopeError), crm.write(anna) as db:
        make_token(db, "x", scopes=[], expires_at=db.now + DAY)


def test_token_expires_in_the_future(crm, anna):
    with pytest.raises(ValidationError):
        made(crm, anna, days=0)
    with pytest.raises(ValidationError):
        made(crm, anna, days=-1)


# When it ends.


@both_databases
def test_token_expires(crm, anna, clock):
    token = made(crm, anna, days=30)
    clock.advance(days=30, seconds=-1)
    principal_of_token(crm, token.text)

    clock.advance(seconds=1)
    assert is_dead(crm, token.text)


@both_databases
@pytest.mark.parametrize("way", ["deactivate", "delete", "offboard"])
def test_t26_token_of_a_deactivated_user_is_dead_at_the_next_request(crm, anna, boss, way):
    token = made(crm, anna)
    principal_of_token(crm, token.text)

    with crm.write(boss) as db:
        user = db.get(User, anna.user_id)
        if way == "deactivate":
            db.update(user, is_active=False)
        elif way == "delete":
            db.delete(user)
        else:
            offboard(db, anna.user_id, Succession(to=[boss.user_id]))
    assert is_dead(crm, token.text)


@pytest.mark.parametrize("way", ["deactivate", "delete"])
def test_t17_token_does_not_come_back_with_its_user(crm, anna, boss, people, way):
    token = made(crm, anna)
    with crm.write(boss) as db:
        user = db.get(User, anna.user_id)
        if way == "deactivate":
            db.update(db.update(user, is_active=False), is_active=True)
        else:
            db.delete(user)
            db.restore(User, anna.user_id)

    assert is_dead(crm, token.text)
    with crm.read(boss) as db:
        assert db.find(Token, "ended_at == null") == []


def test_t17_user_made_anew_inherits_nothing(crm, anna, boss, people):
    token = made(crm, anna)
    with crm.write(boss) as db:
        db.delete(db.get(User, anna.user_id))
    again = people.user("Anna Snelling", email="anna@example.org")

    assert is_dead(crm, token.text)
    with crm.read(again) as db:
        assert db.find(Token) == [] == db.find(Commission)
    with crm.read(boss) as db:
        assert {t.user_id for t in db.find(Token, deleted=True)} <= {anna.user_id}


def test_user_goes_also_for_who_sees_none_of_their_tokens(crm, anna, people):
    """Whoever may delete a user is not told by a refusal that the user has a token."""
    people.role("staff", [Grant("core.user", ["read", "delete"], "all"), Grant("core.assignment", ["read"], "all")])
    staff, token = people.user("Staff", roles=["staff"]), made(crm, anna)

    with crm.write(staff) as db:
        db.delete(db.get(User, anna.user_id))
    assert is_dead(crm, token.text)


@both_databases
def test_row_that_makes_no_sense_gives_nothing(crm, anna):
    token = made(crm, anna)
    table = crm.schema.tables["core_token"]
    with crm.storage.writing() as connection:
        connection.execute(sa.update(table).values(scopes=""))

    assert principal_of_token(crm, token.text).scopes == frozenset()


# When it was used.


@both_databases
def test_last_use_is_known_to_the_minute(crm, anna, clock):
    token = made(crm, anna)

    def used():
        with crm.read(anna) as db:
            return last_used(db, db.find(Token))[token.token.id]

    assert used() is None
    principal_of_token(crm, token.text)
    first = used()
    assert first == clock.now()
    clock.advance(seconds=59)
    principal_of_token(crm, token.text)
    assert used() == first
    clock.advance(seconds=1)
    principal_of_token(crm, token.text)
    assert used() == clock.now()
