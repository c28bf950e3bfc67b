"""The errors of signing in. They tell nothing about which accounts there are."""

from __future__ import annotations

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["NotSignedInError"]


class NotSignedInError(CrmkitError):
    """What was shown proves nothing: it is unknown, has expired or was ended, or its user may not act any more."""

    code = "not-signed-in"
    template = _("You are not signed in.")
