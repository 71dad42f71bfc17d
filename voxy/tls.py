"""Certificates for HTTPS: those of a file, read anew when it changes, or one that VoXY makes and keeps."""

import contextlib
import datetime
import ipaddress
import logging
import os
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from voxy.errors import ConfigError

logger = logging.getLogger(__name__)

_VALID = datetime.timedelta(days=825)
"""The longest that Apple's systems take."""
_RENEW = datetime.timedelta(days=30)
_EARLIER = datetime.timedelta(days=1)
"""A browser's clock may be behind."""


class Certificate:
    """A certificate and key on disk, for a server."""

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self._stamp = self._stat()
        self._newest = self._load()
        self.context = self._load()
        # Asked at each handshake, with or without a name: what changed is used from the next connection on, and
        # connections that stand are left alone.
        self.context.sni_callback = self._choose

    @property
    def fingerprint(self) -> str:
        """SHA-256 as browsers show it."""
        certificate = x509.load_pem_x509_certificate(self._cert.read_bytes())
        return certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        with contextlib.suppress(ConfigError):
            if (stamp := self._stat()) != self._stamp:
                self._stamp = stamp
                self._renew()
        connection.context = self._newest

    def _renew(self) -> None:
        try:
            self._newest = self._load()
            logger.info("= certificate %s read anew", self._cert)
        except ConfigError as error:
            # One of the two files may be on its way: the other will change too.
            logger.warning("! %s The one before is used.", error)

    def _stat(self) -> list[tuple[int, int, int]]:
        try:
            found = [file.stat() for file in (self._cert, self._key)]
        except OSError as error:
            raise ConfigError(f"{error.filename} can't be read: {(error.strerror or '').lower()}.") from None
        return [(status.st_mtime_ns, status.st_size, status.st_ino) for status in found]

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._cert, self._key)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "reason", "") or error.strerror or "no certificate"
            raise ConfigError(
                f"{self._cert} and {self._key} are no certificate with its key ({str(reason).lower()})."
            ) from None
        return context


def self_signed(folder: Path, names: frozenset[str]) -> Certificate:
    """A certificate of VoXY's own, kept in `folder` to keep its fingerprint, for this machine's and other names."""
    cert, key = folder / "self-signed.pem", folder / "self-signed.key"
    wanted = {"localhost", "127.0.0.1", "::1", socket.gethostname().lower(), *names}
    if not _is_good(cert, wanted) or not key.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make(cert, key, sorted(wanted))
        except OSError as error:
            raise ConfigError(f"The certificate can't be kept in {folder}: {(error.strerror or '').lower()}.") from None
    return Certificate(cert, key)


def _is_good(cert: Path, wanted: set[str]) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(cert.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    held = {str(name.value).lower() for name in names}
    return wanted <= held and certificate.not_valid_after_utc > datetime.datetime.now(datetime.UTC) + _RENEW


def _make(cert: Path, key: Path, names: list[str]) -> None:
    now = datetime.datetime.now(datetime.UTC)
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "VoXY, self-signed")])
    certificate = (
        x509.CertificateBuilder(subject, subject, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + _VALID - _EARLIER)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(key, secret)
    _write(cert, certificate.public_bytes(serialization.Encoding.PEM))


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(file: Path, content: bytes) -> None:
    """Put a file in its place, whole, and readable by its owner alone."""
    new = file.with_name(f".{file.name}.{os.getpid()}")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as writing:
        writing.write(content)
    new.rename(file)
