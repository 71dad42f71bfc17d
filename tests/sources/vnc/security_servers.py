"""The servers' sides of RFB's security types, written from their descriptions and without VoXY's code."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from Crypto.Cipher import AES, DES, PKCS1_v1_5
from Crypto.Hash import CMAC
from Crypto.PublicKey import RSA

from voxy.sources.vnc.steps import Flow, Read, Send, StartTls

NONE, VNC_AUTH, RA2, RA2_NE, VENCRYPT, APPLE, RA2_256, RA2_NE_256 = 1, 2, 5, 6, 19, 30, 129, 130
PLAIN, TLS_NONE, TLS_VNC, TLS_PLAIN, X509_NONE, X509_VNC, X509_PLAIN = range(256, 263)
OK = bytes(4)

# The second group of RFC 2409: 1024 bits, as Macs have them.
PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)


def word(number: int, size: int = 4) -> bytes:
    return number.to_bytes(size, "big")


def text(reason: str) -> bytes:
    return word(len(reason.encode())) + reason.encode()


def offer(*kinds: int) -> Flow[int]:
    """The list of 3.7 and later; which one the client takes."""
    yield Send(bytes([len(kinds), *kinds]))
    return (yield Read(1))[0]


def refuse(reason: str, status: int = 1) -> bytes:
    return word(status) + text(reason)


def judge(is_right: bool) -> Flow[None]:
    """SecurityResult of 3.8."""
    yield Send(OK if is_right else refuse("Authentication failed"))


def vnc_auth(password: str) -> Flow[bool]:
    challenge = os.urandom(16)
    yield Send(challenge)
    answer = yield Read(16)
    key = bytes(sum(((byte >> bit) & 1) << (7 - bit) for bit in range(8)) for byte in password.encode()[:8])
    return DES.new(key + bytes(8 - len(key)), DES.MODE_ECB).decrypt(answer) == challenge


def plain(user: str, password: str) -> Flow[bool]:
    user_size = int.from_bytes((yield Read(4)), "big")
    password_size = int.from_bytes((yield Read(4)), "big")
    name = (yield Read(user_size)).decode()
    return (name, (yield Read(password_size)).decode()) == (user, password)


def vencrypt(*kinds: int, version: tuple[int, int] = (0, 2)) -> Flow[int]:
    """The negotiation after type 19, with the start of TLS where the type has it; which one the client takes."""
    yield Send(bytes(version))
    assert (yield Read(2)) == b"\0\2"
    yield Send(bytes([0, len(kinds)]) + b"".join(word(kind) for kind in kinds))
    chosen = int.from_bytes((yield Read(4)), "big")
    if chosen > PLAIN:
        yield Send(b"\1")
        yield StartTls("anonymous" if chosen < X509_NONE else "certificate")
    return chosen


def apple(user: str, password: str) -> Flow[bool]:
    secret = int.from_bytes(os.urandom(128), "big")
    yield Send(word(2, 2) + word(128, 2) + word(PRIME, 128) + word(pow(2, secret, PRIME), 128))
    sealed = yield Read(128)
    theirs = int.from_bytes((yield Read(128)), "big")
    key = hashlib.md5(word(pow(theirs, secret, PRIME), 128)).digest()
    fields = AES.new(key, AES.MODE_ECB).decrypt(sealed)
    name, secret_word = (fields[at : at + 64].split(b"\0")[0].decode() for at in (0, 64))
    return (name, secret_word) == (user, password)


class Eax:
    """One direction of AES-EAX messages, put together from counter mode and three CMACs as EAX's paper has it."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.count = 0

    def seal(self, plain: bytes, tag_change: int = 0) -> bytes:
        header = word(len(plain), 2)
        nonce = self._mac(0, self.count.to_bytes(16, "little"))
        sealed = self._counter(nonce).encrypt(plain)
        self.count += 1
        return header + sealed + self._tag(nonce, header, sealed, tag_change)

    def open(self, message: bytes) -> bytes:
        header, sealed, tag = message[:2], message[2:-16], message[-16:]
        nonce = self._mac(0, self.count.to_bytes(16, "little"))
        self.count += 1
        assert tag == self._tag(nonce, header, sealed)
        return self._counter(nonce).decrypt(sealed)

    def open_all(self, data: bytes) -> bytes:
        opened = b""
        while data:
            end = 2 + int.from_bytes(data[:2], "big") + 16
            opened, data = opened + self.open(data[:end]), data[end:]
        return opened

    def read_message(self) -> Flow[bytes]:
        header = yield Read(2)
        return self.open(header + (yield Read(int.from_bytes(header, "big") + 16)))

    def _mac(self, which: int, data: bytes) -> bytes:
        return CMAC.new(self.key, word(which, 16) + data, ciphermod=AES).digest()

    def _tag(self, nonce: bytes, header: bytes, sealed: bytes, change: int = 0) -> bytes:
        parts = (nonce, self._mac(1, header), self._mac(2, sealed))
        number = change
        for part in parts:
            number ^= int.from_bytes(part, "big")
        return word(number, 16)

    def _counter(self, nonce: bytes):
        return AES.new(self.key, AES.MODE_CTR, nonce=b"", initial_value=nonce)


@cache
def server_key() -> RSA.RsaKey:
    return RSA.generate(2048)


def public(key: RSA.RsaKey) -> bytes:
    size = key.size_in_bytes()
    return word(8 * size) + word(key.n, size) + word(key.e, size)


def fingerprint() -> str:
    return hashlib.sha256(public(server_key())).hexdigest()


@dataclass
class RsaAes:
    """The server's side of RSA-AES; the fields that begin with `false_` make it a liar."""

    bits: int
    user: str
    password: str
    asks_user: bool = False
    false_hash: bool = False
    false_random: bytes = b""
    false_tag: int = 0
    subtype: int = 0
    sending: Eax | None = None
    receiving: Eax | None = None

    @property
    def digest(self) -> Callable:
        return hashlib.sha1 if self.bits == 128 else hashlib.sha256

    def log_in(self) -> Flow[bool]:
        shown = public(server_key())
        yield Send(shown)
        theirs = yield Read(4)
        size = (int.from_bytes(theirs, "big") + 7) // 8
        theirs += yield Read(2 * size)
        modulus, exponent = (int.from_bytes(theirs[at : at + size], "big") for at in (4, 4 + size))
        yield from self._agree(RSA.construct((modulus, exponent)))
        assert (yield from self.receiving.read_message()) == self.digest(theirs + shown).digest()
        proof = self.digest(shown + (shown if self.false_hash else theirs)).digest()
        yield Send(self.sending.seal(proof, self.false_tag))
        yield Send(self.sending.seal(bytes([self.subtype or (1 if self.asks_user else 2)])))
        message = yield from self.receiving.read_message()
        user, password = message[1 : 1 + message[0]], message[2 + message[0] :]
        assert message[1 + message[0]] == len(password)
        return (user.decode(), password.decode()) == (self.user if self.asks_user else "", self.password)

    def _agree(self, client_key: RSA.RsaKey) -> Flow[None]:
        own = os.urandom(self.bits // 8)
        wrapped = PKCS1_v1_5.new(client_key).encrypt(self.false_random or own)
        yield Send(word(len(wrapped), 2) + wrapped)
        size = int.from_bytes((yield Read(2)), "big")
        theirs = PKCS1_v1_5.new(server_key()).decrypt((yield Read(size)), None)
        self.receiving = Eax(self.digest(own + theirs).digest()[: self.bits // 8])
        self.sending = Eax(self.digest(theirs + own).digest()[: self.bits // 8])
