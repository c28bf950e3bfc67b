"""What is said where a request may not go."""

from __future__ import annotations

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _

__all__ = ["RefusedAddressError"]


class RefusedAddressError(CrmkitError):
    """crmkit does not send anything to this URL.

    What its host resolves to is not told: that would let whoever may name URLs explore the network from inside.
    """

    code = "refused-address"
    template = _("Nothing is sent to this URL: {reason}.")

    def __init__(self, reason: Text) -> None:
        """Tell the *reason*."""
        super().__init__(reason=reason)
