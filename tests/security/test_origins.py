"""Who asks from elsewhere, by another name, or for what isn't the page's, gets nothing."""

import asyncio
import socket

import aiohttp
import pytest

from tests.stack import TOKEN, UPGRADE, Stack, log_in
from voxy.web.files import page_folder


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://127.0.0.1:1", "https://{host}", "{url}.evil"]
)
async def test_foreign_origin_is_403_even_with_a_session(
    locked: Stack, session: aiohttp.ClientSession, origin: str
) -> None:
    await log_in(session, locked.url, TOKEN)
    origin = origin.format(url=locked.url, host=locked.url.removeprefix("http://"))
    async with session.get(f"{locked.url}/stream", headers={**UPGRADE, "Origin": origin}) as response:
        assert response.status == 403
    assert await log_in(session, locked.url, TOKEN, origin=origin or "null") == 403


async def test_missing_origin_is_403(locked: Stack, session: aiohttp.ClientSession) -> None:
    await log_in(session, locked.url, TOKEN)
    async with session.get(f"{locked.url}/stream", headers=UPGRADE) as response:
        assert response.status == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "", "[::1", "127.0.0.1.evil"]
)
@pytest.mark.parametrize("path", ["/", "/stream", "/session", "/nothing"])
async def test_foreign_host_is_421(locked: Stack, session: aiohttp.ClientSession, host: str, path: str) -> None:
    async with session.get(f"{locked.url}{path}", headers={**UPGRADE, "Host": host}) as response:
        assert response.status == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:80", "192.0.2.7", socket.gethostname()])
async def test_own_hosts_pass(locked: Stack, session: aiohttp.ClientSession, host: str) -> None:
    async with session.get(f"{locked.url}/session", headers={"Host": host}) as response:
        assert response.status == 401


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/%2e%2e/pyproject.toml", "/js/..%2f..%2fpyproject.toml", "/js/"]
)
async def test_nothing_but_the_page_is_served(locked: Stack, path: str) -> None:
    host, port = locked.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.settimeout(5)
        loop = asyncio.get_running_loop()
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = await loop.run_in_executor(None, raw.recv, 4096)
    assert answer.split()[1] in (b"403", b"404"), answer
    assert (page_folder().parent / "pyproject.toml").exists()
