"""Signing in: who somebody is. What they may do then, readers and writers decide."""

from __future__ import annotations

from crmkit.auth.errors import (
    NotSignedInError,
    ProviderError,
    SecondFactorNeededError,
    SignInRefusedError,
    TicketError,
    TooManyAttemptsError,
)
from crmkit.auth.links import PASSWORD_PAGE, Invitation
from crmkit.auth.openid import begin_openid, link_identity, provider_of, sign_in_with_openid
from crmkit.auth.passkeys import (
    begin_passkey,
    begin_passkey_sign_in,
    finish_passkey,
    open_passkeys,
    remove_passkey,
    sign_in_with_passkey,
)
from crmkit.auth.passwords import invite, reset_password, set_password, use_invitation
from crmkit.auth.recovery_codes import use_recovery_code
from crmkit.auth.second_factor import SignedIn, factors_of, principal_of_session, reset_second_factors
from crmkit.auth.sessions import Client, end_session, end_sessions, find_session, open_sessions, sign_out
from crmkit.auth.signing_in import change_password, sign_in
from crmkit.auth.tokens import (
    Holder,
    NewToken,
    end_token,
    holder_of_token,
    last_used,
    make_token,
    open_tokens,
    principal_of_token,
)
from crmkit.auth.totp import begin_totp, confirm_totp, remove_totp, use_totp

__all__ = [
    "PASSWORD_PAGE",
    "Client",
    "Holder",
    "Invitation",
    "NewToken",
    "NotSignedInError",
    "ProviderError",
    "SecondFactorNeededError",
    "SignInRefusedError",
    "SignedIn",
    "TicketError",
    "TooManyAttemptsError",
    "begin_openid",
    "begin_passkey",
    "begin_passkey_sign_in",
    "begin_totp",
    "change_password",
    "confirm_totp",
    "end_session",
    "end_sessions",
    "end_token",
    "factors_of",
    "find_session",
    "finish_passkey",
    "holder_of_token",
    "invite",
    "last_used",
    "link_identity",
    "make_token",
    "open_passkeys",
    "open_sessions",
    "open_tokens",
    "principal_of_session",
    "principal_of_token",
    "provider_of",
    "remove_passkey",
    "remove_totp",
    "reset_password",
    "reset_second_factors",
    "set_password",
    "sign_in",
    "sign_in_with_openid",
    "sign_in_with_passkey",
    "sign_out",
    "use_invitation",
    "use_recovery_code",
    "use_totp",
]
