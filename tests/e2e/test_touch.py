"""Fingers on the picture, by Chromium's touch emulation, arrive at programs on the X side as a pointer's doings."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from playwright.async_api import Browser, CDPSession, Page

from tests.e2e.support import eventually, open_page, paint, serving, until_same, x_client
from tests.e2e.test_input import Recorder, recorded
from tests.pictures import text
from tests.xservers import XServer, xvfb
from voxy.blocks import Size

SIZE = Size(1280, 720)
PHONE = Size(390, 780)


@dataclass
class Phone:
    """A page on a phone, and a window on the desktop that notes what is done to it."""

    page: Page
    session: CDPSession
    recorder: Recorder
    server: XServer

    async def touch(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        await self.session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touches})

    async def tap(self, *points: tuple[float, float]) -> None:
        for count in range(1, len(points) + 1):
            await self.touch("Start", *points[:count])
        await self.touch("End")

    async def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a remote pixel is shown, in CSS pixels."""
        box = await self.page.locator("#screen").bounding_box()
        assert box
        return box["x"] + (x + 0.5) * box["width"] / SIZE.width, box["y"] + (y + 0.5) * box["height"] / SIZE.height

    async def noted(self, count: int) -> list[tuple[str, int, int, int]]:
        return await recorded(self.recorder, count)


@contextlib.asynccontextmanager
async def phone(browser: Browser) -> AsyncIterator[Phone]:
    context = await browser.new_context(
        viewport={"width": PHONE.width, "height": PHONE.height}, device_scale_factor=3, has_touch=True, is_mobile=True
    )
    with xvfb(SIZE) as server, x_client(server) as display:
        recorder = Recorder(display)
        async with serving("--display", server.display, "--auth", "none") as served, context:
            page = await open_page(context, served.url)
            yield Phone(page, await context.new_cdp_session(page), recorder, server)


def near(event: tuple[str, int, int, int], kind: str, button: int, x: int, y: int, by: int = 2) -> bool:
    return event[:2] == (kind, button) and abs(event[2] - x) <= by and abs(event[3] - y) <= by


async def test_taps_click_where_they_touch(browser: Browser) -> None:
    async with phone(browser) as at:
        for fingers, button in ((1, 1), (2, 3), (3, 2)):
            place = await at.at(640, 360)
            await at.tap(*[(place[0] + 30 * (number - fingers + 1), place[1]) for number in range(fingers)])
            down, up = await at.noted(2)
            assert near(down, "down", button, 640 if fingers == 1 else down[2], 360)
            assert up[:2] == ("up", button)
            await asyncio.sleep(0.4)


async def test_a_second_tap_is_at_the_same_place(browser: Browser) -> None:
    async with phone(browser) as at:
        x, y = await at.at(300, 300)
        await at.tap((x, y))
        await at.tap((x + 8, y + 5))
        events = await at.noted(4)
        assert [event[:2] for event in events] == [("down", 1), ("up", 1)] * 2
        assert len({event[2:] for event in events}) == 1


async def test_a_finger_drags_and_one_that_rests_clicks_right(browser: Browser) -> None:
    async with phone(browser) as at:
        start, end = await at.at(200, 200), await at.at(800, 500)
        await at.touch("Start", start)
        await asyncio.sleep(0.15)
        for share in (0.2, 0.6, 1.0):
            where = tuple(a + (b - a) * share for a, b in zip(start, end, strict=True))
            await at.touch("Move", (where[0], where[1]))
        await at.touch("End")
        down, up = await at.noted(2)
        assert near(down, "down", 1, 200, 200, by=4)
        assert near(up, "up", 1, 800, 500, by=4)
        await at.touch("Start", start)
        down, up = await at.noted(2)
        assert near(down, "down", 3, 200, 200, by=4)
        await at.touch("End")


async def test_two_fingers_scroll(browser: Browser) -> None:
    async with phone(browser) as at:
        x, y = await at.at(640, 500)
        await at.touch("Start", (x, y))
        await at.touch("Start", (x, y), (x + 60, y))
        for step in range(1, 7):
            await at.touch("Move", (x, y - 25 * step), (x + 60, y - 25 * step))
        await at.touch("End")
        events = await at.noted(4)
        assert {event[1] for event in events} == {5}, "the page scrolls down"


async def test_what_is_enlarged_is_exact_and_taps_on_it_too(browser: Browser) -> None:
    async with phone(browser) as at:
        x, y = await at.at(900, 400)
        await at.touch("Start", (x, y))
        await at.touch("Start", (x - 20, y), (x + 20, y))
        for step in range(1, 6):
            await at.touch("Move", (x - 20 - 15 * step, y), (x + 20 + 15 * step, y))
        await at.touch("End")
        box = await at.page.locator("#screen").bounding_box()
        assert box
        assert box["width"] > 2 * PHONE.width
        for remote in ((900, 400), (860, 380)):
            await asyncio.sleep(0.4)
            await at.tap(await at.at(*remote))
            down, up = await at.noted(2)
            assert near(down, "down", 1, *remote, by=1)
            assert up[2:] == down[2:]
        await asyncio.to_thread(paint, at.server, text(SIZE))
        await until_same(at.page, at.server)


