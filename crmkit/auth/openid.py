"""Signing in with a provider of OpenID Connect: the code flow with PKCE (RFC 7636), state and nonce.

What the provider vouches for is a *subject*. It is the user to whom it was linked: by an administrator, or at the first
sign-in by an e-mail address that the provider has verified, where the configuration says so.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.auth.digests import digest_of, new_secret
from crmkit.auth.errors import NotSignedInError, ProviderError, SignInRefusedError, TicketError
from crmkit.auth.holders import check_may_set_for
from crmkit.auth.next_page import next_page
from crmkit.auth.provider import Provider
from crmkit.auth.sessions import Client, start_session
from crmkit.auth.statements import may_sign_in
from crmkit.auth.tickets import issue, redeem
from crmkit.core.errors import ConfigurationError
from crmkit.core.signing_in.entities import Identity
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import creation

if TYPE_CHECKING:
    from crmkit.core.configuration.config import OpenIdConnect
    from crmkit.core.crm import CRM
    from crmkit.core.writing.writer import Writer

__all__ = ["Begun", "begin_openid", "link_identity", "provider_of", "sign_in_with_openid"]

_LIFE = timedelta(minutes=10)
_LEEWAY = 60


@attrs.frozen
class Begun:
    """Where a browser is sent to sign in, and the secret for its cookie, by which it is known when it comes back."""

    url: str
    secret: str = attrs.field(repr=False)


def provider_of(crm: CRM) -> Provider:
    """Return the provider that the configuration of *crm* names.

    Raises:
        ConfigurationError: it names none.
    """
    settings = crm.config.openid
    if not settings.issuer or not settings.client_id:
        raise ConfigurationError("openid.issuer", _("no provider is configured"))
    clock: Any = crm.clock
    return _known(settings, clock)


@lru_cache(maxsize=64)
def _known(settings: OpenIdConnect, clock: Any) -> Provider:
    """Return the provider of *settings*, the same each time, so that what it tells of itself is not asked anew."""
    return Provider(settings, clock)


def begin_openid(crm: CRM, provider: Provider, redirect_uri: str, asked: str | None) -> Begun:
    """Begin to sign in with *provider*, which sends the browser back to *redirect_uri*, and from there to *asked*.

    Raises:
        ProviderError: the provider does not answer.
        MissingExtraError: the extra ``auth`` is not installed.
    """
    verifier, nonce, secret = new_secret() + new_secret(), new_secret(), new_secret()
    details = {"verifier": verifier, "nonce": nonce, "browser": digest_of(secret), "next": next_page(asked)}
    with crm.opened.writing() as connection:
        state = issue(connection, crm.schema, "provider", crm.clock.now(), _LIFE, details=details)
    with _oauth(provider, redirect_uri) as client:
        endpoint = provider.endpoint("authorization_endpoint")
        url, _state = client.create_authorization_url(endpoint, state=state, code_verifier=verifier, nonce=nonce)
    return Begun(url, secret)


def sign_in_with_openid(
    crm: CRM, provider: Provider, redirect_uri: str, answer: Mapping[str, str], secret: str, client: Client
) -> tuple[str, str]:
    """Return the secret of a new session of whom the provider vouches for in *answer*, and the page to go to.

    *secret* is that of the browser's cookie, and *answer* the parameters with which the provider sent it back.

    Raises:
        TicketError: it was not begun here, by this browser, or too long ago.
        ProviderError: the provider refuses, or does not answer as it must.
        SignInRefusedError: its subject is nobody here.
    """
    with crm.opened.writing() as connection:
        ticket = redeem(connection, crm.schema, "provider", answer.get("state", ""), crm.clock.now())
    if not hmac.compare_digest(ticket.details["browser"], digest_of(secret)):
        raise TicketError
    if "code" not in answer:
        raise ProviderError(_("it has signed nobody in"))
    tokens = _tokens(provider, redirect_uri, answer["code"], ticket.details["verifier"])
    claims = provider.claims(str(tokens.get("id_token", "")))
    _check_claims(crm, provider, claims, ticket.details["nonce"])
    assurance = "multiple" if "mfa" in _listed(claims.get("amr")) else "single"
    try:
        return start_session(crm, _user_of(crm, provider, claims), assurance, client), ticket.details["next"]
    except NotSignedInError:
        raise SignInRefusedError from None


def link_identity(db: Writer, user: UUID, issuer: str, subject: str) -> Identity:
    """Let whom *issuer* calls *subject* sign in as *user*.

    Raises:
        NotFoundError, ForbiddenError: the principal may not; see :func:`~crmkit.auth.holders.check_may_set_for`.
        ConflictError: the subject is somebody already.
    """
    check_may_set_for(db, user)
    identity = Identity(user_id=user, issuer=issuer, subject=subject)
    db.take(creation(identity, trusted=True))
    return db.trusted.get(Identity, identity.id)


def _oauth(provider: Provider, redirect_uri: str) -> Any:
    from authlib.integrations.httpx_client import OAuth2Client

    settings = provider.settings
    return OAuth2Client(
        settings.client_id,
        settings.client_secret,
        scope=settings.scope,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        timeout=10,
    )


def _tokens(provider: Provider, redirect_uri: str, code: str, verifier: str) -> Mapping[str, Any]:
    import httpx2
    from authlib.common.errors import AuthlibBaseError

    try:
        with _oauth(provider, redirect_uri) as client:
            endpoint = provider.endpoint("token_endpoint")
            found: Mapping[str, Any] = client.fetch_token(endpoint, code=code, code_verifier=verifier)
            return found
    except (AuthlibBaseError, httpx2.HTTPError, ValueError):
        raise ProviderError(_("it does not take the code that it gave")) from None


def _check_claims(crm: CRM, provider: Provider, claims: Mapping[str, Any], nonce: str) -> None:
    """Return if *claims* are what OpenID Connect Core 1.0, section 3.1.3.7, asks for.

    Raises:
        ProviderError: they are for somebody else, another sign-in, or another time.
    """
    settings, now = provider.settings, crm.clock.now().timestamp()
    audience = _listed(claims.get("aud"))
    expires, subject = claims.get("exp"), claims.get("sub")
    is_for_us = settings.client_id in audience and (len(audience) == 1 or claims.get("azp") == settings.client_id)
    is_now = isinstance(expires, (int, float)) and now < expires + _LEEWAY
    is_ours = hmac.compare_digest(str(claims.get("nonce")).encode(), nonce.encode())
    is_somebody = isinstance(subject, str) and 0 < len(subject) <= 255
    if claims.get("iss") != settings.issuer or not (is_for_us and is_now and is_ours and is_somebody):
        raise ProviderError(_("its token is for somebody else, or for another time"))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _user_of(crm: CRM, provider: Provider, claims: Mapping[str, Any]) -> UUID:
    table = crm.schema.tables["core_identity"]
    issuer, subject = str(provider.settings.issuer), str(claims["sub"])
    mine = (table.c.issuer == issuer, table.c.subject == subject, table.c.deleted_at.is_(None))
    with crm.opened.reading() as connection:
        known: UUID | None = connection.scalar(sa.select(table.c.user_id).where(*mine))
    return known or _linked_by_email(crm, provider, claims)


def _linked_by_email(crm: CRM, provider: Provider, claims: Mapping[str, Any]) -> UUID:
    """Link the subject to the one active person with its verified e-mail address, who has no identity there yet."""
    email, issuer = claims.get("email"), str(provider.settings.issuer)
    if not provider.settings.by_email or claims.get("email_verified") is not True or not isinstance(email, str):
        raise SignInRefusedError
    user, identity = crm.schema.tables["core_user"], crm.schema.tables["core_identity"]
    name, _at, domain = email.strip().rpartition("@")
    linked = sa.select(identity.c.user_id).where(identity.c.issuer == issuer, identity.c.deleted_at.is_(None))
    free = (*may_sign_in(user), user.c.id.not_in(linked))
    asked = sa.select(user.c.id).where(user.c.email == f"{name}@{domain.lower()}", *free)
    with crm.system("first sign-in with the provider") as db:
        found: list[UUID] = list(db.connection.scalars(asked))
        if len(found) != 1:
            raise SignInRefusedError
        db.take(creation(Identity(user_id=found[0], issuer=issuer, subject=claims["sub"]), trusted=True))
    return found[0]
