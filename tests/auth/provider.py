"""A provider of OpenID Connect on a free port of this machine: Authlib's server, which insists on PKCE and a nonce."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import attrs
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from flask import Flask, jsonify, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "crm", "what stays between us"


@attrs.define
class Code:
    """A code that was given, and what it was given for."""

    code: str
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    user: str
    auth_time: int = 0

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return self.auth_time

    def get_acr(self):
        return None

    def get_amr(self):
        return None


class Relying(ClientMixin):
    """The one client."""

    def __init__(self, redirect_uri):
        self.redirect_uri = redirect_uri

    def get_client_id(self):
        return CLIENT

    def get_default_redirect_uri(self):
        return self.redirect_uri

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret):
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


class OpenID(OpenIDCode):
    """ID tokens, signed with joserfc."""

    def __init__(self, provider):
        super().__init__(require_nonce=True)
        self.provider = provider

    def exists_nonce(self, nonce, _request):
        return any(code.nonce == nonce for code in self.provider.codes.values())

    def __call__(self, grant):
        super().__call__(grant)

    def process_token(self, grant, response):
        token = response[1] if isinstance(response, tuple) else response
        code = grant.request.authorization_code
        token["id_token"] = self.provider.id_token(code.user, code.nonce)
        return token


class Provider:
    """Who signs in at the provider is :attr:`subject`; *claims* are what its tokens say besides, or instead."""

    def __init__(self, redirect_uri, clock):
        self.client, self.clock = Relying(redirect_uri), clock
        self.key, self.codes = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"}), {}
        self.subject, self.claims, self.issuer, self.metadata = "248289761001", {}, "", {}
        self.published = self.key

    def id_token(self, user, nonce, header=None, key=None):
        now = int(self.clock.now().timestamp())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": user, "nonce": nonce, "iat": now, "exp": now + 300}
        return jwt.encode(header or {"alg": "RS256", "kid": self.key.kid}, {**claims, **self.claims}, key or self.key)

    def app(self):
        app = Flask("provider")
        app.config["OAUTH2_SCOPES_SUPPORTED"] = ["openid", "email", "profile"]
        server = AuthorizationServer(app, query_client=lambda id_: self.client if id_ == CLIENT else None)
        server.save_token = lambda token, request: None
        provider = self

        class CodeGrant(grants.AuthorizationCodeGrant):
            TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

            def save_authorization_code(self, code, request):
                data = request.payload.data
                names = ("nonce", "code_challenge", "code_challenge_method")
                kept = {name: data.get(name) for name in names}
                provider.codes[code] = Code(
                    code, CLIENT, request.payload.redirect_uri, request.payload.scope, user=request.user, **kept
                )

            def query_authorization_code(self, code, client):
                return provider.codes.get(code)

            def delete_authorization_code(self, authorization_code):
                del provider.codes[authorization_code.code]

            def authenticate_user(self, authorization_code):
                return authorization_code.user

        server.register_grant(CodeGrant, [OpenID(self), CodeChallenge(required=True)])

        @app.get("/authorize")
        def authorize():
            grant = server.get_consent_grant(end_user=self.subject)
            return server.create_authorization_response(grant_user=self.subject, grant=grant)

        @app.post("/token")
        def token():
            return server.create_token_response()

        @app.get("/.well-known/openid-configuration")
        def configuration():
            places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            found = {name: f"{self.issuer}/{place}" for name, place in places.items()}
            return jsonify({"issuer": self.issuer, **found, **self.metadata})

        @app.get("/keys")
        def keys():
            return jsonify(KeySet([self.published]).as_dict(private=False))

        @app.get("/asked")
        def asked():
            return jsonify(dict(request.args))

        return app


@contextmanager
def served(redirect_uri, clock):
    """Give a provider that answers on this machine."""
    provider = Provider(redirect_uri, clock)
    server = make_server("127.0.0.1", 0, provider.app(), threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        time.sleep(0)
