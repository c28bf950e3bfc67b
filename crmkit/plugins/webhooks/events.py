"""What the plugin tells of itself."""

from __future__ import annotations

from crmkit import Event, Trigger, event, translator

__all__ = ["EVENTS", "EndpointDisabled"]

_ = translator(__package__)

_OFF = Trigger("webhooks.endpoint", kinds=["update"], changes=["off_reason"], where="!is_active && off_reason != null")


@event("webhooks.endpoint_disabled", _OFF, label=_("Webhook switched off"))
class EndpointDisabled(Event):
    """crmkit has switched a webhook off: nobody is there any more, or has been for days."""


EVENTS = (EndpointDisabled,)
