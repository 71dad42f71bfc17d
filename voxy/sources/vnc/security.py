"""RFB's security handshake: from the server's list of security types to its SecurityResult, without I/O.

Of what a server offers, the strongest is taken that the credentials allow. A password itself (not just an answer made
with it) goes only to a server whose certificate is checked, or through RSA-AES or Apple's login, which keep it from
those who listen but not from an impostor (RSA-AES does, with `Credentials.known_server`); anything less needs
`Credentials.insecure`.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from enum import IntEnum

from voxy.errors import SourceUnavailable
from voxy.sources.vnc import apple, rsa_aes
from voxy.sources.vnc.cipher import Cipher
from voxy.sources.vnc.steps import Flow, Read, Send, StartTls


@dataclass(frozen=True, slots=True)
class Credentials:
    """What VoXY may tell a VNC server, and what it asks of it; "" is none.

    `known_server` is the SHA-256, in hex, of the key that the server must prove to have, by RSA-AES.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    insecure: bool = False
    known_server: str = ""


class SecurityType(IntEnum):
    """The security types that VoXY speaks; from 256 on, they are VeNCrypt's own."""

    NONE = 1
    VNC_AUTH = 2
    RA2 = 5
    RA2_NE = 6
    VENCRYPT = 19
    APPLE = 30
    RA2_256 = 129
    RA2_NE_256 = 130
    PLAIN = 256
    TLS_NONE = 257
    TLS_VNC = 258
    TLS_PLAIN = 259
    X509_NONE = 260
    X509_VNC = 261
    X509_PLAIN = 262


_NEEDS: dict[SecurityType, tuple[str, ...]] = {
    # What VeNCrypt is made of is known only when it is chosen; TigerVNC names all its types again there.
    SecurityType.VENCRYPT: (),
    SecurityType.X509_PLAIN: ("user", "password"),
    SecurityType.X509_VNC: ("password",),
    SecurityType.X509_NONE: (),
    SecurityType.RA2_256: ("password",),
    SecurityType.RA2: ("password",),
    # An answer to a challenge, or nothing, may go through a TLS without certificates as well as through none at all.
    SecurityType.TLS_PLAIN: ("user", "password", "insecure"),
    SecurityType.TLS_VNC: ("password",),
    SecurityType.TLS_NONE: (),
    # From here on the session isn't encrypted.
    SecurityType.RA2_NE_256: ("password",),
    SecurityType.RA2_NE: ("password",),
    SecurityType.APPLE: ("user", "password"),
    SecurityType.VNC_AUTH: ("password",),
    SecurityType.NONE: (),
    SecurityType.PLAIN: ("user", "password", "insecure"),
}
"""The strongest first, with the fields of Credentials that must be set for it."""

_RSA_AES_KEY_BITS = {
    SecurityType.RA2_256: 256,
    SecurityType.RA2: 128,
    SecurityType.RA2_NE_256: 256,
    SecurityType.RA2_NE: 128,
}
_SEALED = {SecurityType.RA2_256, SecurityType.RA2}
_ANONYMOUS = {SecurityType.TLS_PLAIN, SecurityType.TLS_VNC, SecurityType.TLS_NONE}
_CERTIFIED = {SecurityType.X509_PLAIN, SecurityType.X509_VNC, SecurityType.X509_NONE}
_VNC_AUTH = {SecurityType.VNC_AUTH, SecurityType.TLS_VNC, SecurityType.X509_VNC}
_PLAIN = {SecurityType.PLAIN, SecurityType.TLS_PLAIN, SecurityType.X509_PLAIN}

_REMEDIES = {
    "user": "a user name (--vnc-user)",
    "password": "a password (VOXY_VNC_PASSWORD or --vnc-password-file)",
    "insecure": "leave to be sent the password where others could read it (--vnc-insecure)",
}
_OTHER_NAMES = {16: "Tight", 17: "Ultra", 18: "TLS", 20: "SASL", 263: "TLSSASL", 264: "X509SASL"}

