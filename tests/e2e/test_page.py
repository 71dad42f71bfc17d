"""The page itself: its toolbar by pointer, keyboard and touch, its languages, and what screen readers find in it.

Pictures of it are left in build/screenshots, to be looked at."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e.support import (
    Served,
    eventually,
    focused,
    open_page,
    paint,
    serving,
    until_connection,
    until_same,
    until_typed,
)
from tests.pictures import photograph
from tests.xservers import xvfb
from voxy.blocks import Size

ROOT = Path(__file__).parents[2]
AXE = ROOT / "tests" / "js" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = ROOT / "build" / "screenshots"
POPUPS = ("keys", "clipboard", "size", "pointer", "quality", "people", "help")
SIZE = Size(1021, 743)


async def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


@contextlib.asynccontextmanager
async def desktop(*options: str) -> AsyncIterator[Served]:
    with xvfb(SIZE) as server:
        async with serving("--display", server.display, "--auth", "none", *options) as served:
            yield served


async def faults(page: Page) -> list[dict[str, Any]]:
    """What axe has to say about the page as it is once nothing in it moves: what fades in has little contrast."""
    await page.emulate_media(reduced_motion="reduce")
    await page.evaluate(AXE.read_text())
    said = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [{"rule": fault["id"], "at": [node["html"] for node in fault["nodes"]]} for fault in said["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en-US", "ja-JP"])
async def test_axe_finds_nothing(browser: Browser, scheme: Any, language: str) -> None:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme=scheme, locale=language, reduced_motion="reduce"
    )
    async with desktop() as served, context:
        page = await open_page(context, served.url)
        assert await faults(page) == []
        await picture(page, f"desk-{scheme}-{language}")
        await page.keyboard.press("Control+Alt+Shift+KeyM")
        for popup in POPUPS:
            await page.click(f"[data-opens={popup}]")
            assert await page.is_visible(f"#{popup}")
            assert await faults(page) == []
            await picture(page, f"desk-{scheme}-{language}-{popup}")
        await page.click("#show-statistics")
        assert await faults(page) == []


async def test_axe_finds_nothing_in_what_asks_for_the_token(browser: Browser) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 780}, locale="ja-JP")
    with xvfb(SIZE) as server:
        async with serving("--display", server.display) as served, context:
            page = await context.new_page()
            await page.goto(served.url.split("#")[0])
            await page.wait_for_selector("#sign-in:not([hidden])")
            assert await page.inner_text("#sign-in-title") == "サインイン"
            assert await page.get_attribute("html", "lang") == "ja"
            assert await faults(page) == []
            await picture(page, "phone-sign-in-ja")


async def test_a_phone_has_a_grip_and_its_keyboard(browser: Browser) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 780}, device_scale_factor=2, has_touch=True, is_mobile=True, locale="en-US"
    )
    async with desktop() as served, context:
        page = await open_page(context, served.url)
        await picture(page, "phone")
        assert await page.evaluate("document.getElementById('field').inputMode") == "none"
        await page.tap("#grip")
        await page.tap("#screen-keyboard")
        mode = "document.getElementById('field').inputMode"
        await eventually(lambda: page.evaluate(f"{mode} === 'text'"), 5, "a keyboard is wanted")
        assert await page.evaluate("document.activeElement.id") == "field"
        for popup in POPUPS:
            await page.tap(f"[data-opens={popup}]")
            box = await page.locator(f"#{popup}").bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
            assert box["y"] + box["height"] <= 780
            await picture(page, f"phone-{popup}")
        await page.touchscreen.tap(200, 600)
        await page.wait_for_selector("#toolbar", state="hidden", timeout=3000)


async def test_toolbar_shows_at_the_edge_and_goes(context: BrowserContext) -> None:
    async with desktop() as served:
        page = await open_page(context, served.url)
        assert not await page.is_visible("#toolbar")
        await page.mouse.move(700, 300)
        await page.mouse.move(700, 0)
        await page.wait_for_selector("#toolbar", state="visible", timeout=3000)
        await page.click("#show-statistics")
        assert await page.is_visible("#statistics")
        assert await page.get_attribute("#show-statistics", "aria-pressed") == "true"
        await page.click("#show-statistics")
        assert not await page.is_visible("#statistics")
        assert await page.evaluate("document.activeElement.id") == "field"
        await page.mouse.move(700, 500)
        await page.wait_for_selector("#toolbar", state="hidden", timeout=3000)


async def test_toolbar_by_keys_alone(context: BrowserContext) -> None:
    with xvfb(SIZE) as server, focused(server) as display:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            await page.keyboard.press("Control+Alt+Shift+KeyM")
            await expect(page.locator("#full-screen")).to_be_focused()
            await page.keyboard.press("ArrowLeft")
            assert await page.evaluate("document.activeElement.dataset.opens") == "help"
            for _ in range(2):
                await page.keyboard.press("ArrowLeft")
            assert await page.evaluate("document.activeElement.id") == "show-statistics"
            await page.keyboard.press("ArrowLeft")
            await page.keyboard.press("Enter")
            assert await page.evaluate("document.activeElement.value") == "auto"
            await page.keyboard.press("ArrowDown")
            assert await page.is_checked("input[value=exact]")
            await page.keyboard.press("Escape")
            assert not await page.is_visible("#quality")
            assert await page.evaluate("document.activeElement.dataset.opens") == "quality"
            await page.keyboard.press("Escape")
            await page.wait_for_selector("#toolbar", state="hidden", timeout=3000)
            await page.keyboard.press("z")
            keys = await until_typed(display, lambda keys: ("z", False) in keys, "the next key arrives")
            assert [name for name, _ in keys if name != "modifier"] == ["z", "z"], "none of the others did"


async def test_keys_that_browsers_keep_arrive(context: BrowserContext) -> None:
    with xvfb(SIZE) as server, focused(server) as display:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            await page.keyboard.press("Control+Alt+Shift+KeyM")
            await page.click("[data-opens=keys]")
            await page.get_by_role("button", name="Ctrl W").click()

            def are_up(keys: list[tuple[str, bool]]) -> bool:
                return keys.count(("modifier", False)) == keys.count(("modifier", True)) and ("w", False) in keys

            keys = await until_typed(display, are_up, "Control and W arrive, and go up")
            assert keys[-4:] == [("modifier", True), ("w", True), ("w", False), ("modifier", False)]
            held = page.get_by_role("button", name="Ctrl", exact=True)
            await held.click()
            assert await held.get_attribute("aria-pressed") == "true"
            await page.keyboard.press("w")
            keys = await until_typed(display, are_up, "the next key arrives with the one that is held")
            assert keys == [("modifier", True), ("w", True), ("w", False), ("modifier", False)]
            assert await held.get_attribute("aria-pressed") == "false"


async def test_exact_pictures_are_exact_in_motion(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            await page.keyboard.press("Control+Alt+Shift+KeyM")
            await page.click("[data-opens=quality]")
            await page.check("input[value=exact]")
            await page.keyboard.press("Control+Alt+Shift+KeyS")
            for seed in range(8):
                await asyncio.to_thread(paint, server, photograph(Size(500, 400), seed), 200, 100)
                status: dict[str, Any] = {}

                async def is_shown(status: dict[str, Any] = status) -> bool:
                    async with aiohttp.ClientSession() as session, session.get(f"{served.url}status.json") as response:
                        status.update(await response.json())
                    return bool(status["viewers"][0]["times"])

                await eventually(is_shown, 5, "a picture was acknowledged")
                assert status["viewers"][0]["exact"] == 1.0
            await until_same(page, server)


async def test_who_is_here_is_counted(context: BrowserContext) -> None:
    async with desktop() as served:
        first = await open_page(context, served.url)
        await first.keyboard.press("Control+Alt+Shift+KeyM")
        said = first.locator("#people-said")
        await eventually(lambda: _has(said, "Only you look at this desktop."), 5, "nobody else is here")
        second = await open_page(context, served.url)
        await eventually(lambda: _has(said, "You and 1 more look at this desktop."), 5, "somebody has come")
        await second.close()
        await eventually(lambda: _has(said, "Only you look at this desktop."), 5, "they have gone")


async def _has(element: Any, text: str) -> bool:
    return bool(await element.text_content() == text)


async def test_full_screen_and_back(context: BrowserContext) -> None:
    async with desktop() as served:
        page = await open_page(context, served.url)
        await page.keyboard.press("Control+Alt+Shift+KeyF")
        await eventually(lambda: page.evaluate("document.fullscreenElement !== null"), 5, "it is the whole screen")
        await page.keyboard.press("Control+Alt+Shift+KeyM")
        await page.wait_for_selector("#full-screen[aria-pressed=true]")
        await page.click("#full-screen")
        await eventually(lambda: page.evaluate("document.fullscreenElement === null"), 5, "it is no more")
        await page.wait_for_selector("#full-screen[aria-pressed=false]")


async def test_what_cannot_be_fetched_is_said_and_the_desktop_goes_on(
    context: BrowserContext,
) -> None:
    with xvfb(SIZE) as server, focused(server) as display:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            for part in ("panels", "clipboard"):
                await page.route(f"**/js/{part}.js", lambda route: route.abort())
            await page.keyboard.press("Control+Alt+Shift+KeyM")
            await expect(page.locator("#notice")).to_have_text(
                "Something of this page can’t be fetched. Reload the page."
            )
            await page.keyboard.press("Control+v")
            await page.keyboard.press("z")
            await until_typed(display, lambda keys: ("z", False) in keys, "what is typed arrives")
            await page.unroute_all()
            await page.reload()
            await until_connection(page, "live")
            await page.keyboard.press("Control+Alt+Shift+KeyM")
            await page.wait_for_selector("#toolbar", state="visible")


async def test_lost_is_said_in_the_readers_language(browser: Browser) -> None:
    context = await browser.new_context(locale="ja-JP", viewport={"width": 1280, "height": 800})
    async with context:
        with xvfb(SIZE) as server:
            async with serving("--display", server.display, "--auth", "none") as served:
                page = await open_page(context, served.url)
                server.kill()
                await page.wait_for_selector("html[data-connection=lost]", state="attached")
                assert await page.inner_text("#words") == "デスクトップが見つかりません。探しています…"
                await picture(page, "desk-lost-ja")


async def test_it_can_be_installed(context: BrowserContext) -> None:
    async with desktop() as served:
        page = await open_page(context, served.url)
        session = await context.new_cdp_session(page)
        answer = await session.send("Page.getAppManifest")
        assert answer["errors"] == []
        manifest = json.loads(answer["data"])
        assert manifest["display"] == "standalone"
        async with aiohttp.ClientSession() as http:
            for icon in manifest["icons"]:
                async with http.get(served.url + icon["src"]) as response:
                    assert response.content_type == icon["type"]
        faults = (await session.send("Page.getInstallabilityErrors"))["installabilityErrors"]
        # A window without a profile of its own keeps nothing.
        assert [fault["errorId"] for fault in faults if fault["errorId"] != "in-incognito"] == []


async def test_the_page_loads_nothing_from_elsewhere(context: BrowserContext) -> None:
    asked: set[str] = set()
    context.on("request", lambda request: asked.add(request.url.split("/", 3)[2]))
    async with desktop() as served:
        page = await open_page(context, served.url)
        await page.keyboard.press("Control+Alt+Shift+KeyM")
        for popup in POPUPS:
            await page.click(f"[data-opens={popup}]")
        assert asked == {f"127.0.0.1:{served.port}"}
