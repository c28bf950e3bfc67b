"""A provider of OpenID Connect, as the configuration names it: its endpoints and keys, found by discovery."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.auth.errors import ProviderError
from crmkit.auth.extra import needs_auth
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from httpx2 import Client

    from crmkit.core.clock import Clock
    from crmkit.core.configuration.config import OpenIdConnect

__all__ = ["Provider"]

_SECONDS = 10
_MOST_BYTES = 1_000_000
_FRESH = timedelta(minutes=10)
_WELL_KNOWN = "/.well-known/openid-configuration"
# Signatures by the provider's key: never none, and never one that the client's secret could make.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519"]


@attrs.define(eq=False)
class Provider:
    """What is known of a provider; what it tells of itself is asked for once in a while."""

    settings: OpenIdConnect
    clock: Clock
    _known: Mapping[str, Any] | None = attrs.field(default=None, init=False)
    _keys: Any = attrs.field(default=None, init=False)
    _read_at: datetime | None = attrs.field(default=None, init=False)
    _lock: Any = attrs.field(factory=Lock, init=False)

    def client(self) -> Client:
        """Return what speaks HTTP with the provider.

        Raises:
            MissingExtraError: the extra ``auth`` is not installed.
        """
        with needs_auth(_("A provider of OpenID Connect")):
            import httpx2
        return httpx2.Client(timeout=_SECONDS, follow_redirects=False)

    def endpoint(self, name: str) -> str:
        """Return the address of the endpoint called *name* in the provider's metadata.

        Raises:
            ProviderError: the provider does not answer as OpenID Connect Discovery says.
        """
        return str(self._metadata()[name])

    def claims(self, id_token: str) -> Mapping[str, Any]:
        """Return what the provider says in *id_token*, whose signature it has made; see RFC 7515.

        Raises:
            ProviderError: the signature is not by a key of the provider.
        """
        with needs_auth(_("A provider of OpenID Connect")):
            from joserfc import jwt
            from joserfc.errors import JoseError
        self._metadata()
        for fresh in (False, True):
            try:
                if fresh:
                    # The provider may have changed its keys.
                    self._read()
                return jwt.decode(id_token, self._keys, algorithms=_ALGORITHMS).claims
            except (JoseError, ValueError):
                if fresh:
                    raise ProviderError(_("its token is not signed by one of its keys")) from None
        raise AssertionError

    def _metadata(self) -> Mapping[str, Any]:
        with self._lock:
            now = self.clock.now()
            if self._known is None or self._read_at is None or self._read_at + _FRESH <= now:
                self._read()
            assert self._known is not None
            return self._known

    def _read(self) -> None:
        from joserfc.jwk import KeySet

        issuer = self.settings.issuer or ""
        with self.client() as client:
            known = self._json(client, issuer.rstrip("/") + _WELL_KNOWN)
            # OpenID Connect Discovery 1.0, section 4.3: or somebody else answers for it.
            if known.get("issuer") != issuer:
                raise ProviderError(_("it says that it is another one"))
            missing = {"authorization_endpoint", "token_endpoint", "jwks_uri"} - known.keys()
            if missing:
                raise ProviderError(_("its metadata lack something"))
            self._keys = KeySet.import_key_set(self._json(client, known["jwks_uri"]))  # type: ignore[arg-type]
        self._known, self._read_at = known, self.clock.now()

    def _json(self, client: Client, url: str) -> dict[str, Any]:
        import httpx2
        import msgspec

        try:
            with client.stream("GET", url) as response:
                body = b""
                for part in response.iter_bytes():
                    body += part
                    if len(body) > _MOST_BYTES:
                        raise ProviderError(_("it answers at too great length"))
            if response.status_code != 200:
                raise ProviderError(_("it does not answer"))
            return msgspec.json.decode(body, type=dict[str, Any])
        except (httpx2.HTTPError, msgspec.MsgspecError):
            raise ProviderError(_("it does not answer")) from None