_VENCRYPT_VERSION = (0, 2)
_MOST_REASON_BYTES = 4096  # what a server announces beyond is no reason
_MOST_REASON_CHARACTERS = 200
_MOST_NAMES = 8


def authenticate(version: tuple[int, int], credentials: Credentials) -> Flow[Cipher | None]:
    """Log in, from the end of ProtocolVersion to before ClientInit, in the `version` that both sides have settled on.

    The result is what everything afterwards must go through, both ways; None where it goes as it is.
    Raises SourceUnavailable, with the remedy, if the server doesn't let VoXY in or breaks the protocol.
    """
    kind = yield from _settle_type(version, credentials)
    if kind is SecurityType.VENCRYPT:
        kind = yield from _settle_vencrypt(credentials)
    cipher: Cipher | None = None
    if kind in _VNC_AUTH:
        yield from _answer_challenge(credentials.password)
    elif kind in _PLAIN:
        yield _plain(credentials)
    elif kind is SecurityType.APPLE:
        yield from apple.log_in(credentials.user, credentials.password)
    elif kind in _RSA_AES_KEY_BITS:
        bits = _RSA_AES_KEY_BITS[kind]
        cipher = yield from rsa_aes.log_in(bits, credentials.user, credentials.password, credentials.known_server)
    sealed = cipher if kind in _SEALED else None
    if kind is not SecurityType.NONE or version >= (3, 8):
        yield from _check_result(version, kind, sealed, credentials)
    return sealed


def choose(offered: Set[int], credentials: Credentials) -> SecurityType:
    """The strongest of these types that the credentials allow; SourceUnavailable says what they lack for any."""
    # To prove a key, VeNCrypt comes last: it is of no use if it has no RSA-AES inside.
    kinds = [*_RSA_AES_KEY_BITS, SecurityType.VENCRYPT] if credentials.known_server else list(_NEEDS)
    candidates = {kind: _lacking(kind, credentials) for kind in kinds if kind in offered}
    for kind, lacking in candidates.items():
        if not lacking:
            return kind
    if candidates:
        least = min(candidates.values(), key=len)
        raise SourceUnavailable(f"The VNC server needs {_listed([_REMEDIES[name] for name in least])}.")
    names = ", ".join(_name(number) for number in sorted(offered)[:_MOST_NAMES])
    if credentials.known_server:
        raise SourceUnavailable(f"The VNC server can't prove its key, it speaks only {names}: let it offer RSA-AES.")
    raise SourceUnavailable(f"The VNC server speaks only {names}: let it offer TLS, RSA-AES or VncAuth as well.")


def _settle_type(version: tuple[int, int], credentials: Credentials) -> Flow[SecurityType]:
    if version < (3, 7):
        number = int.from_bytes((yield Read(4)))
        if number == 0:
            raise _refusal((yield from _read_reason(None)))
        if number == SecurityType.VENCRYPT:
            raise SourceUnavailable("The VNC server wants VeNCrypt, which its RFB 3.3 doesn't have: update it.")
        return choose({number}, credentials)
    count = (yield Read(1))[0]
    if count == 0:
        raise _refusal((yield from _read_reason(None)))
    kind = choose(set((yield Read(count))), credentials)
    yield Send(bytes([kind]))
    return kind


