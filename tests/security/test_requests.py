"""Requests that mean one thing to a proxy and another to us, and those that another site has a browser send."""

import asyncio
import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Container
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.proxies import missing, proxying
from tests.stack import Stack, running
from voxy.blocks import Size
from voxy.desktop import Desktop
from voxy.serve import is_ours
from voxy.sources.demo import DemoSource
from voxy.web.app import make_app
from voxy.web.auth import Gate
from voxy.web.forwarded import as_asked

TOKEN = "the token that was printed"
SMUGGLED = "GET /desktops/livez HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
POST = "POST /desktops/login HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nContent-Type: application/json\r\n"
UPGRADE = (
    "GET /desktops/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
CHUNKED = "Transfer-Encoding: chunked\r\n"
AMBIGUOUS = {
    "TE and CL": POST + "Content-Length: 4\r\n" + CHUNKED + "\r\n0\r\n\r\n",
    "CL and TE": POST + CHUNKED + "Content-Length: 4\r\n" + "\r\n0\r\n\r\n",
    "two CL": POST + "Content-Length: 0\r\nContent-Length: 50\r\n\r\n",
    "a list of CL": POST + "Content-Length: 0, 50\r\n\r\n",
    "a CL with a sign": POST + "Content-Length: +0\r\n\r\n",
    "a negative CL": POST + "Content-Length: -1\r\n\r\n",
    "an unknown TE": POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a TE with a space": POST + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a TE after a fold": POST + "X-A: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two TE": POST + CHUNKED + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a chunk of no size": POST + CHUNKED + "\r\n0x0\r\n\r\n",
    "lines without CR": POST.replace("\r\n", "\n") + "Content-Length: 0\n\n",
    "TE in HTTP/1.0": POST.replace("/1.1", "/1.0") + CHUNKED + "\r\n0\r\n\r\n",
    "a NUL": POST + "X-A: a\0b\r\nContent-Length: 0\r\n\r\n",
    "two hosts": POST + "Host: evil.example\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


async def exchange(url: str, request: str) -> bytes:
    """All that is answered until the connection ends."""
    place = urlsplit(url)
    text = request.replace("{host}", place.netloc).replace("{origin}", f"http://{place.netloc}")
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(text.encode("latin-1"))
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("request_", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_ambiguous_requests_are_refused_and_end_their_connection(request_: str) -> None:
    async with running(token=TOKEN, base_path="/desktops") as stack:
        answer = await exchange(stack.url, request_ + SMUGGLED)
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
        assert b"200 OK" not in answer


@pytest.mark.parametrize("token", [TOKEN, None], ids=["refused", "upgraded"])
async def test_what_follows_an_upgrade_is_no_request(token: str | None) -> None:
    async with running(token=token, base_path="/desktops") as stack:
        host = urlsplit(stack.url).netloc
        body = SMUGGLED.replace("{host}", host)
        # A WebSocket's close, which is no request either.
        end = "\x88\x80\0\0\0\0"
        answer = await exchange(stack.url, UPGRADE + f"Content-Length: {len(body)}\r\n\r\n" + body + end)
        assert b"200 OK" not in answer


async def test_nginx_before_us_and_we_agree_where_a_request_ends(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    if program := missing("nginx"):
        pytest.skip(f"there is no {program}")
    seen: list[str] = []

    def note(request: aiohttp.web.BaseRequest, proxies: Container[object]) -> aiohttp.web.BaseRequest:
        seen.append(request.path)
        return as_asked(request, proxies)

    monkeypatch.setattr("voxy.web.app.as_asked", note)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        async with (
            running(token=TOKEN, base_path="/desktops") as stack,
            proxying("nginx", Path(folder), urlsplit(stack.url).netloc) as port,
        ):
            url = f"http://127.0.0.1:{port}"
            await exchange(url, SMUGGLED)
            assert seen == ["/desktops/livez"], "the way through nginx is open"
            for name, request in AMBIGUOUS.items():
                seen.clear()
                answers = (await exchange(url, request + SMUGGLED)).count(b"HTTP/1.1 ")
                assert len(seen) <= answers, f"{name}: nginx saw {answers}, and we {seen}"


def test_what_is_no_request_fills_no_log() -> None:
    def record(error: Exception) -> logging.LogRecord:
        return logging.LogRecord("aiohttp.server", logging.ERROR, "", 0, "", None, (type(error), error, None))

    assert not is_ours(record(aiohttp.http_exceptions.BadHttpMessage("a\r\nb")))
    assert is_ours(record(ValueError()))
    assert is_ours(logging.makeLogRecord({}))


# Forms of other sites


def unsafe_routes() -> list[tuple[str, str]]:
    """All that change something, by method and path."""
    app = make_app(Desktop("test", DemoSource(Size(64, 64), is_still=True)), Gate(None))
    return [
        (route.method, resource.canonical)
        for resource in app.router.resources()
        for route in resource
        if route.method not in ("GET", "HEAD", "OPTIONS")
    ]


BODIES: dict[str, tuple[str, str]] = {
    "form": ("application/x-www-form-urlencoded", f"token={TOKEN}"),
    "multipart": ("multipart/form-data; boundary=a", f'--a\r\nContent-Disposition: form-data; name="{TOKEN}"\r\n\r\n'),
    "text": ("text/plain", json.dumps({"token": TOKEN})),
    "json": ("application/json", json.dumps({"token": TOKEN})),
}


@contextlib.asynccontextmanager
async def signed_in(stack: Stack):  # type: ignore[no-untyped-def]
    """A browser that has a session, and would send its cookie along."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.post(f"{stack.url}/login", json={"token": TOKEN}, headers={"Origin": stack.url}) as answer:
            assert answer.status == 204
        yield session


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("origin", ["https://evil.example", "null", None, "http://127.0.0.1:1"])
async def test_no_form_of_another_site_changes_anything(origin: str | None, body: tuple[str, str]) -> None:
    assert len(unsafe_routes()) >= 3
    async with running(token=TOKEN) as stack, signed_in(stack) as session:
        headers = {"Content-Type": body[0], **({"Origin": origin} if origin else {})}
        for method, path in unsafe_routes():
            async with session.request(method, f"{stack.url}{path}", data=body[1], headers=headers) as answer:
                # The one for portals takes no cookie; it asks for the token itself.
                assert answer.status in ((400, 401, 415) if path == "/ticket" else (403,))
                assert not answer.cookies
        async with session.get(f"{stack.url}/session") as answer:
            assert answer.status == 200, "nobody was signed out"


@pytest.mark.parametrize("body", [body for name, body in BODIES.items() if name != "json"])
async def test_what_is_said_is_said_in_json(body: tuple[str, str]) -> None:
    async with running(token=TOKEN) as stack, aiohttp.ClientSession() as session:
        headers = {"Content-Type": body[0], "Origin": stack.url, "Authorization": f"Bearer {TOKEN}"}
        for path in ("/login", "/ticket"):
            async with session.post(f"{stack.url}{path}", data=body[1], headers=headers) as answer:
                assert answer.status == 415
