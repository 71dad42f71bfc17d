"""The oracle in three engines: the canvas equals the screen, whatever was sent for it, and after a reload."""

import asyncio
import contextlib
from collections.abc import Awaitable

import pytest
from playwright.async_api import Error as PlaywrightError

from tests.e2e.support import eventually, paint, serving, until_same
from tests.engines import Engine, browsing, missing
from tests.pictures import photograph, text
from tests.xservers import xvfb
from voxy.blocks import Size

SIZE = Size(821, 611)
LONG = text(Size(SIZE.width, 2 * SIZE.height))


async def until_live(browser: Engine) -> None:
    """Wait until a page is live that wasn't here before."""

    async def is_live() -> bool:
        with contextlib.suppress(PlaywrightError):  # it may be on its way out
            return bool(
                await browser.evaluate("!window.isOld && document.documentElement?.dataset.connection === 'live'")
            )
        return False

    await eventually(is_live, 15, "the page is live")


@pytest.mark.parametrize("engine", ["chromium", "firefox", "webkit"])
async def test_canvas_equals_the_screen_in_every_engine(engine: str) -> None:
    if program := missing(engine):
        pytest.skip(f"there is no {program}")
    with xvfb(SIZE) as server:
        async with (
            serving("--display", server.display, "--auth", "none") as served,
            browsing(engine, served.url) as browser,
        ):
            await until_live(browser)
            for top in (0, 6, 12, 80, 74):
                await asyncio.to_thread(paint, server, LONG[top : top + SIZE.height])
                await until_same(browser, server, within_s=5)
            await asyncio.to_thread(paint, server, photograph(Size(300, 200)), 100, 77)
            await asyncio.to_thread(paint, server, text(Size(8, 14), "i"), 600, 300)
            await until_same(browser, server, within_s=5)
            await browser.evaluate("window.isOld = setTimeout(() => location.reload(), 0)")
            await until_live(browser)
            await asyncio.to_thread(paint, server, text(Size(200, 50), "anew "), 300, 400)
            await until_same(browser, server, within_s=5)


@pytest.mark.parametrize("engine", ["chromium", "firefox", "webkit"])
async def test_toolbar_works_in_every_engine(engine: str) -> None:
    if program := missing(engine):
        pytest.skip(f"there is no {program}")
    with xvfb(SIZE) as server:
        async with (
            serving("--display", server.display, "--auth", "none") as served,
            browsing(engine, served.url) as browser,
        ):
            await until_live(browser)
            await use_toolbar(browser)


async def use_toolbar(browser: Engine) -> None:
    def until(condition: str) -> Awaitable[None]:
        return eventually(lambda: browser.evaluate(condition), 5, condition)

    await browser.click(500, 400)
    # A window manager takes its time to give a new window the keyboard.
    await until("document.hasFocus() && document.activeElement.id === 'field'")
    chord = ("Control_L", "Alt_L", "Shift_L")
    browser.press(*chord, "m")
    await until("document.activeElement.id === 'full-screen'")
    await until("getComputedStyle(document.getElementById('toolbar')).visibility === 'visible'")
    for _ in range(3):
        browser.press("Right")
    await until("document.activeElement.dataset.opens === 'size'")
    browser.press("Return")
    await until("!document.getElementById('size').hidden")
    browser.press("Escape")
    browser.press("Escape")
    await until("document.activeElement.id === 'field'")
    browser.press(*chord, "s")
    await until("!document.getElementById('statistics').hidden")
    await until("/[0-9]/.test(document.querySelector('[data-row=roundTrip] b').textContent)")
    browser.press(*chord, "f")
    await until("document.fullscreenElement !== null")
    browser.press(*chord, "f")
    await until("document.fullscreenElement === null")
