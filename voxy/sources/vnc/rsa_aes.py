"""RSA-AES, the security types 5, 6, 129 and 130: keys by RSA, then user name and password in AES-EAX messages.

Each side shows an RSA key and sends the other a random number under the other's key; both numbers make the two AES
keys. A hash over both RSA keys then says that nobody exchanged them on the way.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxy.errors import SourceUnavailable
from voxy.sources.vnc.cipher import Cipher
from voxy.sources.vnc.steps import Flow, Read, Send

if TYPE_CHECKING:
    from Crypto.PublicKey.RSA import RsaKey

_LEAST_KEY_BITS, _MOST_KEY_BITS = 1024, 8192  # as TigerVNC allows them
_CLIENT_KEY_BITS = 2048  # always: a server that shows 8192 bits must not make VoXY look for primes for a minute
_MOST_EXPONENT_BITS = 256  # FIPS 186; with one as long as the key, encrypting would take seconds
_USER_AND_PASSWORD, _PASSWORD_ONLY = 1, 2
_MOST_CREDENTIAL_BYTES = 255


@dataclass(frozen=True, slots=True)
class _Shown:
    """A public key, and the message in which it is shown."""

    key: "RsaKey"
    message: bytes


def log_in(key_bits: int, user: str, password: str, known_server: str) -> Flow[Cipher]:
    """Exchange AES keys of `key_bits` (128 or 256) and give the server what it asks for, user name and password.

    `known_server` is the only key to accept, as the SHA-256 in hex of the message that shows it; empty accepts any.
    Raises SourceUnavailable for another key, for one that is none, and for credentials that don't fit.
    """
    server = yield from _read_key()
    _check_known(server, known_server)
    cipher = yield from _agree(key_bits, server)
    kind = (yield from cipher.read(1))[0]
    if kind not in (_USER_AND_PASSWORD, _PASSWORD_ONLY):
        raise SourceUnavailable(f"The VNC server asks in a way that VoXY doesn't know (RSA-AES {kind}): update VoXY.")
    if kind == _USER_AND_PASSWORD and not user:
        raise SourceUnavailable("The VNC server needs a user name: set --vnc-user.")
    name, secret = user.encode() if kind == _USER_AND_PASSWORD else b"", password.encode()
    if max(len(name), len(secret)) > _MOST_CREDENTIAL_BYTES:
        raise SourceUnavailable("User name and password for this VNC server must be shorter than 256 bytes each.")
    yield Send(cipher.encrypt(bytes([len(name)]) + name + bytes([len(secret)]) + secret))
    return cipher


def _read_key() -> Flow[_Shown]:
    from Crypto.PublicKey import RSA

    header = yield Read(4)
    bits = int.from_bytes(header)
    if not _LEAST_KEY_BITS <= bits <= _MOST_KEY_BITS:
        raise SourceUnavailable(
            f"The VNC server shows an RSA key of {bits} bits: "
            f"it must have {_LEAST_KEY_BITS} to {_MOST_KEY_BITS}, so give it another."
        )
    size = (bits + 7) // 8
    data = yield Read(2 * size)
    modulus, exponent = int.from_bytes(data[:size]), int.from_bytes(data[size:])
    try:
        if (modulus.bit_length() + 7) // 8 != size or exponent.bit_length() > _MOST_EXPONENT_BITS or exponent % 2 == 0:
            raise ValueError("shorter than it says, or with an exponent that is none")
        key = RSA.construct((modulus, exponent))
    except ValueError:
        raise SourceUnavailable("The VNC server shows an RSA key that is none: give it another.") from None
    return _Shown(key, header + data)


def _check_known(server: _Shown, known_server: str) -> None:
    fingerprint = hashlib.sha256(server.message).hexdigest()
    if known_server and fingerprint != known_server.replace(":", "").lower():
        raise SourceUnavailable(
            f"The VNC server's key isn't the known one, its SHA-256 is {fingerprint}: "
            "find out why before you make it the known one."
        )


def _agree(key_bits: int, server: _Shown) -> Flow[Cipher]:
    """Exchange random numbers, and hashes of what each side has seen."""
    from Crypto.Cipher import PKCS1_v1_5
    from Crypto.PublicKey import RSA

    digest = hashlib.sha1 if key_bits == 128 else hashlib.sha256
    length = key_bits // 8
    key = RSA.generate(_CLIENT_KEY_BITS)
    size = key.size_in_bytes()
    shown = _CLIENT_KEY_BITS.to_bytes(4) + key.n.to_bytes(size) + key.e.to_bytes(size)
    own = secrets.token_bytes(length)
    wrapped = PKCS1_v1_5.new(server.key).encrypt(own)
    yield Send(shown + len(wrapped).to_bytes(2) + wrapped)

    answer_size = int.from_bytes((yield Read(2)))
    if answer_size != size:
        raise SourceUnavailable(f"The VNC server answers a key of {size} bytes with {answer_size}: it is no RSA-AES.")
    answer = yield Read(size)
    theirs = PKCS1_v1_5.new(key).decrypt(answer, None, expected_pt_len=length)
    if theirs is None:
        raise SourceUnavailable("The VNC server's answer doesn't fit VoXY's key: somebody may be between the two.")

    cipher = Cipher(digest(theirs + own).digest()[:length], digest(own + theirs).digest()[:length])
    yield Send(cipher.encrypt(digest(shown + server.message).digest()))
    seen = yield from cipher.read(digest().digest_size)
    if seen != digest(server.message + shown).digest():
        raise SourceUnavailable("The VNC server has seen another key than VoXY's: somebody is between the two.")
    return cipher
