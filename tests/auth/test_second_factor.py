"""Second factors: when one is needed, that each code counts once, and what stands in for a lost one."""

from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
import sqlalchemy as sa

from crmkit import CrmkitError, User
from crmkit.auth import (
    NotSignedInError,
    SecondFactorNeededError,
    SignInRefusedError,
    TooManyAttemptsError,
    begin_totp,
    change_password,
    confirm_totp,
    find_session,
    principal_of_session,
    remove_totp,
    sign_in,
    use_recovery_code,
    use_totp,
)
from crmkit.core.encryption.masters import MasterKeys, new_key
from crmkit.core.errors import InapplicableVerbError
from crmkit.testing import both_databases
from tests.auth.conftest import BROWSER, PASSWORD


class Authenticator:
    """An authenticator of Anna's, as her telephone has it."""

    def __init__(self, crm, clock, session):
        self.crm, self.clock = crm, clock
        self.totp = pyotp.parse_uri(begin_totp(crm, session)["uri"])
        self.cookie, self.recovery_codes = confirm_totp(crm, session, self.code())

    def code(self):
        return self.totp.at(self.clock.now())

    def next_code(self):
        self.clock.advance(seconds=30)
        return self.code()

    def sign_in(self):
        """Return a session that waits for the second factor."""
        return find_session(self.crm, sign_in(self.crm, "Anna Snelling", PASSWORD, BROWSER))


@pytest.fixture
def authenticator(crm, clock, session):
    return Authenticator(crm, clock, session)


# When one is needed.


@both_databases
def test_who_has_a_second_factor_always_needs_it(crm, cookie, session, authenticator):
    assert principal_of_session(crm, authenticator.cookie).session_id == session.id
    with pytest.raises(NotSignedInError):
        principal_of_session(crm, cookie)

    waiting = authenticator.sign_in()
    with pytest.raises(SecondFactorNeededError) as caught:
        principal_of_session(crm, waiting.secret)
    assert caught.value.methods == ("totp", "recovery_code")
    after = use_totp(crm, waiting, authenticator.next_code())
    assert principal_of_session(crm, after).session_id == waiting.id
    with pytest.raises(NotSignedInError):
        principal_of_session(crm, waiting.secret)


@both_databases
def test_role_demands_a_second_factor_from_the_next_request_on(crm, cookie, people, anna, configured):
    principal_of_session(crm, cookie)
    configured("auth", second_factor=["core.administrator"])
    principal_of_session(crm, cookie)

    people.assign(anna, "core.administrator")
    with pytest.raises(SecondFactorNeededError) as caught:
        principal_of_session(crm, cookie)
    assert caught.value.methods == ()


def test_everybody_may_be_asked_for_a_second_factor_and_sets_it_up_then(crm, cookie, configured, clock):
    configured("auth", second_factor=["*"])
    with pytest.raises(SecondFactorNeededError):
        principal_of_session(crm, cookie)

    principal_of_session(crm, Authenticator(crm, clock, find_session(crm, cookie)).cookie)


def test_other_second_factor_is_set_up_after_the_first_was_given(crm, authenticator):
    waiting = authenticator.sign_in()

    with pytest.raises(SecondFactorNeededError):
        begin_totp(crm, waiting)
    with pytest.raises(SecondFactorNeededError):
        remove_totp(crm, waiting)
    with pytest.raises(InapplicableVerbError):
        begin_totp(crm, find_session(crm, authenticator.cookie))


def test_authenticator_is_removed_by_who_gave_it(crm, authenticator):
    remove_totp(crm, find_session(crm, authenticator.cookie))

    principal_of_session(crm, authenticator.sign_in().secret)


def test_authenticator_counts_once_it_has_shown_a_code(crm, session, clock):
    first = pyotp.parse_uri(begin_totp(crm, session)["uri"])
    second = pyotp.parse_uri(begin_totp(crm, session)["uri"])
    principal_of_session(crm, session.secret)

    with pytest.raises(SignInRefusedError):
        confirm_totp(crm, session, first.at(clock.now()))
    with pytest.raises(SignInRefusedError):
        use_totp(crm, session, second.at(clock.now()))
    confirm_totp(crm, session, second.at(clock.now()))


def test_new_password_keeps_what_was_proved(crm, authenticator):
    session = find_session(crm, authenticator.cookie)

    again = change_password(crm, session, PASSWORD, "eleven purple kettles", BROWSER)
    assert find_session(crm, again).assurance == "multiple"


# Codes.


