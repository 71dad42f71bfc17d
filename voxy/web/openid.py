"""OpenID: signs people in at an identity provider, by way of their browser."""

import base64
import time
from typing import Any
from urllib.parse import quote_plus

from aiohttp import web

from voxy.access.claims import Claims
from voxy.access.openid import (
    Attempt,
    Attempts,
    Client,
    Provider,
    check_answer,
    claims_of,
    find_key,
    read_provider,
    read_token,
)
from voxy.errors import AuthError
from voxy.web.asking import ask

_FRESH_S = 600.0
"""How long what the provider says of itself is believed, keys but for new ones."""

_ASKED_LEAST_S = 5.0
"""Seconds between two looks for new keys: anybody can name one that isn't there."""


class OpenId:
    """The chain of one provider: to it, back from it, and what it says of who came."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._attempts = Attempts()
        self._provider: Provider | None = None
        self._keys: Any = None
        self._asked_at = -_FRESH_S
        self._keys_at = -_FRESH_S

    async def begin(self) -> tuple[Attempt, str]:
        """A new attempt, and where the browser has to go; AuthError 502 where the provider can't be reached."""
        provider = await self._discover()
        attempt = self._attempts.begin(time.time())
        return attempt, attempt.url(self.client, provider)

    async def finish(self, request: web.Request, cookie: str) -> Claims:
        """Who came back; AuthError where that can't be told for sure."""
        attempt = self._attempts.find(cookie, request.query.get("state", ""), time.time())
        provider = await self._discover()
        code = check_answer(request.query, self.client, provider)
        token, access = await self._exchange(provider, attempt, code)
        key = await self._key_for(provider, token)
        said = read_token(token, key, self.client, attempt.nonce)
        if provider.userinfo and access and self.client.name_claim not in said:
            more = await self._ask("GET", provider.userinfo, headers={"Authorization": f"Bearer {access}"})
            # What is said of somebody else is no word of this one.
            if isinstance(more, dict) and more.get("sub") == said["sub"]:
                said = more | said
        return claims_of(said, self.client)

    async def _discover(self) -> Provider:
        now = time.monotonic()
        if self._provider is None or now - self._asked_at > _FRESH_S:
            issuer = self.client.issuer
            said = await self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            self._provider, self._asked_at = read_provider(said, issuer), now
        return self._provider

    async def _exchange(self, provider: Provider, attempt: Attempt, code: str) -> tuple[str, str]:
        """The ID token and the access token that a code is worth."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.answers_to,
            "code_verifier": attempt.verifier,
            **({} if self.client.secret else {"client_id": self.client.id}),
        }
        headers = {"Authorization": _basic(self.client)} if self.client.secret else {}
        said = await self._ask("POST", provider.token, data=form, headers=headers)
        if not isinstance(said, dict) or not isinstance(said.get("id_token"), str):
            raise AuthError("The provider gives no ID token: have its settings checked.", 401)
        return said["id_token"], str(said.get("access_token", ""))

    async def _key_for(self, provider: Provider, token: str) -> Any:
        """The provider's key for a token; it is looked for anew where it isn't known, since keys change."""
        key = find_key(token, self._keys) if time.monotonic() - self._keys_at < _FRESH_S else None
        if key is None and time.monotonic() - self._keys_at > _ASKED_LEAST_S:
            self._keys, self._keys_at = await self._ask("GET", provider.keys), time.monotonic()
            key = find_key(token, self._keys)
        if key is None:
            raise AuthError("The provider's word is signed by nobody known: begin anew.", 401)
        return key

    @staticmethod
    async def _ask(method: str, url: str, **more: Any) -> Any:
        """The JSON of an answer; AuthError 401 for a refusal, 502 where there is no answer."""
        refusal = "The provider refuses what VoXY asks: have the client's settings checked."
        return await ask("provider", method, url, (400, 401, 403), refusal, **more)


def _basic(client: Client) -> str:
    """RFC 6749, section 2.3.1: both are form-encoded before they are put together."""
    pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
