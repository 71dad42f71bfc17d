"""Identity: a host's certificate, and those of the hosts that it knows, exchanged once by a short code."""

import datetime
import hashlib
import hmac
import logging
import os
import re
import secrets
import socket
import ssl
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from voxy.errors import MachineError
from voxy.vm.state import write_whole

logger = logging.getLogger(__name__)

_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CODE_LENGTH, _CODE_GROUP = 12, 4
"""60 bits: whoever stands between two hosts could try all shorter ones at home."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_VALID = datetime.timedelta(days=20 * 365)
_CLOCKS_DIFFER = datetime.timedelta(days=2)


class Known(msgspec.Struct, frozen=True):
    """A host that is known: how it is called here, its certificate, and where its agent listens, if it does."""

    name: str
    certificate: str
    address: str = ""

    @property
    def id(self) -> str:
        return fingerprint(ssl.PEM_cert_to_DER_cert(self.certificate))


class Identity:
    """This host, as others know it, and the others; kept in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "host"
        self._peers = folder / "peers"
        self._key, self._certificate = self._folder / "key.pem", self._folder / "certificate.pem"
        if not self._certificate.exists():
            self._make()
        self.certificate = self._certificate.read_text(encoding="ascii")
        self.id = fingerprint(ssl.PEM_cert_to_DER_cert(self.certificate))
        self.name = socket.gethostname()

    def _make(self) -> None:
        for folder in (self._folder, self._peers):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        # OpenSSL looks for who signed a certificate by name, and stops at the first: names must differ.
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"VoXY host {secrets.token_hex(16)}")])
        now = datetime.datetime.now(datetime.UTC)
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - _CLOCKS_DIFFER)
            .not_valid_after(now + _VALID)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .sign(key, hashes.SHA256())
        )
        unencrypted = serialization.NoEncryption()
        self._key.touch(mode=0o600)
        self._key.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
        )
        write_whole(self._certificate, certificate.public_bytes(serialization.Encoding.PEM))

    # Others

    def known(self) -> list[Known]:
        return [msgspec.json.decode(path.read_bytes(), type=Known) for path in sorted(self._peers.glob("*.json"))]

    def peer(self, name: str) -> Known:
        """The host of that name; MachineError where none is known, or it is this one."""
        for known in self.known():
            if known.name == name:
                return known
        if name == self.name:
            raise MachineError(f"{name} is this host itself: name another.")
        names = ", ".join(known.name for known in self.known())
        raise MachineError(f"No host “{name}” is known: pair with it first" + (f", or use {names}." if names else "."))

    def by_id(self, peer_id: str) -> Known | None:
        return next((known for known in self.known() if known.id == peer_id), None)

    def learn(self, known: Known) -> Known:
        """Keep a host's certificate; one that is known already keeps its name."""
        if known.id == self.id:
            raise MachineError("This is the host itself: pair with another.")
        former = self.by_id(known.id)
        name = former.name if former else self._free_name(known.name)
        address = known.address or (former.address if former else "")
        learnt = Known(name, known.certificate, address)
        write_whole(self._peers / f"{learnt.id}.json", msgspec.json.encode(learnt))
        return learnt

    def _free_name(self, wanted: str) -> str:
        wanted = wanted if _NAME.fullmatch(wanted) else "host"
        taken = {known.name for known in self.known()}
        return next(n for n in (wanted, *(f"{wanted}-{i}" for i in range(2, len(taken) + 3))) if n not in taken)

    # TLS

    def server_tls(self) -> ssl.SSLContext:
        """For the agent. A certificate that isn't known ends the handshake; without any, one may only pair."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.sslobject_class = _Handshake
        return self._with_own(context, *self.known())

    def client_tls(self, server: Known) -> ssl.SSLContext:
        """For talking to that host, and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # it is known by its certificate, wherever it is
        return self._with_own(context, server)

    def _with_own(self, context: ssl.SSLContext, *others: Known) -> ssl.SSLContext:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self._certificate, self._key)
        for known in others:
            context.load_verify_locations(cadata=known.certificate)
        return context


class _Handshake(ssl.SSLObject):
    """A handshake that says whom it refused; asyncio keeps that to itself."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            logger.warning("! refused a certificate that is not known: %s", error.verify_message)
            raise


def fingerprint(certificate: bytes) -> str:
    """A host's id: SHA-256 of its certificate (DER), in hex."""
    return hashlib.sha256(certificate).hexdigest()


def new_code() -> str:
    """What a person reads on one host and types on the other."""
    letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
    return "-".join(letters[i : i + _CODE_GROUP] for i in range(0, _CODE_LENGTH, _CODE_GROUP))


def proof(code: str, salt: bytes, side: str, server_id: str, client_id: str) -> str:
    """That one has the code, and saw these two certificates; each side has a proof of its own."""
    plain = code.upper().replace("-", "").replace(" ", "").encode()
    key = hashlib.scrypt(plain, salt=salt, n=1 << 14, r=8, p=1)
    return hmac.new(key, f"{side} {server_id} {client_id}".encode(), hashlib.sha256).hexdigest()


def new_salt() -> bytes:
    return os.urandom(16)
