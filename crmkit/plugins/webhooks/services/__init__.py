"""What is done with webhooks: who is told what, how it is sent, and what becomes of it."""

from __future__ import annotations

from .endpoints import check_endpoints, complete_endpoints, event_types_told
from .fanning import go_on, make_deliveries
from .keeping import clear_deliveries
from .replaying import check_replays, replay, replay_deliveries, replay_span
from .secrets import rotate_secret, secrets_of
from .sending import send_deliveries
from .sources import check_sources, complete_sources, find_source
from .telling import tell_of_disabled

__all__ = [
    "check_endpoints",
    "check_replays",
    "check_sources",
    "clear_deliveries",
    "complete_endpoints",
    "complete_sources",
    "event_types_told",
    "find_source",
    "go_on",
    "make_deliveries",
    "replay",
    "replay_deliveries",
    "replay_span",
    "rotate_secret",
    "secrets_of",
    "send_deliveries",
    "tell_of_disabled",
]