async def test_trackpad_moves_the_pointer_and_clicks_there(browser: Browser) -> None:
    async with phone(browser) as at:
        await at.page.tap("#grip")
        await at.page.tap("[data-opens=pointer]")
        await at.page.check("input[value=trackpad]")
        await at.page.touchscreen.tap(100, 700)
        down, _ = await at.noted(2)
        assert near(down, "down", 1, SIZE.width // 2, SIZE.height // 2)
        assert await at.page.is_visible("#pointer-shape")
        await asyncio.sleep(0.4)
        await at.touch("Start", (200, 600))
        for step in range(1, 11):
            await at.touch("Move", (200 - 5 * step, 600))
            await asyncio.sleep(0.02)
        await at.touch("End")
        await asyncio.sleep(0.4)
        await at.tap((300, 300))
        down, _ = await at.noted(2)
        assert down[:2] == ("down", 1)
        assert down[2] < SIZE.width // 2 - 100
        assert abs(down[3] - SIZE.height // 2) <= 2
        # The pointer is drawn where it is.
        box = await at.page.locator("#pointer-shape").bounding_box()
        place = await at.at(down[2], down[3])
        assert box
        assert abs(box["x"] - place[0]) < 16
        assert abs(box["y"] - place[1]) < 16


async def test_the_pointer_can_be_given_to_the_desktop(browser: Browser) -> None:
    context = await browser.new_context(viewport={"width": 1400, "height": 800})
    with xvfb(SIZE) as server, x_client(server) as display:
        root = display.screen().root
        async with serving("--display", server.display, "--auth", "none") as served, context:
            page = await open_page(context, served.url)
            await page.mouse.move(700, 400)
            await page.keyboard.press("Control+Alt+Shift+KeyM")
            await page.click("[data-opens=pointer]")
            await page.click("#lock-pointer")
            await page.wait_for_function("document.pointerLockElement !== null")

            def warp() -> None:
                """Do as games do: put the pointer back to the middle."""
                root.warp_pointer(640, 360)
                display.sync()

            def whereabouts() -> tuple[int, int]:
                pointer = root.query_pointer()
                return pointer.root_x, pointer.root_y

            await page.mouse.move(600, 300)
            for step in range(1, 4):
                await asyncio.sleep(0.1)  # what was on its way is there
                await asyncio.to_thread(warp)
                await page.mouse.move(600 + 40 * step, 300 - 30 * step, steps=4)

                async def has_moved() -> bool:
                    return await asyncio.to_thread(whereabouts) == (640 + 40, 360 - 30)

                await eventually(has_moved, 5, "the pointer goes as far as the mouse, from where the program put it")
            await page.evaluate("document.exitPointerLock()")
            await page.wait_for_function("document.pointerLockElement === null")
            await page.mouse.move(700, 400)

            async def is_there() -> bool:
                box = await page.locator("#screen").bounding_box()
                assert box
                return await asyncio.to_thread(whereabouts) == (int(700 - box["x"]), int(400 - box["y"]))

            await eventually(is_there, 5, "the pointer is where the mouse is again")


async def test_a_pinch_on_a_trackpad_enlarges_and_control_with_the_wheel_is_the_desktops(browser: Browser) -> None:
    context = await browser.new_context(viewport={"width": 1400, "height": 800})
    with xvfb(SIZE) as server, x_client(server) as display:
        recorder = Recorder(display)
        async with serving("--display", server.display, "--auth", "none") as served, context:
            page = await open_page(context, served.url)
            session = await context.new_cdp_session(page)
            turn = {"type": "mouseWheel", "x": 700, "y": 400, "deltaX": 0, "deltaY": -100, "modifiers": 2}
            await session.send("Input.dispatchMouseEvent", turn)

            async def is_enlarged() -> bool:
                box = await page.locator("#screen").bounding_box()
                return bool(box and box["width"] > 2 * SIZE.width)

            await eventually(is_enlarged, 5, "the view is enlarged")
            await page.keyboard.down("Control")
            await session.send("Input.dispatchMouseEvent", turn)
            assert [event[:2] for event in await recorded(recorder, 2)] == [("down", 4), ("up", 4)]
            await page.keyboard.up("Control")


async def test_actual_size_scrolls_and_places_stay_exact(browser: Browser) -> None:
    for ratio in (1, 1.25, 1.5, 2, 3):
        context = await browser.new_context(viewport={"width": 800, "height": 500}, device_scale_factor=ratio)
        with xvfb(SIZE) as server, x_client(server) as display:
            recorder = Recorder(display)
            async with serving("--display", server.display, "--auth", "none") as served, context:
                page = await open_page(context, served.url)
                for size in ("fit", "actual"):
                    await page.keyboard.press("Control+Alt+Shift+KeyM")
                    await page.click("[data-opens=size]")
                    await page.check(f"input[value={size}]")
                    await page.keyboard.press("Escape")
                    await page.keyboard.press("Escape")
                    box = await page.locator("#screen").bounding_box()
                    assert box
                    assert (box["width"] == SIZE.width) == (size == "actual")
                    scale = box["width"] / SIZE.width
                    for x, y in ((100, 100), (401, 299)):
                        await page.mouse.click(box["x"] + (x + 0.5) * scale, box["y"] + (y + 0.5) * scale)
                        down, _ = await recorded(recorder, 2)
                        assert abs(down[2] - x) <= (0 if size == "actual" else 1)
                        assert abs(down[3] - y) <= (0 if size == "actual" else 1)
                drawn = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
                await page.evaluate(f"(document.querySelector('main').scrollTo(9999, 9999), {drawn})")
                box = await page.locator("#screen").bounding_box()
                assert box
                x, y = SIZE.width - 50, SIZE.height - 40
                await page.mouse.click(box["x"] + x + 0.5, box["y"] + y + 0.5)
                down, _ = await recorded(recorder, 2)
                assert down[2:] == (x, y)