def _settle_vencrypt(credentials: Credentials) -> Flow[SecurityType]:
    """Choose one of VeNCrypt's types and start its TLS, if it has one."""
    version = tuple((yield Read(2)))
    if version < _VENCRYPT_VERSION:
        raise SourceUnavailable(f"The VNC server speaks VeNCrypt {version[0]}.{version[1]}, not yet 0.2: update it.")
    yield Send(bytes(_VENCRYPT_VERSION))
    if (yield Read(1)) != b"\0":
        raise SourceUnavailable("The VNC server doesn't speak VeNCrypt 0.2, though it said so: update it.")
    count = (yield Read(1))[0]
    data = yield Read(4 * count)
    offered = {int.from_bytes(data[start : start + 4]) for start in range(0, len(data), 4)} - {SecurityType.VENCRYPT}
    if not offered:
        raise SourceUnavailable("The VNC server offers VeNCrypt with nothing inside: give it a security type.")
    kind = choose(offered, credentials)
    yield Send(kind.to_bytes(4))
    if kind in _ANONYMOUS | _CERTIFIED:
        if (yield Read(1)) != b"\1":
            raise SourceUnavailable("The VNC server couldn't start TLS: look at its certificate and its log.")
        yield StartTls("anonymous" if kind in _ANONYMOUS else "certificate")
    return kind


def _answer_challenge(password: str) -> Flow[None]:
    """VncAuth: the challenge, encrypted by DES with the first 8 bytes of the password."""
    # Imported here: most connections need no cipher, and the import takes a while.
    from Crypto.Cipher import DES

    challenge = yield Read(16)
    key = password.encode()[:8].ljust(8, b"\0")
    # VNC has always taken the bits of a byte the other way round than DES.
    mirrored = bytes(int(f"{byte:08b}"[::-1], 2) for byte in key)
    yield Send(DES.new(mirrored, DES.MODE_ECB).encrypt(challenge))


def _plain(credentials: Credentials) -> Send:
    user, password = credentials.user.encode(), credentials.password.encode()
    return Send(len(user).to_bytes(4) + len(password).to_bytes(4) + user + password)


def _check_result(
    version: tuple[int, int], kind: SecurityType, sealed: Cipher | None, credentials: Credentials
) -> Flow[None]:
    status = int.from_bytes((yield from _read(4, sealed)))
    if status == 0:
        return
    reason = (yield from _read_reason(sealed)) if version >= (3, 8) else ""
    if not _NEEDS[kind] or status > 2:
        raise _refusal(reason)
    if status == 2:
        raise SourceUnavailable(f"The VNC server was given wrong passwords too often{_quoted(reason)}: wait a while.")
    if credentials.user and kind not in _VNC_AUTH:
        raise SourceUnavailable(
            f"The VNC server refuses the user name or the password{_quoted(reason)}: "
            "check --vnc-user, and VOXY_VNC_PASSWORD or --vnc-password-file."
        )
    raise SourceUnavailable(
        f"The VNC server refuses the password{_quoted(reason)}: check VOXY_VNC_PASSWORD or --vnc-password-file."
    )


def _read(size: int, sealed: Cipher | None) -> Flow[bytes]:
    if sealed is None:
        return (yield Read(size))
    return (yield from sealed.read(size))


def _read_reason(sealed: Cipher | None) -> Flow[str]:
    """Why the server refuses, on one line that is fit to be shown; "" if it doesn't say, or says far too much."""
    size = int.from_bytes((yield from _read(4, sealed)))
    if not 0 < size <= _MOST_REASON_BYTES:
        return ""
    text = (yield from _read(size, sealed)).decode(errors="replace")
    words = "".join(character if character.isprintable() else " " for character in text).split()
    return " ".join(words)[:_MOST_REASON_CHARACTERS].rstrip(" .!")


def _refusal(reason: str) -> SourceUnavailable:
    return SourceUnavailable(f"The VNC server turns VoXY away{_quoted(reason)}: look at its settings, or try later.")


def _quoted(reason: str) -> str:
    return f" (“{reason}”)" if reason else ""


def _lacking(kind: SecurityType, credentials: Credentials) -> list[str]:
    return [name for name in _NEEDS[kind] if not getattr(credentials, name)]


def _listed(things: Sequence[str]) -> str:
    return ", ".join(things[:-1]) + (" and " if things[:-1] else "") + things[-1]


def _name(number: int) -> str:
    if number in _OTHER_NAMES:
        return _OTHER_NAMES[number]
    try:
        return SecurityType(number).name.replace("_", "")
    except ValueError:
        return f"type {number}"
