"""The desktop takes the size of the window: real pixels, whatever the window becomes, and its own size afterwards."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from playwright.async_api import Browser, BrowserContext, Page
from Xlib import X

from tests.e2e.support import eventually, open_page, paint, serving, until_same, x_client
from tests.pictures import text
from tests.stack import HELLO
from tests.xservers import XServer, xvfb, xvnc
from voxy.blocks import Size
from voxy.sources.x11.resources import value_of

FOUND = Size(1280, 720)
FEW_CHANGES = 60


def size_of(server: XServer) -> Size:
    found = re.search(r"current (\d+) x (\d+)", server.run("xrandr"))
    assert found
    return Size(int(found[1]), int(found[2]))


async def until_size(server: XServer, size: Size) -> None:
    async def is_so() -> bool:
        return await asyncio.to_thread(size_of, server) == size

    await eventually(is_so, 5, f"the screen has {size}")


async def until_shown(page: Page, size: Size) -> None:
    """The canvas has that size in its pixels."""
    await page.wait_for_function(
        "([width, height]) => { const { width: w, height: h } = document.getElementById('screen');"
        " return w === width && h === height; }",
        arg=list(size),
        timeout=5000,
    )


async def place_of(page: Page) -> list[float]:
    """Where the canvas is in the window: left, top, width, height in CSS pixels."""
    found = await page.evaluate(
        "(() => { const { left, top, width, height } = document.getElementById('screen').getBoundingClientRect();"
        " return [left, top, width, height]; })()"
    )
    return [round(side, 2) for side in found]


@asynccontextmanager
async def window(browser: Browser, url: str, width: int, height: int, ratio: float = 1) -> AsyncIterator[Page]:
    """A page in a window of its own; sides in CSS pixels."""
    context = await browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=ratio)
    try:
        yield await open_page(context, url)
    finally:
        await context.close()


async def test_the_desktop_follows_the_window_and_has_its_own_size_afterwards(context: BrowserContext) -> None:
    with xvnc(FOUND) as server:
        async with serving("--display", server.display, "--auth", "none", "--resize", "follow") as served:
            page = await open_page(context, served.url)
            await until_size(server, Size(1400, 800))
            for size in (Size(1021, 743), Size(500, 900), Size(1600, 640)):
                await page.set_viewport_size({"width": size.width, "height": size.height})
                await until_size(server, size)
                await asyncio.to_thread(paint, server, text(size))
                await until_shown(page, size)
                await until_same(page, server, within_s=3)
                assert await place_of(page) == [0, 0, *size]
        assert size_of(server) == FOUND
        assert "VoXY" not in server.run("xrandr")


@pytest.mark.parametrize("ratio", [2, 1.25])
async def test_a_dense_window_gets_its_real_pixels_and_text_of_the_right_size(browser: Browser, ratio: float) -> None:
    with xvnc(FOUND) as server:
        async with (
            serving("--display", server.display, "--auth", "none", "--resize", "follow") as served,
            window(browser, served.url, 720, 480, ratio) as page,
        ):
            size = Size(round(720 * ratio), round(480 * ratio))
            await until_size(server, size)
            await asyncio.to_thread(paint, server, text(size))
            await until_shown(page, size)
            await until_same(page, server, within_s=3)
            assert await place_of(page) == [0, 0, 720, 480]
            assert value_of("Xft.dpi", server.run("xrdb", "-query")) == str(round(96 * ratio))
        assert server.run("xrdb", "-query") == ""


async def test_the_first_of_two_viewers_leads_until_it_leaves(browser: Browser) -> None:
    with xvnc(FOUND) as server:
        async with (
            serving("--display", server.display, "--auth", "none", "--resize", "follow") as served,
            window(browser, served.url, 1000, 600) as first,
        ):
            await until_size(server, Size(1000, 600))
            async with window(browser, served.url, 800, 560) as second:
                await first.set_viewport_size({"width": 1001, "height": 600})
                await until_shown(second, Size(1001, 600))
                # The second one has long been heard, and is shown the whole desktop, smaller.
                assert size_of(server) == Size(1001, 600)
                assert (await place_of(second))[2:] == [800, 480]
                await first.close()
                await until_size(server, Size(800, 560))
                await until_same(second, server, within_s=3)


async def test_a_display_with_two_monitors_is_not_touched(context: BrowserContext) -> None:
    with xvnc(FOUND) as server:
        server.run("xrandr", "--setmonitor", "*left", "640/170x720/190+0+0", "VNC-0")
        server.run("xrandr", "--setmonitor", "right", "640/170x720/190+640+0", "none")
        with x_client(server) as watcher:
            watcher.screen().root.change_attributes(event_mask=X.StructureNotifyMask)
            watcher.sync()
            async with serving("--display", server.display, "--auth", "none", "--resize", "follow") as served:
                page = await open_page(context, served.url)
                await page.set_viewport_size({"width": 900, "height": 500})
                await until_same(page, server)
                assert (await place_of(page))[2:] == [889, 500]
            assert watcher.pending_events() == 0
        assert size_of(server) == FOUND


async def test_a_display_that_was_given_is_fitted_unless_asked_otherwise(context: BrowserContext) -> None:
    with xvfb(FOUND) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            await page.set_viewport_size({"width": 640, "height": 500})
            await until_same(page, server)
            assert (await place_of(page))[2:] == [640, 360]
            assert size_of(server) == FOUND


async def test_a_window_that_is_dragged_while_programs_draw_shows_the_screen_in_the_end(
    context: BrowserContext,
) -> None:
    with xvnc(FOUND) as server:
        async with serving("--display", server.display, "--auth", "none", "--resize", "follow") as served:
            page = await open_page(context, served.url)

            async def draw() -> None:
                for number in range(12):
                    picture = text(Size(300, 200), f"{number} is drawn ")
                    await asyncio.to_thread(paint, server, picture, 40 * number, 20 * number)

            drawing = asyncio.create_task(draw())
            for step in range(15):
                await page.set_viewport_size({"width": 1300 - 40 * step, "height": 420 + 30 * step})
            await drawing
            size = Size(740, 840)
            await until_size(server, size)
            await until_shown(page, size)
            await until_same(page, server, within_s=3)


async def test_a_private_desktop_follows(context: BrowserContext) -> None:
    async with serving("--auth", "none", "--command", "sleep 60") as served:
        page = await open_page(context, served.url)
        await until_shown(page, Size(1400, 800))
        await page.set_viewport_size({"width": 700, "height": 500})
        await until_shown(page, Size(700, 500))
        desktop = (await page.evaluate("fetch('status.json').then((answer) => answer.json())"))["desktop"]
        assert (desktop["width"], desktop["height"]) == (700, 500)


async def test_a_flood_of_windows_ends_at_the_last_and_does_not_wear_out_the_server() -> None:
    with xvnc(FOUND) as server, x_client(server) as watcher:
        watcher.screen().root.change_attributes(event_mask=X.StructureNotifyMask)
        watcher.sync()
        async with serving("--display", server.display, "--auth", "none", "--resize", "follow") as served:
            origin = served.url.rstrip("/")
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"{origin}/stream", origin=origin) as line,
            ):
                await line.send_json(HELLO)
                for number in range(1000):
                    size = {"width": 500 + number, "height": 1400 - number}
                    await line.send_str(json.dumps({"type": "window", **size, "scale": 1}))
                await until_size(server, Size(1499, 401))
                watcher.sync()
                assert watcher.pending_events() < FEW_CHANGES
