"""X servers that die, hang and come back, under a viewer that stays connected."""

import asyncio
import contextlib

from playwright.async_api import BrowserContext

from tests.e2e.support import open_page, paint, serving, until_connection, until_same
from tests.pictures import text
from tests.xservers import xvfb
from voxy.blocks import Size

SIZE = Size(1021, 743)


async def test_server_that_dies_and_comes_back_is_told_and_shown_again(context: BrowserContext) -> None:
    with contextlib.ExitStack() as lives:
        server = lives.enter_context(xvfb(SIZE))
        display = server.display
        async with serving("--display", display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            opened = "performance.getEntriesByType('resource').length"
            requests = await page.evaluate(opened)
            for life in range(3):
                server.kill()
                await until_connection(page, "lost")
                assert display in (await page.locator("#words").text_content() or "")
                server = lives.enter_context(xvfb(SIZE, display))
                await asyncio.to_thread(paint, server, text(SIZE, f"life {life} "))
                await until_connection(page, "live")
                await until_same(page, server, within_s=2)
            assert await page.evaluate(opened) == requests, "the viewer stayed connected"


async def test_server_that_hangs_is_told_and_goes_on(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            await until_same(page, server)
            server.stop()
            try:
                await until_connection(page, "stalled")
            finally:
                server.resume()
            await until_connection(page, "live")
            await asyncio.to_thread(paint, server, text(SIZE))
            await until_same(page, server, within_s=2)
