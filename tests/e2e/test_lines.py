"""Lines that break, stall and are slow: the picture is right in the end, and what is lost isn't sent twice in whole."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import BrowserContext, Page

from tests.e2e.support import canvas, eventually, open_page, paint, serving, until_connection, until_same
from tests.line import Line
from tests.pictures import photograph, text
from tests.xservers import XServer, xvfb
from voxy.blocks import Size

SIZE = Size(1021, 743)
LONG = text(Size(SIZE.width, 3 * SIZE.height))


@contextlib.asynccontextmanager
async def over(**how: float) -> AsyncIterator[tuple[XServer, Line, str]]:
    """A desktop behind a line: its X server, the line, and the URL at this end of it."""
    with xvfb(SIZE) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            line = Line(int(served.url.rstrip("/").rsplit(":", 1)[1]), **how)
            async with line.open() as port:
                yield server, line, f"http://127.0.0.1:{port}/"


async def scroll(server: XServer, steps: int, first: int = 0) -> None:
    for step in range(first, first + steps):
        await asyncio.to_thread(paint, server, LONG[6 * step : 6 * step + SIZE.height])


async def test_viewer_that_was_cut_off_gets_the_difference_only(context: BrowserContext) -> None:
    async with over() as (server, line, url):
        await asyncio.to_thread(paint, server, photograph(SIZE))
        page = await open_page(context, url)
        await until_same(page, server, within_s=5)
        whole = line.down.bytes
        with line.broken():
            await page.wait_for_selector("html:not([data-connection=live])", state="attached")
            await asyncio.to_thread(paint, server, text(Size(200, 50)), 300, 300)
            before = line.down.bytes
        await until_connection(page, "live")
        await until_same(page, server, within_s=5)
        assert line.down.bytes - before < whole / 10


async def test_page_that_is_loaded_anew_gets_the_difference_only(context: BrowserContext) -> None:
    async with over() as (server, _, url):
        await asyncio.to_thread(paint, server, text(SIZE))
        page = await open_page(context, url)
        await until_same(page, server)
        streamed = 0

        def count(frame: bytes | str) -> None:
            nonlocal streamed
            streamed += len(frame)

        page.on("websocket", lambda socket: socket.on("framereceived", count))
        shown = await canvas(page)
        await page.reload()
        await until_connection(page, "live")
        assert (await canvas(page) == shown).all(), "the old picture is there at once"
        await asyncio.to_thread(paint, server, text(Size(200, 50)), 300, 300)
        await until_same(page, server)
        assert 0 < streamed < 20_000
        assert await page.evaluate("sessionStorage.length") == 0, "the picture isn't left lying about"


async def test_text_that_is_too_much_for_a_line_comes_coarse_rather_than_late(context: BrowserContext) -> None:
    async with over(mbit_s=1.0, delay_ms=50.0) as (server, _, url):
        page = await open_page(context, url)
        arrived: list[int] = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: arrived.append(len(frame))))
        await page.reload()
        await until_connection(page, "live")
        await until_same(page, server, within_s=5)
        arrived.clear()
        for step in range(100):
            await asyncio.to_thread(paint, server, LONG[53 * step % 1400 :][: SIZE.height])
            await asyncio.sleep(0.02)
        # Exactly it is 100 kB each time, and four of them in these seconds.
        assert max(arrived[len(arrived) // 2 :]) < 40_000
        await until_same(page, server, within_s=20)


async def test_line_that_is_cut_again_and_again_amid_changes(context: BrowserContext) -> None:
    async with over(mbit_s=8.0, delay_ms=20.0) as (server, line, url):
        page = await open_page(context, url)
        for round_ in range(6):
            await asyncio.to_thread(paint, server, photograph(Size(400, 300), round_), 60 * round_, 40 * round_)
            await scroll(server, 5, first=5 * round_)
            line.cut()
            await asyncio.to_thread(paint, server, text(Size(300, 200), f"round {round_} "), 100, 100)
        await until_connection(page, "live")
        await until_same(page, server, within_s=5)


async def test_line_that_stalls_for_ten_seconds_is_told_and_the_picture_is_right(context: BrowserContext) -> None:
    async with over() as (server, line, url):
        page = await open_page(context, url)
        await scroll(server, 3)
        with line.stalled():
            began = asyncio.get_running_loop().time()
            await scroll(server, 20, first=3)
            await page.wait_for_selector("html:not([data-connection=live])", state="attached", timeout=10_000)
            await asyncio.sleep(began + 10 - asyncio.get_running_loop().time())
        await until_connection(page, "live")
        await until_same(page, server, within_s=5)


@pytest.mark.timeout(120)
async def test_line_of_64_kbit_s_shows_what_is_typed_and_the_picture_in_the_end(context: BrowserContext) -> None:
    async with over(mbit_s=0.5, delay_ms=100.0) as (server, line, url):
        page = await open_page(context, url)
        await asyncio.to_thread(paint, server, photograph(Size(256, 192)), 320, 256)
        for direction in (line.up, line.down):
            direction.slow_down_to(0.064)
        for number in range(5):
            await asyncio.to_thread(paint, server, text(Size(40, 20), f"{number}"), 100 + 40 * number, 100)
        await eventually(lambda: shows_typed(page), 10, "what is typed is there before the photograph is exact")
        for step in range(4):
            await asyncio.to_thread(paint, server, LONG[6 * step : 6 * step + 100, :300], 600, 500)
        await until_same(page, server, within_s=60)


async def shows_typed(page: Page) -> bool:
    shown = await canvas(page)
    return all(
        bool((shown[100:120, 100 + 40 * n : 140 + 40 * n] == text(Size(40, 20), f"{n}")).all()) for n in range(5)
    )
