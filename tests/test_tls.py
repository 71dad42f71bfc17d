"""Certificates are checked before anything starts, kept, and read anew without a restart."""

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from voxy.errors import ConfigError
from voxy.tls import Certificate, self_signed

NAMES = frozenset({"desk.example.org"})


@contextlib.asynccontextmanager
async def serving(certificate: Certificate) -> AsyncIterator[int]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=certificate.context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def connect(port: int, name: str | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """A connection, and the SHA-256 of the certificate that was shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name or "")
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return reader, writer, hashlib.sha256(shown).hexdigest()


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


def plain(fingerprint: str) -> str:
    return fingerprint.replace(":", "").lower()


def test_own_certificate_is_kept_with_its_fingerprint_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = self_signed(tmp_path / "voxy", NAMES).fingerprint
    assert self_signed(tmp_path / "voxy", NAMES).fingerprint == first
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "voxy").iterdir()} == {0o600}
    assert (tmp_path / "voxy").stat().st_mode & 0o777 == 0o700
    # Another name needs another one.
    assert self_signed(tmp_path / "voxy", frozenset({"other.example"})).fingerprint != first


async def test_browser_that_trusts_the_certificate_finds_its_names_in_it(tmp_path: Path) -> None:
    async with serving(self_signed(tmp_path, NAMES)) as port:
        context = ssl.create_default_context(cafile=str(tmp_path / "self-signed.pem"))
        for name in ("desk.example.org", "localhost", "127.0.0.1"):
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
            await close(writer)


@pytest.mark.parametrize("name", [None, "desk.example.org"])
async def test_changed_certificate_is_used_at_once_and_connections_stay(tmp_path: Path, name: str | None) -> None:
    certificate = self_signed(tmp_path, NAMES)
    before = plain(certificate.fingerprint)
    async with serving(certificate) as port:
        reader, writer, shown = await connect(port, name)
        assert shown == before
        self_signed(tmp_path, frozenset({"other.example"}))
        _, newer, shown = await connect(port, name)
        assert shown == plain(certificate.fingerprint) != before
        writer.write(b"still here\n")
        assert await reader.readline() == b"still here\n"
        await close(writer)
        await close(newer)


async def test_certificate_that_is_half_written_is_not_used(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, NAMES)
    good = plain(certificate.fingerprint)
    async with serving(certificate) as port:
        whole = (tmp_path / "self-signed.pem").read_bytes()
        for content in (whole[:100], None, whole):
            if content is None:
                (tmp_path / "self-signed.pem").unlink()
            else:
                (tmp_path / "self-signed.pem").write_bytes(content)
            _, writer, shown = await connect(port)
            assert shown == good
            await close(writer)


def test_old_protocols_are_refused(tmp_path: Path) -> None:
    assert self_signed(tmp_path, NAMES).context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_files_that_can_not_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("nothing")
    for cert, key in (("a.pem", "a.pem"), ("none.pem", "a.pem")):
        with pytest.raises(ConfigError, match=cert):
            Certificate(tmp_path / cert, tmp_path / key)