@both_databases
def test_t31_one_time_code_is_taken_once_of_twenty_at_once(crm, authenticator):
    code = authenticator.next_code()
    waiting = [authenticator.sign_in() for _each in range(4)] * 5

    def attempt(session):
        try:
            return use_totp(crm, session, code)
        except CrmkitError as error:
            return error

    with ThreadPoolExecutor(20) as threads:
        found = list(threads.map(attempt, waiting))
    won = [each for each in found if isinstance(each, str)]
    assert len(won) == 1
    principal_of_session(crm, won[0])
    assert {type(each) for each in found if each not in won} <= {
        SignInRefusedError,
        TooManyAttemptsError,
        NotSignedInError,
    }


@both_databases
def test_t31_recovery_code_is_taken_once_of_twenty_at_once(crm, authenticator):
    code = authenticator.recovery_codes[0]
    waiting = authenticator.sign_in()

    def attempt(_each):
        try:
            return use_recovery_code(crm, waiting, code.upper().replace("-", " "))
        except CrmkitError as error:
            return error

    with ThreadPoolExecutor(20) as threads:
        found = list(threads.map(attempt, range(20)))
    won = [each for each in found if isinstance(each, str)]
    assert len(won) == 1
    principal_of_session(crm, won[0])


def test_code_is_not_taken_again_nor_an_older_one(crm, authenticator):
    code, newer = authenticator.next_code(), authenticator.next_code()
    use_totp(crm, authenticator.sign_in(), newer)

    for old in (code, newer):
        with pytest.raises(SignInRefusedError):
            use_totp(crm, authenticator.sign_in(), old)


def test_code_of_the_neighbouring_times_is_taken_and_no_other(crm, authenticator, clock):
    for seconds, taken in ((-30, True), (30, True), (-60, False), (60, False), (90, False)):
        clock.advance(minutes=10)
        waiting = authenticator.sign_in()
        at = authenticator.totp.generate_otp(int(clock.now().timestamp()) // 30 + seconds // 30)
        if taken:
            use_totp(crm, waiting, f"{at[:3]} {at[3:]}")
        else:
            with pytest.raises(SignInRefusedError):
                use_totp(crm, waiting, at)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "\x00", "ü", "\ud800"])
def test_what_is_no_code_is_refused(crm, authenticator, code):
    waiting = authenticator.sign_in()

    for use in (use_totp, use_recovery_code):
        with pytest.raises(SignInRefusedError):
            use(crm, waiting, code)


def test_code_of_somebody_else_is_refused(crm, authenticator, boss, give_password):
    give_password(boss)
    other = find_session(crm, sign_in(crm, "Boss", PASSWORD, BROWSER))

    for code in authenticator.recovery_codes:
        if code == authenticator.recovery_codes[5]:
            break
        with pytest.raises(SignInRefusedError):
            use_recovery_code(crm, other, code)


def test_codes_are_guessed_ever_more_slowly(crm, authenticator, clock):
    waiting, waits = authenticator.sign_in(), []
    for _each in range(12):
        with pytest.raises((SignInRefusedError, TooManyAttemptsError)) as caught:
            use_totp(crm, waiting, "000000")
        if isinstance(caught.value, TooManyAttemptsError):
            waits.append(caught.value.seconds)
            clock.advance(seconds=caught.value.seconds)
    assert waits == sorted(waits)
    assert len(waits) >= 3
    # Somebody else's session of the same user waits as well.
    with pytest.raises(SignInRefusedError):
        use_totp(crm, waiting, "000000")
    with pytest.raises(TooManyAttemptsError):
        use_recovery_code(crm, authenticator.sign_in(), authenticator.recovery_codes[0])


def test_recovery_codes_are_ten_and_kept_as_digests(crm, authenticator):
    codes = authenticator.recovery_codes
    with crm.storage.reading() as connection:
        kept = [repr(row) for row in connection.execute(sa.select(crm.schema.system.recovery_code))]

    assert len(set(codes)) == 10 == len(kept)
    assert all(len(code) == 19 for code in codes)
    assert not [code for code in codes if code in "".join(kept) or code.replace("-", "") in "".join(kept)]


# How the secret is kept.


def secret_kept(crm):
    with crm.storage.reading() as connection:
        return connection.scalar(sa.select(crm.schema.system.totp.c.secret))


@both_databases
def test_secret_of_an_authenticator_is_sealed_where_there_are_keys(crm, clock, session):
    crm.model.schema._keys.masters = MasterKeys.parse(new_key("first"))
    authenticator = Authenticator(crm, clock, session)

    assert authenticator.totp.secret not in secret_kept(crm)
    use_totp(crm, authenticator.sign_in(), authenticator.next_code())


def test_secrets_of_a_user_go_with_the_user(crm, anna, boss, authenticator):
    with crm.write(boss) as db:
        db.delete(db.get(User, anna.user_id))

    tables = crm.schema.system
    with crm.storage.reading() as connection:
        for table in (tables.password, tables.totp, tables.recovery_code, tables.ticket):
            assert connection.execute(sa.select(table)).all() == []
