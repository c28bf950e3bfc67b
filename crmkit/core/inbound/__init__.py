"""Webhooks of other programs, received here: who may send what, proved by signatures, and the work that comes of it."""

from crmkit.core.inbound.declaring import HmacSignature, InboundHook, InboundMessage, InboundSource, StandardSignature

__all__ = ["HmacSignature", "InboundHook", "InboundMessage", "InboundSource", "StandardSignature"]
