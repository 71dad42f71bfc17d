"""The canvas equals the X screen, pixel for pixel, at rest."""

import asyncio
import random

import pytest
from playwright.async_api import BrowserContext

from tests.e2e.support import canvas, open_page, paint, serving, until_same
from tests.pictures import photograph, text
from tests.xservers import client, xvfb, xvnc
from voxy.blocks import Size

SIZES = [Size(1366, 768), Size(1021, 743)]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_text_photographs_and_scrolls_are_exact(context: BrowserContext, size: Size) -> None:
    with xvfb(size) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            await until_same(page, server)
            long = text(Size(size.width, size.height * 3))
            await asyncio.to_thread(paint, server, long[: size.height])
            await until_same(page, server)
            await asyncio.to_thread(paint, server, photograph(Size(333, 222)), 100, 77)
            await until_same(page, server)
            for top in (5, 17, 40, 400, 390, 0):
                await asyncio.to_thread(paint, server, long[top : top + size.height])
                await until_same(page, server)
            await asyncio.to_thread(paint, server, photograph(size, 3))
            await until_same(page, server, within_s=3)


async def test_terminal_that_scrolls_is_exact(context: BrowserContext) -> None:
    with xvfb(Size(1021, 743)) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            before = await canvas(page)
            script = "for i in $(seq 400); do echo line $i of $((i * 7919)); done; sleep 60"
            with client(server, "xterm", "-geometry", "100x40", "-e", "sh", "-c", script):
                while (await canvas(page) == before).all():
                    await asyncio.sleep(0.05)
                await until_same(page, server, within_s=5)


async def test_sizes_are_followed(context: BrowserContext) -> None:
    with xvnc(Size(1280, 720)) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            for size in [Size(1366, 768), Size(640, 480), Size(1021, 743), Size(1280, 720)]:
                await asyncio.to_thread(server.resize, size)
                await asyncio.to_thread(paint, server, text(size))
                await until_same(page, server, within_s=2)


async def test_two_hundred_random_sizes_leave_the_viewer_connected_and_right(context: BrowserContext) -> None:
    chance = random.Random(5)
    sizes = [Size(chance.randrange(200, 1300), chance.randrange(200, 800)) for _ in range(12)]
    with xvnc(Size(1280, 720)) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            await page.evaluate(
                "window.changes = 0; new MutationObserver(() => changes++).observe(document.documentElement, "
                "{attributes: true, attributeFilter: ['data-connection']})"
            )
            for number in range(200):
                await asyncio.to_thread(server.resize, sizes[chance.randrange(12)])
                if number % 20 == 19:
                    await asyncio.to_thread(paint, server, text(Size(300, 200), f"after {number} "))
            await until_same(page, server, within_s=2)
            assert await page.evaluate("changes") == 0
