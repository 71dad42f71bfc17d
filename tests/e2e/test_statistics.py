"""Where the time goes, as people see it in a corner of the page and programs by `status.json`."""

import asyncio
import re

import aiohttp
from playwright.async_api import BrowserContext, Page

from tests.e2e.support import eventually, focused, open_page, paint, serving, until_typed
from tests.pictures import photograph, text
from tests.xservers import xvfb
from voxy.blocks import Size

SIZE = Size(1021, 743)
KEYS = "Control+Alt+Shift+KeyS"


async def figure(page: Page, row: str) -> str:
    return await page.inner_text(f"[data-row={row}] b")


async def test_statistics_say_where_the_time_goes(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            assert not await page.is_visible("#statistics")
            await page.keyboard.press(KEYS)
            await page.wait_for_selector("#statistics", state="visible")

            async def is_filled() -> bool:
                await asyncio.to_thread(paint, server, photograph(Size(300, 200), seed=len(await page.content())))
                rows = ("roundTrip", "frames", "data", "exact", "server", "line", "browser")
                return all([re.fullmatch(r"\d+(\.\d+)?", await figure(page, row)) for row in rows])

            await eventually(is_filled, 5, "all figures are there")
            assert "Most time goes into" in await page.inner_text("#slowest")
            await asyncio.to_thread(paint, server, text(SIZE))

            async def is_exact() -> bool:
                return await figure(page, "exact") == "100" and await figure(page, "server") == "–"

            await eventually(is_exact, 6, "the picture is exact and rests")
            await page.click("#statistics-close")
            assert not await page.is_visible("#statistics")
            assert await page.evaluate("document.activeElement.id") == "field"


async def test_status_shows_the_viewer(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            await open_page(context, served.url)
            status: dict = {}

            async def is_measured() -> bool:
                nonlocal status
                async with aiohttp.ClientSession() as session, session.get(f"{served.url}status.json") as response:
                    status = await response.json()
                return bool(status["viewers"] and status["viewers"][0]["times"])

            await eventually(is_measured, 5, "a picture was acknowledged")
            (viewer,) = status["viewers"]
            assert viewer["round_trip_ms"] > 0
            assert viewer["times"]["ack_ms"] > 0
            assert (status["desktop"]["width"], status["desktop"]["height"]) == SIZE


async def test_desktop_does_not_get_the_key_that_opens_them(context: BrowserContext) -> None:
    with xvfb(SIZE) as server, focused(server) as display:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            await page.keyboard.press(KEYS)
            await page.keyboard.press("a")
            keys = await until_typed(display, lambda keys: ("a", False) in keys, "the next key arrives")
            assert not [name for name, _ in keys if name.lower() == "s"]
            assert sorted(keys[:-2], key=lambda key: key[1]) == [("modifier", False)] * 3 + [("modifier", True)] * 3
            assert keys[-2:] == [("a", True), ("a", False)], "no modifier is left down"
