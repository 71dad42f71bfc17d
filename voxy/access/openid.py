"""OpenID Connect's code flow with PKCE, but for the asking: what is sent, and what of the answers is believed.

OpenID Connect Core 1.0, Discovery 1.0, RFC 7636 (PKCE) and RFC 9207 (who answers). Nothing is kept between the start of
an attempt and its end: all that has to be known then follows from a secret in the browser's cookie and one of our own.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import jwt

from voxy.access.claims import ROLE, Claims, read_claims
from voxy.errors import AuthError

ATTEMPT_S = 600.0
"""How long somebody may take at the provider."""

_LEEWAY_S = 60.0
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key that the provider alone has."""


class Client(NamedTuple):
    """What VoXY is to the provider: `page` is the address of the desktop's page, as browsers have it."""

    issuer: str
    id: str
    page: str
    secret: str = ""
    name_claim: str = "preferred_username"
    groups_claim: str = "groups"
    role: str = ROLE

    @property
    def answers_to(self) -> str:
        return f"{self.page.rstrip('/')}/signed-in"

    @property
    def provider(self) -> str:
        """What people call it."""
        return urlsplit(self.issuer).hostname or self.issuer


class Provider(NamedTuple):
    """What the provider says of itself."""

    authorization: str
    token: str
    keys: str
    userinfo: str
    names_itself: bool
    """Whether each answer says of whom it is."""


def read_provider(said: Any, issuer: str) -> Provider:
    """AuthError 502 for one that says to be somebody else, or leads to where nobody may listen."""
    if not isinstance(said, dict) or said.get("issuer") != issuer:
        raise AuthError(f"The provider at {issuer} calls itself otherwise: correct --oidc-issuer.", 502)

    def place(name: str) -> str:
        found = said.get(name)
        if not isinstance(found, str) or not is_safe(found, issuer):
            raise AuthError(f"The provider at {issuer} leads to places without HTTPS: have it checked.", 502)
        return found

    return Provider(
        place("authorization_endpoint"),
        place("token_endpoint"),
        place("jwks_uri"),
        place("userinfo_endpoint") if said.get("userinfo_endpoint") else "",
        said.get("authorization_response_iss_parameter_supported") is True,
    )


def is_safe(url: str, issuer: str) -> bool:
    """Whether nobody reads along: by HTTPS, or within this machine, where the issuer is as well."""
    place, own = urlsplit(url), urlsplit(issuer)
    if place.scheme == "https":
        return True
    return place.scheme == own.scheme == "http" and place.hostname == own.hostname and is_here(issuer)


def is_here(url: str) -> bool:
    """Whether that is on this machine."""
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


class Attempt(NamedTuple):
    """One try to sign in: `cookie` is the browser's part; the rest follows from it, and goes by way of the provider."""

    cookie: str
    state: str
    nonce: str
    verifier: str

    @property
    def lasts_s(self) -> int:
        """How long the browser has to keep its part."""
        return int(ATTEMPT_S)

    def url(self, client: Client, provider: Provider) -> str:
        """Where the browser goes."""
        challenge = _text(hashlib.sha256(self.verifier.encode()).digest())
        asked = {
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": client.answers_to,
            "scope": "openid profile email",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{provider.authorization}{'&' if '?' in provider.authorization else '?'}{urlencode(asked)}"


class Attempts:
    """Begins attempts, and knows them again by their cookies for as long as they may take."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def begin(self, now: float) -> Attempt:
        return self._of(f"{int(now)}.{secrets.token_urlsafe(24)}")

    def find(self, cookie: str, state: str, now: float) -> Attempt:
        """The attempt that this browser began; AuthError 400 for another's, an old one or none."""
        attempt = self._of(cookie)
        began = cookie.partition(".")[0]
        is_old = not began.isdecimal() or len(began) > 12 or not 0 <= now - int(began) <= ATTEMPT_S
        if is_old or not hmac.compare_digest(attempt.state.encode(), state.encode()):
            raise AuthError("This sign-in wasn't begun here, or took too long: begin anew.", 400)
        return attempt

    def _of(self, cookie: str) -> Attempt:
        def derived(what: str) -> str:
            return _text(hmac.digest(self._key, f"{what} {cookie}".encode("utf-8", "replace"), "sha256"))

        return Attempt(cookie, derived("state"), derived("nonce"), derived("verifier"))


def check_answer(query: Mapping[str, str], client: Client, provider: Provider) -> str:
    """The code in what the browser brings back; AuthError 401 for a refusal, or for another provider's answer."""
    issuer = query.get("iss")
    if issuer != client.issuer and (issuer is not None or provider.names_itself):
        raise AuthError("Another provider answers than was asked: begin anew.", 401)
    if "error" in query or not query.get("code"):
        raise AuthError("The provider lets you in no further: ask whoever runs it.", 401)
    return query["code"]


def find_key(token: str, keys: Any) -> jwt.PyJWK | None:
    """The key that a token says to be signed with; None where the provider's keys have no such one."""
    try:
        named = jwt.get_unverified_header(token).get("kid")
        known = jwt.PyJWKSet.from_dict(keys).keys
    except (jwt.PyJWTError, AttributeError, TypeError, ValueError):
        return None
    fitting = [key for key in known if named in (None, key.key_id) and key.public_key_use in (None, "sig")]
    return fitting[0] if len(fitting) == 1 or (fitting and named is not None) else None


def read_token(token: str, key: jwt.PyJWK, client: Client, nonce: str) -> dict[str, Any]:
    """What an ID token says; AuthError 401 for one that isn't the provider's, ours, of this attempt or of now."""
    try:
        said: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[name for name in _ALGORITHMS if name == key.algorithm_name],
            audience=client.id,
            issuer=client.issuer,
            leeway=_LEEWAY_S,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise AuthError(f"The provider's word can't be believed ({error}): have its settings checked.", 401) from None
    if not hmac.compare_digest(str(said.get("nonce", "")).encode(), nonce.encode()):
        raise AuthError("The provider's word is of another sign-in: begin anew.", 401)
    several = isinstance(said["aud"], list) and len(said["aud"]) > 1
    if said.get("azp", None if several else client.id) != client.id:
        raise AuthError("The provider's word is for another program: have its settings checked.", 401)
    return said


def claims_of(said: Mapping[str, Any], client: Client) -> Claims:
    """Who that is, by the claims that the configuration names."""
    return read_claims(said.get(client.name_claim) or said["sub"], client.role, said.get(client.groups_claim, ()))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
