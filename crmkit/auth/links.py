"""Links with which somebody sets a password: to a page of the server, under its configured address."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from crmkit.core.configuration.config import Config

__all__ = ["PASSWORD_PAGE", "Invitation"]

PASSWORD_PAGE = "/api/v1/sign-in/page"


@attrs.frozen
class Invitation:
    """A *ticket* with which somebody sets a password, once, until it *expires_at*."""

    ticket: str = attrs.field(repr=False)
    expires_at: datetime

    def link(self, config: Config) -> str:
        """Return the address of the page that takes the ticket."""
        # Behind the #, so that it reaches no log and no other site.
        return f"{config.server.origin}{PASSWORD_PAGE}#{self.ticket}"
