"""Passkeys (W3C WebAuthn): a key on a device, unlocked by its owner, which proves with one step who somebody is.

The device checks for which site it signs, so that nobody can be talked into signing in elsewhere; and it checks its
owner, by a finger or a PIN, so that a passkey alone counts as more than one factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.auth.errors import NotSignedInError, SignInRefusedError, TicketError
from crmkit.auth.extra import needs_auth
from crmkit.auth.known_by import known_by
from crmkit.auth.recovery_codes import first_recovery_codes
from crmkit.auth.second_factor import check_may_enrol
from crmkit.auth.sessions import Client, Open, start_session, strengthen
from crmkit.auth.tickets import issue, redeem
from crmkit.core.entity import entity_info
from crmkit.core.errors import ForbiddenError
from crmkit.core.signing_in.entities import Passkey
from crmkit.core.storage.schema import Schema
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write, creation

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = [
    "begin_passkey",
    "begin_passkey_sign_in",
    "finish_passkey",
    "open_passkeys",
    "remove_passkey",
    "sign_in_with_passkey",
]

_LIFE = timedelta(minutes=5)
_WHAT = _("A passkey")


def begin_passkey(crm: CRM, session: Open, origin: str) -> tuple[Mapping[str, Any], str]:
    """Return what a browser is asked to make a passkey with, at the site *origin*, and the ticket for the next step.

    Raises:
        SecondFactorNeededError: the holder of *session* has a second factor, and did not give it.
        MissingExtraError: the extra ``auth`` is not installed.
    """
    with needs_auth(_WHAT):
        import webauthn
        from webauthn.helpers import structs
    check_may_enrol(crm, session)
    with crm.opened.reading() as connection:
        known = _credentials_of(connection, crm.schema, session.user_id)
    options = webauthn.generate_registration_options(
        rp_id=_site(origin),
        rp_name=crm.config.company.name,
        user_id=session.user_id.bytes,
        user_name=session.user_name,
        user_display_name=session.user_name,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            structs.PublicKeyCredentialDescriptor(id=webauthn.base64url_to_bytes(credential)) for credential in known
        ],
    )
    return _begun(crm, options, "passkey_made", session.user_id)


def finish_passkey(
    crm: CRM, session: Open, origin: str, ticket: str, credential: Mapping[str, Any], name: str
) -> tuple[str, Passkey, list[str]]:
    """Keep the passkey *credential* that a browser has made, under a *name* that its owner gives it.

    Returns the new secret of *session*, the passkey, and recovery codes if this is the first second factor.

    Raises:
        TicketError: the step before was too long ago, or was somebody else's.
        SignInRefusedError: it was made for another site, without its owner, or is none.
    """
    with needs_auth(_WHAT):
        import webauthn
        from webauthn.helpers.exceptions import WebAuthnException
    check_may_enrol(crm, session)
    challenge = _challenge(crm, "passkey_made", ticket, session.user_id)
    try:
        made = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=_site(origin),
            expected_origin=origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise SignInRefusedError from None
    passkey = Passkey(user_id=session.user_id, name=name)
    with crm.system("passkey made") as db:
        db.take(creation(passkey, trusted=True))
        table = db.model.schema.system.passkey_key
        row = {
            "passkey_id": passkey.id,
            "credential": webauthn.helpers.bytes_to_base64url(made.credential_id),
            "public_key": webauthn.helpers.bytes_to_base64url(made.credential_public_key),
            "sign_count": made.sign_count,
        }
        db.connection.execute(sa.insert(table).values(row))
        codes = first_recovery_codes(db.connection, db.model.schema, session.user_id)
        passkey = db.get(Passkey, passkey.id)
    return strengthen(crm, session), passkey, codes


def begin_passkey_sign_in(crm: CRM, origin: str) -> tuple[Mapping[str, Any], str]:
    """Return what a browser is asked to sign with a passkey for the site *origin*, and the ticket for the next step.

    Nobody is named: the device offers the passkeys that it has.
    """
    with needs_auth(_WHAT):
        import webauthn
        from webauthn.helpers.structs import UserVerificationRequirement
    options = webauthn.generate_authentication_options(
        rp_id=_site(origin), user_verification=UserVerificationRequirement.REQUIRED
    )
    return _begun(crm, options, "passkey_used", None)


def sign_in_with_passkey(
    crm: CRM, origin: str, ticket: str, credential: Mapping[str, Any], client: Client, session: Open | None = None
) -> str:
    """Return the secret of a new session, proved by several factors, of whoever owns the passkey behind *credential*.

    Given a *session*, the passkey is its second factor: it must be of the same user, and the new secret is returned.

    Raises:
        TicketError: the step before was too long ago.
        SignInRefusedError: no passkey of anybody here has signed this, for this site.
    """
    challenge = _challenge(crm, "passkey_used", ticket, None)
    user = _signer(crm, origin, challenge, credential)
    if session is None:
        try:
            return start_session(crm, user, "multiple", client)
        except NotSignedInError:
            raise SignInRefusedError from None
    if user != session.user_id:
        raise SignInRefusedError
    return strengthen(crm, session)


def open_passkeys(db: Reader) -> list[Passkey]:
    """Return the passkeys that *db* sees, oldest first."""
    return known_by(db, Passkey, order_by="created_at")


def remove_passkey(db: Writer, passkey: UUID) -> None:
    """Remove *passkey*: from now on nobody signs in with it.

    Raises:
        NotFoundError: the principal sees no such passkey.
        ForbiddenError: the principal may not remove it, or acts through a token.
    """
    info = entity_info(Passkey)
    db.get(Passkey, passkey)
    if db.access.scopes is not None or not db.allowed_ids(info, "delete", [passkey]):
        raise ForbiddenError(info.id, "delete", passkey)
    db.take(Write("delete", info, passkey, {}, trusted=True))


def _begun(crm: CRM, options: Any, purpose: Any, user: UUID | None) -> tuple[Mapping[str, Any], str]:
    import webauthn

    details = {"challenge": webauthn.helpers.bytes_to_base64url(options.challenge)}
    with crm.opened.writing() as connection:
        ticket = issue(connection, crm.schema, purpose, crm.clock.now(), _LIFE, user=user, details=details)
    return msgspec.json.decode(webauthn.options_to_json(options)), ticket


def _challenge(crm: CRM, purpose: Any, ticket: str, user: UUID | None) -> bytes:
    import webauthn

    with crm.opened.writing() as connection:
        found = redeem(connection, crm.schema, purpose, ticket, crm.clock.now())
    if found.user_id != user:
        raise TicketError
    return webauthn.base64url_to_bytes(found.details["challenge"])


def _signer(crm: CRM, origin: str, challenge: bytes, credential: Mapping[str, Any]) -> UUID:
    """Return the user whose passkey has signed the *challenge*, and note how often it has signed."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    key, passkey = crm.schema.system.passkey_key, crm.schema.tables["core_passkey"]
    asked = sa.select(key, passkey.c.user_id).join(passkey, passkey.c.id == key.c.passkey_id)
    mine = (key.c.credential == str(credential.get("id")), passkey.c.deleted_at.is_(None))
    with crm.opened.reading() as connection:
        row = connection.execute(asked.where(*mine)).one_or_none()
    if row is None:
        raise SignInRefusedError
    try:
        signed = webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=_site(origin),
            expected_origin=origin,
            credential_public_key=webauthn.base64url_to_bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise SignInRefusedError from None
    values = {"sign_count": signed.new_sign_count, "used_at": crm.clock.now()}
    with crm.opened.writing() as connection:
        connection.execute(sa.update(key).where(key.c.passkey_id == row.passkey_id).values(values))
    user: UUID = row.user_id
    return user


def _credentials_of(connection: Connection, schema: Schema, user: UUID) -> list[str]:
    key, passkey = schema.system.passkey_key, schema.tables["core_passkey"]
    asked = sa.select(key.c.credential).join(passkey, passkey.c.id == key.c.passkey_id)
    return list(connection.scalars(asked.where(passkey.c.user_id == user, passkey.c.deleted_at.is_(None))))


def _site(origin: str) -> str:
    """Return what passkeys are bound to: the name of the host of *origin*."""
    return urlsplit(origin).hostname or ""
