"""Launch tickets: only what the portal signed, for here, for a minute and in the one way that its key allows."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from voxy.access.claims import Claims
from voxy.access.launch import Launches
from voxy.errors import AuthError, ConfigError

SECRET = b"a secret of the portal's, 32 bytes or more"


def said(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {"sub": "alice", "aud": "voxy", "iss": "portal", "iat": now, "exp": now + 30, "jti": "1", **changed}
    return {name: value for name, value in whole.items() if value is not None}


def ticket(key: Any = SECRET, algorithm: str = "HS256", **changed: Any) -> str:
    return jwt.encode(said(**changed), key, algorithm)


def public(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def unsigned(payload: dict[str, Any], **header: str) -> str:
    parts = [json.dumps(part).encode() for part in ({"typ": "JWT", **header}, payload)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def test_a_ticket_says_who_comes() -> None:
    launch = Launches(SECRET, "voxy", "portal").read(ticket(name="Alice B.", role="viewer", groups=["staff", "math"]))
    assert launch.claims == Claims("Alice B.", "viewer", frozenset({"staff", "math"}))
    assert launch.ends_at > time.time()
    assert launch.number != Launches(SECRET, "voxy").read(ticket(jti="2")).number


def test_each_kind_of_key_has_its_algorithm(rsa_key: rsa.RSAPrivateKey) -> None:
    keys = {
        "RS256": rsa_key,
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
    for algorithm, key in keys.items():
        assert Launches(public(key), "voxy").read(ticket(key, algorithm)).claims.name == "alice"


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": int(time.time()) - 60},
        {"iat": int(time.time()) + 3600, "exp": int(time.time()) + 3630},
        {"exp": int(time.time()) + 3600},
        {"aud": "another"},
        {"aud": None},
        {"iss": "another"},
        {"iss": None},
        {"exp": None},
        {"iat": None},
        {"jti": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\x07b"},
        {"sub": "x" * 200},
        {"role": "root"},
        {"role": 7},
        {"groups": 7},
        {"name": {"first": "Alice"}},
    ],
)
def test_what_is_wrong_lets_nobody_in(changed: dict[str, Any]) -> None:
    with pytest.raises(AuthError):
        Launches(SECRET, "voxy", "portal").read(ticket(**changed))


def test_no_ticket_chooses_how_it_is_checked(rsa_key: rsa.RSAPrivateKey) -> None:
    launches = Launches(public(rsa_key), "voxy")
    # The public key, which anybody may have, as the secret of another algorithm: RFC 8725, section 2.1.
    forged = jwt.api_jws.PyJWS().encode(json.dumps(said()).encode(), SECRET, "HS256")
    for wrong in (
        unsigned(said(), alg="none"),
        unsigned(said(), alg="RS256"),
        forged,
        ticket(rsa_key, "RS512"),
        "a.b.c",
        "…",
    ):
        with pytest.raises(AuthError):
            launches.read(wrong)


def test_keys_of_no_use_are_told_of(rsa_key: rsa.RSAPrivateKey) -> None:
    private = rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    weak = public(rsa.generate_private_key(65537, 1024))
    odd = public(ec.generate_private_key(ec.SECP384R1()))
    for key in (b"short", private, weak, odd, b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----"):
        with pytest.raises(ConfigError):
            Launches(key, "voxy")
