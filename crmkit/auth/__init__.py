"""Signing in: who somebody is. What they may do then, readers and writers decide."""

from __future__ import annotations

from crmkit.auth.errors import NotSignedInError
from crmkit.auth.tokens import NewToken, end_token, last_used, make_token, principal_of_token

__all__ = ["NewToken", "NotSignedInError", "end_token", "last_used", "make_token", "principal_of_token"]
