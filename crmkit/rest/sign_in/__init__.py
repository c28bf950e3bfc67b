"""Signing in over HTTP: with a cookie that holds nothing but random bits, for browsers; programs show tokens."""

from __future__ import annotations

from crmkit.rest.doors import Door
from crmkit.rest.sign_in import invitations, openid, passkeys, passwords, second_factors, sessions, tokens

__all__ = ["DOORS"]

_MODULES = (passwords, second_factors, passkeys, openid, sessions, tokens, invitations)
DOORS: tuple[Door, ...] = tuple(door for module in _MODULES for door in module.DOORS)
