"""Which entity stands at which address: ``/api/v1/sales/deals`` has the records of ``sales.deal``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from crmkit.core.entity import EntityInfo
from crmkit.core.policy.existing import exists_for
from crmkit.core.reading.reader import Reader
from crmkit.core.registry import Registry
from crmkit.rest.errors import NothingHereError

__all__ = ["ROOT", "address_of", "collections", "entity_at", "plural"]

ROOT = "/api/v1"
_SIBILANTS = ("s", "x", "z", "ch", "sh")
_VOWELS = "aeiou"


def plural(noun: str) -> str:
    """Return the plural of an English *noun* in snake_case: ``deals``, ``companies``, ``addresses``."""
    if noun.endswith("y") and noun[-2:-1] not in (*_VOWELS, ""):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(_SIBILANTS) else f"{noun}s"


@lru_cache(maxsize=64)
def collections(registry: Registry) -> Mapping[tuple[str, str], EntityInfo]:
    """Return every entity of *registry* by the two names of its address.

    An entity whose plural another one has already is called by its own name.
    """
    found: dict[tuple[str, str], EntityInfo] = {}
    for info in registry.entities.values():
        plugin, _dot, noun = info.id.partition(".")
        name = plural(noun)
        found[plugin, noun if (plugin, name) in found else name] = info
    return found


@lru_cache(maxsize=64)
def _addresses(registry: Registry) -> Mapping[str, str]:
    return {info.id: f"{ROOT}/{plugin}/{name}" for (plugin, name), info in collections(registry).items()}


def address_of(registry: Registry, entity: str) -> str:
    """Return the path of the records of *entity*."""
    return _addresses(registry)[entity]


def entity_at(db: Reader, parameters: Mapping[str, str]) -> EntityInfo:
    """Return the entity that a path names.

    Raises:
        NothingHereError: there is none, or it is not for the principal of *db*.
    """
    info = collections(db.model.registry).get((parameters["plugin"], parameters["collection"]))
    if info is None or not exists_for(db.access, info):
        raise NothingHereError
    return info
