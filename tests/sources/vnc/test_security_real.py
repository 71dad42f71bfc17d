"""Logging in to TigerVNC's server by each of its security types, up to ServerInit."""

import contextlib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from Crypto.Cipher import DES

from tests.xservers import xvnc
from voxy.blocks import Size
from voxy.errors import SourceUnavailable
from voxy.sources.vnc.cipher import Cipher
from voxy.sources.vnc.security import Credentials, authenticate
from voxy.sources.vnc.steps import Flow, Read, Send, StartTls
from voxy.sources.vnc.tls import tls_context, tls_refusal

SIZE = Size(320, 240)
PASSWORD = Credentials(password="secret12")


@cache
def speaks(kind: str) -> bool:
    """Whether the Xvnc that is installed knows this security type."""
    said = subprocess.run(["Xvnc", "-help"], capture_output=True, text=True, timeout=10)
    return kind in said.stdout + said.stderr


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `localhost` that signs itself, with its key beside it."""
    folder = tmp_path_factory.mktemp("certificate")
    file = folder / "cert.pem"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
    name = ("-subj", "/CN=VoXY's tests", "-addext", "subjectAltName=DNS:localhost", "-days", "2")
    command = ("openssl", "req", "-x509", *curve, *name, "-keyout", folder / "key.pem", "-out", file)
    subprocess.run(command, check=True, capture_output=True, timeout=10)
    return file


@contextlib.contextmanager
def serving(folder: Path, types: str, *options: str) -> Iterator[Path]:
    """An Xvnc with these security types; the socket that it listens on."""
    # TigerVNC keeps passwords encrypted with a key that everybody knows, whose bits it takes the other way round.
    known = bytes(int(f"{byte:08b}"[::-1], 2) for byte in (23, 82, 107, 6, 35, 78, 88, 7))
    password = folder / "password"
    password.write_bytes(DES.new(known, DES.MODE_ECB).encrypt(PASSWORD.password.encode()))
    path = folder / "rfb"
    with xvnc(SIZE, None, "-SecurityTypes", types, "-rfbunixpath", str(path), "-PasswordFile", str(password), *options):
        yield path


@contextlib.contextmanager
def serving_x509(folder: Path, types: str, certificate: Path, *options: str) -> Iterator[Path]:
    key = certificate.with_name("key.pem")
    with serving(folder, types, "-X509Cert", str(certificate), "-X509Key", str(key), *options) as path:
        yield path


@dataclass
class Session:
    """What a small driver gets from a server: its ServerInit, and which TLS and cipher protect it."""

    size: Size
    tls: list[str]
    cipher: Cipher | None


@dataclass
class Driver:
    """A connection that does what flows ask for, and waits for it."""

    connection: socket.socket
    credentials: Credentials
    ca_file: Path | None
    host: str
    tls: list[str]

    def receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.connection.recv(size - len(data))
            assert part, "the server closed the connection"
            data += part
        return data

    def run(self, flow: Flow[Cipher | None]) -> Cipher | None:
        answer = None
        while True:
            try:
                step = next(flow) if answer is None else flow.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = b""
            match step:
                case Read(size):
                    answer = self.receive(size)
                case Send(data):
                    self.connection.sendall(data)
                case StartTls(kind):
                    self.tls.append(kind)
                    context = tls_context(kind, self.ca_file, self.credentials.insecure)
                    try:
                        self.connection = context.wrap_socket(self.connection, server_hostname=self.host)
                    except ssl.SSLError as error:
                        raise tls_refusal(error) from error


def log_in(
    path: Path,
    credentials: Credentials = PASSWORD,
    minor: int = 8,
    ca_file: Path | None = None,
    host: str = "localhost",
) -> Session:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        driver = Driver(connection, credentials, ca_file, host, [])
        # To those whom it doesn't want, TigerVNC speaks 3.3, says why, and hears nothing more.
        minor = min(minor, int(driver.receive(12)[8:11]))
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(b"RFB 003.%03d\n" % minor)
        try:
            cipher = driver.run(authenticate((3, minor), credentials))
            return Session(_initialise(driver, cipher), driver.tls, cipher)
        finally:
            driver.connection.close()


def _initialise(driver: Driver, cipher: Cipher | None) -> Size:
    """Send ClientInit; the size that ServerInit has."""
    shared = b"\1"
    driver.connection.sendall(cipher.encrypt(shared) if cipher else shared)
    opened = b""
    while len(opened) < 24:
        opened += cipher.decrypt(driver.receive(1)) if cipher else driver.receive(24)
    return Size(int.from_bytes(opened[:2]), int.from_bytes(opened[2:4]))


@pytest.mark.parametrize("minor", [3, 7, 8])
@pytest.mark.parametrize("types", ["None", "VncAuth"])
def test_without_encryption(tmp_path: Path, types: str, minor: int) -> None:
    with serving(tmp_path, types) as path:
        assert log_in(path, minor=minor) == Session(SIZE, [], None)


@pytest.mark.parametrize("minor", [7, 8])
@pytest.mark.parametrize("types", ["TLSNone", "TLSVnc", "None,VncAuth,TLSVnc"])
def test_anonymous_tls(tmp_path: Path, types: str, minor: int) -> None:
    with serving(tmp_path, types) as path:
        assert log_in(path, minor=minor) == Session(SIZE, ["anonymous"], None)


@pytest.mark.parametrize("types", ["X509None", "X509Vnc", "None,VncAuth,TLSVnc,X509Vnc"])
def test_certificate(tmp_path: Path, certificate: Path, types: str) -> None:
    with serving_x509(tmp_path, types, certificate) as path:
        assert log_in(path, ca_file=certificate) == Session(SIZE, ["certificate"], None)


def test_certificate_that_nobody_vouches_for(tmp_path: Path, certificate: Path) -> None:
    with serving_x509(tmp_path, "X509Vnc", certificate) as path:
        with pytest.raises(SourceUnavailable, match=r"can't be trusted \(self.signed certificate\): let --vnc-ca name"):
            log_in(path)
        assert log_in(path, Credentials(password=PASSWORD.password, insecure=True)).tls == ["certificate"]


def test_certificate_of_another_host(tmp_path: Path, certificate: Path) -> None:
    with (
        serving_x509(tmp_path, "X509Vnc", certificate) as path,
        pytest.raises(SourceUnavailable, match=r"can't be trusted \(Hostname mismatch.*'elsewhere'\): let"),
    ):
        log_in(path, ca_file=certificate, host="elsewhere")


def test_server_whose_tls_is_too_new_to_be_anonymous(tmp_path: Path, certificate: Path) -> None:
    with (
        serving_x509(tmp_path, "TLSVnc", certificate, "-GnuTLSPriority", "SECURE256:-VERS-ALL:+VERS-TLS1.3") as path,
        pytest.raises(SourceUnavailable, match=r"find no TLS in common \(.+\): update the server"),
    ):
        log_in(path)


@pytest.mark.parametrize("types", ["VncAuth", "TLSVnc"])
@pytest.mark.parametrize("minor", [7, 8])
def test_wrong_password(tmp_path: Path, types: str, minor: int) -> None:
    with (
        serving(tmp_path, types) as path,
        pytest.raises(SourceUnavailable, match=r"refuses the password.*: check VOXY"),
    ):
        log_in(path, Credentials(password="other"), minor=minor)


def test_unknown_user(tmp_path: Path, certificate: Path) -> None:
    person = Credentials("nobody-of-that-name", "secret12")
    with (
        serving_x509(tmp_path, "X509Plain", certificate, "-PlainUsers", "ada") as path,
        pytest.raises(SourceUnavailable, match=r"refuses the user name or the password .*: check --vnc-user"),
    ):
        log_in(path, person, ca_file=certificate)


def test_too_many_wrong_passwords(tmp_path: Path) -> None:
    with serving(tmp_path, "VncAuth", "-BlacklistThreshold", "1") as path:
        with pytest.raises(SourceUnavailable, match="refuses the password"):
            log_in(path, Credentials(password="other"))
        with pytest.raises(SourceUnavailable, match=r"turns VoXY away .*[Tt]oo many"):
            log_in(path)


@pytest.mark.parametrize(
    ("credentials", "types", "said"),
    [
        (Credentials(), "VncAuth", "needs a password"),
        (Credentials(), "VncAuth,TLSVnc,X509Vnc", "needs a password"),
        (PASSWORD, "X509Plain", "needs a user name"),
        (Credentials("ada", "x"), "TLSPlain", "--vnc-insecure"),
        (Credentials(password="x", known_server="00"), "VncAuth,TLSVnc", "can't prove its key"),
    ],
)
def test_what_credentials_lack(
    tmp_path: Path, certificate: Path, credentials: Credentials, types: str, said: str
) -> None:
    with serving_x509(tmp_path, types, certificate) as path, pytest.raises(SourceUnavailable, match=said):
        log_in(path, credentials)


@pytest.mark.parametrize("types", ["RA2", "RA2ne", "RA2_256", "RA2ne_256"])
def test_rsa_aes(tmp_path: Path, types: str) -> None:
    if not speaks("RA2"):
        pytest.skip("the Xvnc that is installed doesn't speak RSA-AES (TigerVNC 1.13 and later do)")
    key = tmp_path / "key.pem"
    command = ("openssl", "genrsa", "-traditional", "-out", key, "2048")
    subprocess.run(command, check=True, capture_output=True, timeout=20)
    with serving(tmp_path, types, "-RSAKey", str(key)) as path:
        session = log_in(path)
        assert session.size == SIZE
        assert (session.cipher is not None) == ("ne" not in types)
        with pytest.raises(SourceUnavailable, match="refuses the password"):
            log_in(path, Credentials(password="other"))
