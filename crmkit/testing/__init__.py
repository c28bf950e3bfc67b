"""Tools for testing plugins and CRMs; the fixtures are in :mod:`crmkit.testing.pytest_plugin`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmkit.testing.conformance import PluginConformance as PluginConformance
    from crmkit.testing.crms import NOON as NOON, CRMMaker as CRMMaker
    from crmkit.testing.factories import Factory as Factory
    from crmkit.testing.marks import both_databases as both_databases
    from crmkit.testing.people import People as People
    from crmkit.testing.playing import play as play
    from crmkit.testing.session import Session as Session
    from crmkit.testing.throwaway import plugin as plugin

_HOME_OF = {
    "NOON": "crms",
    "CRMMaker": "crms",
    "Factory": "factories",
    "People": "people",
    "PluginConformance": "conformance",
    "Session": "session",
    "both_databases": "marks",
    "play": "playing",
    "plugin": "throwaway",
}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
