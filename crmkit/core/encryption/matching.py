"""Keys by which records are matched, where they are made of encrypted fields: kept as tokens, looked up as tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from crmkit.core.encryption.keyring import Keyring
from crmkit.core.matching import Matcher, MatchKey

__all__ = ["protected_matcher"]


def protected_matcher(matcher: Matcher, encrypted: frozenset[str], keys: Keyring) -> Matcher:
    """Return *matcher* with tokens for keys, wherever a key is made of a field in *encrypted*."""
    made = [key if encrypted.isdisjoint(key.needs) else _protected(matcher.id, key, keys) for key in matcher.keys]
    return attrs.evolve(matcher, keys=made)


def _protected(entity: str, key: MatchKey, keys: Keyring) -> MatchKey:
    token = keys.tokens(f"core_match_key\x1f{entity}\x1f{key.name}")

    def make(values: Mapping[str, Any]) -> Iterator[str]:
        return map(token, key.make(values))

    return attrs.evolve(key, make=make)
