"""What is done after something has happened: messages are made, sent, tried again, and cleared away."""

from __future__ import annotations

from datetime import timedelta

from crmkit import EveryEvent, Job, Schedule, Subscriber, Trigger

from . import services
from .events import EndpointDisabled

__all__ = ["JOBS", "SCHEDULES", "SUBSCRIBERS"]

_LONG = timedelta(minutes=5)
_SETTINGS = ["url", "is_active", "resumes_at", "deleted_at"]

SUBSCRIBERS = [
    Subscriber("webhooks.make_deliveries", EveryEvent(but=["webhooks.delivery"]), services.make_deliveries, _LONG),
    Subscriber(
        "webhooks.go_on",
        Trigger("webhooks.endpoint", kinds=["update", "restore"], changes=_SETTINGS),
        services.go_on,
    ),
    Subscriber("webhooks.replay", Trigger("webhooks.replay", kinds=["create"]), services.replay_deliveries, _LONG),
    Subscriber("webhooks.tell_of_disabled", EndpointDisabled, services.tell_of_disabled),
]
JOBS = [
    # It goes on as long as there is something to send, waits for the network, and is never given up: nobody else sends.
    Job("webhooks.send", services.send_deliveries, time_limit=timedelta(days=1), tries=10_000, aside=True),
    Job("webhooks.clear_deliveries", services.clear_deliveries, time_limit=timedelta(hours=2), priority="low"),
]
SCHEDULES = [Schedule("webhooks.clear_deliveries_nightly", "50 3 * * *", "webhooks.clear_deliveries")]
