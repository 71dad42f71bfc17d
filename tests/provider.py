"""An OpenID provider on loopback that says whatever a test wants: for what a real one never would."""

import base64
import contextlib
import hashlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

CLIENT = "voxy"


@dataclass
class LyingProvider:
    """`claims`, `discovery` and `answer` are what it says otherwise than it ought to; None leaves out."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    kid: str = "first"
    token: str = ""
    """The ID token, where it is not to be made."""
    asked: list[dict[str, str]] = field(default_factory=list)
    keys_asked: int = 0

    async def configuration(self, _: web.Request) -> web.Response:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            **({"userinfo_endpoint": f"{self.issuer}/me"} if self.userinfo else {}),
            **self.discovery,
        }
        return web.json_response(said)

    async def keys(self, _: web.Request) -> web.Response:
        self.keys_asked += 1
        key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return web.json_response({"keys": [{**key, "kid": self.kid, "use": "sig", "alg": "ES256"}]})

    async def exchange(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        self.asked.append({name: str(value) for name, value in form.items()})
        nonce, challenge = str(form["code"]).split(" ")
        verifier = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        if base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() != challenge:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"id_token": self.token or self.sign(nonce=nonce), "access_token": "for me"})

    async def me(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer for me"
        return web.json_response(self.userinfo)

    def sign(self, **said: Any) -> str:
        now = int(time.time())
        whole = {"iss": self.issuer, "aud": CLIENT, "sub": "1234", "iat": now, "exp": now + 300, **said, **self.claims}
        whole = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(whole, self.key, "ES256", {"kid": self.kid})


@contextlib.asynccontextmanager
async def lying_provider(**said: Any) -> AsyncIterator[LyingProvider]:
    provider = LyingProvider(**said)
    app = web.Application()
    app.add_routes(
        [
            web.get("/.well-known/openid-configuration", provider.configuration),
            web.get("/keys", provider.keys),
            web.post("/token", provider.exchange),
            web.get("/me", provider.me),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()
