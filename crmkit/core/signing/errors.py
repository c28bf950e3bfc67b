"""What can be wrong with secrets and signatures."""

from __future__ import annotations

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["SecretError"]


class SecretError(CrmkitError):
    """What was given is no secret of Standard Webhooks. It is not repeated, as it may be a secret all the same."""

    code = "secret"
    template = _("This is no secret for signatures. Give whsec_ and 24 to 64 bytes in Base64.")
