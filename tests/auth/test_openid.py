"""Signing in with a provider of OpenID Connect, which runs here: Authlib's server, asked over HTTP."""

import os

import attrs
import httpx2
import pytest
from joserfc.jwk import OctKey, RSAKey

from crmkit import ConflictError, ForbiddenError
from crmkit.auth import (
    Client,
    NotSignedInError,
    ProviderError,
    SignInRefusedError,
    TicketError,
    begin_openid,
    find_session,
    link_identity,
    provider_of,
    sign_in_with_openid,
)
from crmkit.core.errors import ConfigurationError
from crmkit.core.signing_in.entities import Identity
from crmkit.testing import both_databases
from tests.auth.conftest import BROWSER
from tests.auth.provider import CLIENT, SECRET, served

BACK = "https://crm.example.org/api/v1/sign-in/openid/callback"


@pytest.fixture(autouse=True)
def _insecure(monkeypatch):
    # Authlib's server insists on https; this one is on the same machine.
    monkeypatch.setitem(os.environ, "AUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture
def op(clock):
    with served(BACK, clock) as provider:
        yield provider


@pytest.fixture
def known(crm, op, configured):
    """What crmkit knows of the provider."""
    configured("openid", issuer=op.issuer, client_id=CLIENT, client_secret=SECRET)
    return provider_of(crm)


@pytest.fixture
def linked(crm, op, anna, boss):
    with crm.write(boss) as db:
        return link_identity(db, anna.user_id, op.issuer, op.subject)


class Flow:
    """One way through the provider, step by step."""

    def __init__(self, crm, known, asked=None):
        self.crm, self.known = crm, known
        self.begun = begin_openid(crm, known, BACK, asked)

    def answer(self):
        """Return the parameters with which the provider sends the browser back."""
        place = httpx2.get(self.begun.url, follow_redirects=False).headers["location"]
        assert place.startswith(BACK)
        return dict(httpx2.URL(place).params)

    def finish(self, answer=None, secret=None, client=BROWSER):
        answer = self.answer() if answer is None else answer
        return sign_in_with_openid(self.crm, self.known, BACK, answer, secret or self.begun.secret, client)


@both_databases
def test_person_whom_the_provider_knows_signs_in(crm, known, linked, anna):
    secret, page = Flow(crm, known, "/deals?tab=mine").finish(client=Client("192.0.2.7", "Firefox"))

    session = find_session(crm, secret)
    assert (session.user_id, session.assurance, page) == (anna.user_id, "single", "/deals?tab=mine")


def test_sign_in_uses_code_pkce_state_and_nonce(crm, known):
    asked = httpx2.URL(Flow(crm, known).begun.url).params

    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == BACK
    assert "openid" in asked["scope"].split()
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43


def test_provider_that_checked_several_factors_is_believed(crm, known, linked, op):
    op.claims = {"amr": ["pwd", "mfa"]}

    assert find_session(crm, Flow(crm, known).finish()[0]).assurance == "multiple"


def test_t29_page_of_another_site_is_never_next(crm, known, linked):
    assert Flow(crm, known, "//evil.example").finish()[1] == "/"


# Who somebody is.


def test_subject_that_is_nobody_here_is_refused(crm, known, op, linked):
    op.subject = "somebody else"
    op.claims = {"email": "anna@example.org", "email_verified": True}

    with pytest.raises(SignInRefusedError):
        Flow(crm, known).finish()


@both_databases
def test_verified_address_is_enough_at_first_where_the_company_says_so(crm, op, anna, configured):
    configured("openid", issuer=op.issuer, client_id=CLIENT, client_secret=SECRET, by_email=True)
    known, op.claims = provider_of(crm), {"email": "anna@EXAMPLE.org", "email_verified": True}

    assert find_session(crm, Flow(crm, known).finish()[0]).user_id == anna.user_id
    op.claims = {}
    assert find_session(crm, Flow(crm, known).finish()[0]).user_id == anna.user_id
    # Another subject with the same address is somebody else: whoever has the address now.
    op.subject, op.claims = "another", {"email": "anna@example.org", "email_verified": True}
    with pytest.raises(SignInRefusedError):
        Flow(crm, known).finish()


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "anna@example.org"},
        {"email": "anna@example.org", "email_verified": False},
        {"email": "anna@example.org", "email_verified": "true"},
        {"email": "nobody@example.org", "email_verified": True},
        {"email": ["anna@example.org"], "email_verified": True},
        {"email": "", "email_verified": True},
    ],
)
def test_address_that_is_not_verified_is_nobodys(crm, op, anna, configured, claims):
    configured("openid", issuer=op.issuer, client_id=CLIENT, client_secret=SECRET, by_email=True)
    op.claims = claims

    with pytest.raises(SignInRefusedError):
        Flow(crm, provider_of(crm)).finish()


