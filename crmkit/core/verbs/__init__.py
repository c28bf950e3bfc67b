"""What plugins do beyond writing records, as every surface offers it: with arguments and answers that fit JSON."""

from __future__ import annotations

from crmkit.core.verbs.declaring import Verb

__all__ = ["Verb"]
