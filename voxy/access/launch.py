"""Launch tickets: JSON Web Tokens (RFC 7519) by which a portal lets somebody in, once, within a minute."""

import hashlib
from typing import NamedTuple

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from voxy.access.claims import ROLE, Claims, read_claims
from voxy.errors import AuthError, ConfigError

LIFE_S = 60.0
"""How long a ticket may be good."""

_LEEWAY_S = 10.0
"""How far the portal's clock may be off."""

_SECRET_LEAST, _RSA_LEAST = 32, 2048
"""Bytes of a secret, and bits of an RSA key, that nobody guesses."""


class Launch(NamedTuple):
    """Somebody to be let in by a ticket, which `number` tells from all others until `ends_at` (seconds since 1970)."""

    claims: Claims
    number: bytes
    ends_at: float


class Launches:
    """Reads tickets that are signed with one key, by the one algorithm that belongs to it, for one audience.

    `key` is what a file has: a public key as PEM (RSA, P-256 or Ed25519), or a secret of 32 bytes or more, which the
    portal has too. ConfigError for anything else.
    """

    def __init__(self, key: bytes, audience: str, issuer: str = "", role: str = ROLE) -> None:
        self._key, self._algorithm = _key_of(key)
        self._audience = audience
        self._issuer = issuer
        self._role = role

    def read(self, ticket: str) -> Launch:
        """Who comes by it; AuthError 401 for a ticket that is wrong, too old, too long good or not for here."""
        try:
            said = jwt.decode(
                ticket,
                self._key,
                algorithms=[self._algorithm],
                audience=self._audience,
                issuer=self._issuer or None,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "jti", "sub", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise AuthError("The launch ticket is too old: open the desktop from the portal again.", 401) from None
        except jwt.ImmatureSignatureError:
            raise AuthError("The launch ticket is of the future: set the clocks of both right.", 401) from None
        except jwt.PyJWTError as error:
            raise AuthError(
                f"The launch ticket is not right ({error}): open the desktop from the portal.", 401
            ) from None
        if not said["exp"] - said["iat"] <= LIFE_S:
            raise AuthError(f"The launch ticket is good for over {LIFE_S:.0f} s: have the portal sign shorter.", 401)
        name = said.get("name") or said["sub"]
        claims = read_claims(name, said.get("role", self._role), said.get("groups", ()))
        number = hashlib.sha256(f"{said.get('iss', '')}\n{said['jti']}".encode()).digest()
        return Launch(claims, number, said["exp"] + _LEEWAY_S)


_Key = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | bytes


def _key_of(data: bytes) -> tuple[_Key, str]:
    """The key, and the only algorithm that is believed with it: a ticket can't choose another."""
    secret = data.strip()
    if b"-----BEGIN" not in secret:
        if len(secret) < _SECRET_LEAST:
            raise ConfigError(f"The secret of launch tickets has {len(secret)} bytes: use {_SECRET_LEAST} or more.")
        return secret, "HS256"
    if b"PRIVATE KEY" in secret:
        raise ConfigError("The key of launch tickets is the portal's private one: give VoXY the public key alone.")
    try:
        key = load_pem_public_key(secret)
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError("The key of launch tickets is no public key as PEM: use openssl pkey -pubout.") from None
    match key:
        case RSAPublicKey() if key.key_size >= _RSA_LEAST:
            return key, "RS256"
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return key, "ES256"
        case Ed25519PublicKey():
            return key, "EdDSA"
    raise ConfigError(f"The key of launch tickets is of no use: take Ed25519, P-256, or RSA of {_RSA_LEAST} bits.")
