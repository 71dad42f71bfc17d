"""Several viewers, slow ones among them; signing in; reconnection; plain HTTP."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
from playwright.async_api import Browser, BrowserContext, Page

from tests.e2e.support import canvas, open_page, paint, serving, until_connection, until_same
from tests.pictures import photograph, text
from tests.stack import HELLO
from tests.xservers import XServer, xvfb
from voxy.blocks import Size

SIZE = Size(1021, 743)


async def test_two_viewers_see_the_same(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            first = await open_page(context, served.url)
            await asyncio.to_thread(paint, server, text(SIZE))
            second = await open_page(context, served.url)
            for page in (first, second):
                await page.bring_to_front()
                await until_same(page, server)


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read())
    assert found
    return int(found[1]) * 1024


@asynccontextmanager
async def viewer_that_never_reads(origin: str) -> AsyncIterator[None]:
    host, port = origin.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    try:
        writer.write(
            f"GET /stream HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert b"101" in await reader.readline()
        hello = json.dumps(HELLO).encode()
        writer.write(bytes([0x81, 0x80 | len(hello), 0, 0, 0, 0]) + hello)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        yield
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def paint_photographs(page: Page, server: XServer) -> None:
    for number in range(40):
        await asyncio.to_thread(paint, server, photograph(SIZE, number))
        if number % 8 == 7:
            await until_same(page, server, within_s=3)


async def test_viewer_that_never_reads_slows_nobody_and_takes_no_memory(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            # What these pictures themselves need, the film encoder too, is there before the measured round.
            await paint_photographs(page, server)
            before = resident_bytes(served.process.pid)
            async with viewer_that_never_reads(served.url.rstrip("/")):
                await paint_photographs(page, server)
                assert resident_bytes(served.process.pid) - before < 32 * 2**20


async def test_page_signs_in_by_the_printed_url_and_forgets_the_token(
    browser: Browser, context: BrowserContext
) -> None:
    with xvfb(SIZE) as server:
        async with serving("--display", server.display) as served:
            assert "#token=" in served.url
            page = await open_page(context, f"{served.url}&monitor=left")
            await until_same(page, server)
            assert page.url.endswith("/#monitor=left")
            await page.reload()
            await until_connection(page, "live")
            elsewhere = await browser.new_context()
            stranger = await elsewhere.new_page()
            await stranger.goto(served.url.split("#")[0])
            await until_connection(stranger, "signed-out")
            await elsewhere.close()


async def test_works_on_plain_http_from_elsewhere(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with serving("--display", server.display, "--host-name", "desk.test") as served:
            page = await open_page(context, served.url.replace("127.0.0.1", "desk.test"))
            assert not await page.evaluate("isSecureContext")
            await asyncio.to_thread(paint, server, photograph(SIZE))
            await until_same(page, server, within_s=3)


async def test_page_connects_again_to_a_server_that_comes_back(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        options = ("--display", server.display, "--auth", "none")
        async with serving(*options) as served:
            page = await open_page(context, served.url)
            await until_same(page, server)
        await until_connection(page, "lost")
        port = served.url.rstrip("/").rsplit(":", 1)[1]
        async with serving(*options, "--listen", f"127.0.0.1:{port}"):
            await asyncio.to_thread(paint, server, text(SIZE, "after the return "))
            await until_connection(page, "live")
            await until_same(page, server)


async def test_malformed_viewer_is_closed_and_the_others_notice_nothing(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            origin = served.url.rstrip("/")
            page = await open_page(context, served.url)
            before = await canvas(page)
            async with aiohttp.ClientSession() as session:
                for message in ("{", json.dumps({**HELLO, "more": 2}), "[" * 9999):
                    async with session.ws_connect(f"{origin}/stream", origin=origin) as socket:
                        await socket.send_str(message)
                        assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
                        assert socket.close_code == 4400
            assert (await canvas(page) == before).all()
            assert await page.evaluate("document.documentElement.dataset.connection") == "live"