def test_deactivated_person_is_refused(crm, known, linked, anna, boss):
    from crmkit import User

    with crm.write(boss) as db:
        db.update(db.get(User, anna.user_id), is_active=False)

    with pytest.raises(SignInRefusedError):
        Flow(crm, known).finish()


def test_administrator_links_people_and_nobody_else_does(crm, known, linked, op, anna, boss):
    with crm.write(anna) as db, pytest.raises(ForbiddenError):
        link_identity(db, anna.user_id, op.issuer, "boss's subject")
    with crm.write(boss) as db, pytest.raises(ForbiddenError):
        db.update(linked, user_id=boss.user_id)
    with pytest.raises(ConflictError), crm.write(boss) as db:
        link_identity(db, boss.user_id, op.issuer, op.subject)
    with crm.read(anna) as db:
        assert [identity.subject for identity in db.find(Identity)] == [op.subject]


# Whose sign-in it is.


def test_answer_is_taken_once(crm, known, linked):
    flow = Flow(crm, known)
    answer = flow.answer()
    flow.finish(answer)

    with pytest.raises(TicketError):
        flow.finish(answer)


def test_answer_of_another_browser_is_refused(crm, known, linked):
    """Nobody is made to sign in as somebody else by a link."""
    mine, other = Flow(crm, known), Flow(crm, known)

    with pytest.raises(TicketError):
        mine.finish(secret=other.begun.secret)
    with pytest.raises(TicketError):
        other.finish(answer={**other.answer(), "state": "made up"})
    with pytest.raises(TicketError):
        other.finish(answer={})


def test_answer_that_comes_too_late_is_refused(crm, known, linked, clock):
    flow = Flow(crm, known)
    answer = flow.answer()
    clock.advance(minutes=10)

    with pytest.raises(TicketError):
        flow.finish(answer)


def test_code_of_another_sign_in_is_refused(crm, known, linked):
    """The code was given for another verifier, which its thief does not know."""
    mine, other = Flow(crm, known), Flow(crm, known)
    stolen = {**mine.answer(), "code": other.answer()["code"]}

    with pytest.raises(ProviderError):
        mine.finish(stolen)


def test_refusal_of_the_provider_is_told(crm, known, linked):
    flow = Flow(crm, known)

    with pytest.raises(ProviderError):
        flow.finish({"error": "access_denied", "state": flow.answer()["state"]})


# What the provider says.


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"aud": []},
        {"exp": 0},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"sub": ""},
        {"sub": 248289761001},
        {"sub": "x" * 256},
    ],
)
def test_token_for_somebody_else_or_another_time_is_refused(crm, known, linked, op, claims):
    op.claims = claims

    with pytest.raises(ProviderError):
        Flow(crm, known).finish()


def test_token_that_the_provider_did_not_sign_is_refused(crm, known, linked, op):
    real = op.id_token
    own, stranger = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256"}), OctKey.import_key(SECRET)
    forgeries = [
        lambda user, nonce: real(user, nonce, key=own),
        lambda user, nonce: real(user, nonce, {"alg": "HS256"}, stranger),
        lambda user, nonce: real(user, nonce).rpartition(".")[0] + ".",
        lambda user, nonce: "eyJhbGciOiJub25lIn0." + real(user, nonce).split(".")[1] + ".",
        lambda user, nonce: "",
        lambda user, nonce: "x.y.z",
    ]
    for forge in forgeries:
        op.id_token = forge
        with pytest.raises(ProviderError):
            Flow(crm, known).finish()


def test_provider_may_change_its_keys(crm, known, linked, op):
    Flow(crm, known).finish()
    op.key = op.published = RSAKey.generate_key(2048, {"kid": "two", "use": "sig", "alg": "RS256"})

    Flow(crm, known).finish()


def test_provider_that_says_it_is_another_is_refused(crm, known, op):
    op.metadata = {"issuer": "https://evil.example"}

    with pytest.raises(ProviderError):
        Flow(crm, known)


@pytest.mark.parametrize("place", ["http://127.0.0.1:1", "https://127.0.0.1:1/x"])
def test_provider_that_does_not_answer_is_an_error_without_details(crm, known, place):
    away = attrs.evolve(known.settings, issuer=place)

    with pytest.raises(ProviderError) as caught:
        Flow(crm, type(known)(away, crm.clock))
    assert place not in str(caught.value)


def test_no_provider_is_configured_by_default(crm):
    with pytest.raises(ConfigurationError):
        provider_of(crm)


def test_session_is_not_begun_by_the_provider_alone(crm, known):
    with pytest.raises(NotSignedInError):
        find_session(crm, Flow(crm, known).begun.secret)
