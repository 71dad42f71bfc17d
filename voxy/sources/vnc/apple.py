"""Apple's security type 30: user name and password under a key by Diffie and Hellman; the session stays as it is."""

import hashlib
import secrets

from voxy.errors import SourceUnavailable
from voxy.sources.vnc.steps import Flow, Read, Send

_LEAST_PRIME_BYTES, _MOST_PRIME_BYTES = 128, 512  # Macs have 128; with 512 the two powers take a third of a second
_FIELD_BYTES = 64


def log_in(user: str, password: str) -> Flow[None]:
    """Agree on a key and send user name and password.

    Raises SourceUnavailable for numbers with which no key could be agreed on, and for credentials that don't fit.
    """
    fields = _field(user) + _field(password)
    header = yield Read(4)
    generator, size = int.from_bytes(header[:2]), int.from_bytes(header[2:])
    if not _LEAST_PRIME_BYTES <= size <= _MOST_PRIME_BYTES:
        raise SourceUnavailable(
            f"The VNC server offers a Diffie-Hellman prime of {size} bytes: "
            f"VoXY takes {_LEAST_PRIME_BYTES} to {_MOST_PRIME_BYTES}, so choose another kind of login there."
        )
    data = yield Read(2 * size)
    prime, theirs = int.from_bytes(data[:size]), int.from_bytes(data[size:])
    # 0, 1 and p - 1 would make a secret that everybody knows.
    is_prime_full = prime % 2 == 1 and prime.bit_length() > 8 * (size - 1)
    if not (is_prime_full and 1 < generator < prime - 1 and 1 < theirs < prime - 1):
        raise SourceUnavailable("The VNC server offers Diffie-Hellman numbers that protect nothing: update it.")
    secret = secrets.randbelow(prime - 3) + 2
    key = hashlib.md5(pow(theirs, secret, prime).to_bytes(size), usedforsecurity=False).digest()
    yield Send(_encrypted(key, fields) + pow(generator, secret, prime).to_bytes(size))


def _encrypted(key: bytes, fields: bytes) -> bytes:
    from Crypto.Cipher import AES

    return AES.new(key, AES.MODE_ECB).encrypt(fields)


def _field(text: str) -> bytes:
    """The text, ended by a zero and filled up with noise, so that no block tells how long it is."""
    data = text.encode() + b"\0"
    if len(data) > _FIELD_BYTES:
        raise SourceUnavailable(f"User name and password for a Mac must be shorter than {_FIELD_BYTES} bytes each.")
    return data + secrets.token_bytes(_FIELD_BYTES - len(data))
