"""The errors of signing in. They tell nothing about which accounts there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _

__all__ = [
    "NotSignedInError",
    "ProviderError",
    "SecondFactorNeededError",
    "SignInRefusedError",
    "TicketError",
    "TooManyAttemptsError",
]


class NotSignedInError(CrmkitError):
    """What was shown proves nothing: it is unknown, has expired or was ended, or its user may not act any more."""

    code = "not-signed-in"
    template = _("You are not signed in.")


class SignInRefusedError(CrmkitError):
    """What was to prove who somebody is was not right, or there is no such account: the words are the same."""

    code = "sign-in-refused"
    template = _("That is not right. Check what you gave, and try again.")


class SecondFactorNeededError(CrmkitError):
    """A password alone is not enough; *methods* say what else is taken, none of them that something is to be set up."""

    code = "second-factor-needed"
    template = _("A second factor is needed.")

    def __init__(self, methods: Sequence[str]) -> None:
        """List the *methods* that the user has: totp, passkey, recovery_code."""
        super().__init__(methods=tuple(methods))


class TooManyAttemptsError(CrmkitError):
    """Signing in failed so often, for this account or from this address, that it has to wait for *seconds*."""

    code = "too-many-attempts"
    template = _("There were too many attempts. Try again in {seconds} seconds.")

    def __init__(self, wait: timedelta) -> None:
        """Tell how long to *wait*, in whole seconds."""
        super().__init__(seconds=-(-wait // timedelta(seconds=1)))


class TicketError(CrmkitError):
    """A link, or a step of signing in, was used already, has expired, or is none."""

    code = "ticket"
    template = _("This was used already, or has expired. Begin again.")


class ProviderError(CrmkitError):
    """The provider with which somebody signs in does not do what OpenID Connect asks of it."""

    code = "provider"
    template = _("The provider cannot sign you in: {reason}.")

    def __init__(self, reason: Text) -> None:
        """Say the *reason*; what the provider sent is not repeated."""
        super().__init__(reason=reason)
