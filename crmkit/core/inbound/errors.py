"""What is said to who sends something that is not taken."""

from __future__ import annotations

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["SignatureError"]


class SignatureError(CrmkitError):
    """A message of another program was not proved to come from there: nobody listens here, or nobody believes it.

    Which of these it is, is not told.
    """

    code = "signature"
    template = _("The message is not signed as it must be, or was sent more than five minutes ago.")
