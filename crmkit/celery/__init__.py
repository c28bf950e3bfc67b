"""Work that Celery carries: rows of the lease table stay what counts, messages only say which of them waits.

``celery -A crmkit.celery:app worker`` works for the CRM whose ``crm.toml`` is here or named by ``CRM_CONFIG``.
"""

from __future__ import annotations

from typing import Any

from crmkit.celery.carrier import CeleryCarrier

__all__ = ["CeleryCarrier"]


def __getattr__(name: str) -> Any:
    if name == "app":
        from crmkit.celery.working import configured_app

        return configured_app()
    raise AttributeError(name)
