"""What is done in the browser arrives at programs on the X side."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page
from Xlib import X
from Xlib.display import Display

from tests.e2e.support import eventually, open_page, serving, until_same, x_client
from tests.xservers import XServer, client, xvfb
from voxy.blocks import Size

SPECIAL = "ñ é ß € あ 漢"


async def press(page: Page, text: str) -> None:
    """Type keys as browsers report them, also such as this machine's keyboard doesn't have."""
    for character in text:
        for kind in ("keydown", "keyup"):
            await page.evaluate(
                "([kind, key]) => document.getElementById('screen').dispatchEvent("
                "new KeyboardEvent(kind, {key, bubbles: true, cancelable: true}))",
                [kind, character],
            )


async def test_typing_arrives_in_a_file_that_a_shell_wrote(context: BrowserContext, tmp_path: Path) -> None:
    file, ready = tmp_path / "typed.txt", tmp_path / "ready"
    with xvfb(Size(1021, 743)) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            with client(server, "xterm", "-u8", "-e", "sh", "-c", f"touch {ready}; head -n 1 > {file}; sleep 60"):
                await eventually(lambda: asyncio.to_thread(ready.exists), 10, "the terminal runs")
                await page.mouse.move(300, 100)
                await page.keyboard.type("Hello, World! {[~|@]} <42> ")
                await press(page, SPECIAL)
                await page.keyboard.press("Enter")

                async def is_written() -> bool:
                    return file.exists() and file.read_text().endswith("\n")

                await eventually(is_written, 5, "the line arrives")
                assert file.read_text() == f"Hello, World! {{[~|@]}} <42> {SPECIAL}\n"
                await until_same(page, server)


async def test_text_of_an_input_method_arrives_once(context: BrowserContext, tmp_path: Path) -> None:
    file, ready = tmp_path / "typed.txt", tmp_path / "ready"
    with xvfb(Size(1021, 743)) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            with client(server, "xterm", "-u8", "-e", "sh", "-c", f"touch {ready}; head -n 1 > {file}; sleep 60"):
                await eventually(lambda: asyncio.to_thread(ready.exists), 10, "the terminal runs")
                await page.mouse.click(300, 100)
                session = await context.new_cdp_session(page)
                await until_same(page, server)
                for text in ("に", "にほ", "にほんご", "日本語"):
                    compose = {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
                    await session.send("Input.imeSetComposition", compose)
                    box = await page.locator("#field").bounding_box()
                    assert box
                    # What is composed is seen where the person works.
                    assert (box["x"], box["y"]) == (300, 100)
                    assert box["width"] > 30
                await session.send("Input.insertText", {"text": "日本語"})
                box = await page.locator("#field").bounding_box()
                assert box
                assert box["width"] == 1
                await page.keyboard.insert_text("🙂 ascii ")

                async def composed_at() -> float:
                    """Where something is composed now: left of the field."""
                    await session.send("Input.imeSetComposition", {"text": "", "selectionStart": 0, "selectionEnd": 0})
                    await session.send("Input.imeSetComposition", {"text": "x", "selectionStart": 1, "selectionEnd": 1})
                    box = await page.locator("#field").bounding_box()
                    await session.send("Input.imeSetComposition", {"text": "", "selectionStart": 0, "selectionEnd": 0})
                    assert box
                    return box["x"]

                columns = 0

                async def is_further() -> bool:
                    """Whether a letter's cursor is a column after the last one's, when the terminal has drawn both."""
                    nonlocal columns
                    before = await composed_at()
                    await page.keyboard.press("a")
                    columns += 1
                    await asyncio.sleep(0.3)
                    return round(await composed_at() - before) == 6

                # The candidates are where it is being written. What is drawn at once with the text before is no letter.
                for _ in range(3):
                    await eventually(is_further, 10, "what is composed is a column further")
                await until_same(page, server)
                for _ in range(columns):
                    await page.keyboard.press("Backspace")
                await page.keyboard.type("typed")
                await page.keyboard.press("Enter")

                async def is_written() -> bool:
                    return file.exists() and file.read_text().endswith("\n")

                await eventually(is_written, 5, "the line arrives")
                assert file.read_text() == "日本語🙂 ascii typed\n"


class Recorder:
    """A window that notes the buttons that are pressed on it, and where."""

    def __init__(self, display: Display) -> None:
        screen = display.screen()
        self._display = display
        window = screen.root.create_window(
            0,
            0,
            screen.width_in_pixels,
            screen.height_in_pixels,
            0,
            screen.root_depth,
            event_mask=X.ButtonPressMask | X.ButtonReleaseMask,
            override_redirect=True,
            background_pixel=0x445566,
        )
        window.map()
        display.sync()
        self.events: list[tuple[str, int, int, int]] = []

    def take(self) -> int:
        """Note what came; how many there are in all."""
        while self._display.pending_events():
            event = self._display.next_event()
            kind = {X.ButtonPress: "down", X.ButtonRelease: "up"}.get(event.type)
            if kind:
                self.events.append((kind, event.detail, event.root_x, event.root_y))
        return len(self.events)


async def recorded(recorder: Recorder, count: int) -> list[tuple[str, int, int, int]]:
    async def is_enough() -> bool:
        return await asyncio.to_thread(recorder.take) >= count

    await eventually(is_enough, 5, f"{count} events arrive")
    events, recorder.events = recorder.events, []
    return events


async def test_buttons_wheel_and_places_arrive(context: BrowserContext) -> None:
    with xvfb(Size(1400, 800)) as server, x_client(server) as display:
        recorder = Recorder(display)
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            for name, button in (("left", 1), ("middle", 2), ("right", 3)):
                await page.mouse.click(123, 456, button=name)
                assert await recorded(recorder, 2) == [("down", button, 123, 456), ("up", button, 123, 456)]
            for delta, button in (((0, 100), 5), ((0, -100), 4), ((100, 0), 7), ((-100, 0), 6)):
                await page.mouse.wheel(*delta)
                assert await recorded(recorder, 2) == [("down", button, 123, 456), ("up", button, 123, 456)]


async def test_side_buttons_arrive(context: BrowserContext) -> None:
    with xvfb(Size(1400, 800)) as server, x_client(server) as display:
        recorder = Recorder(display)
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            session = await context.new_cdp_session(page)
            for name, mask, button in (("back", 8, 8), ("forward", 16, 9)):
                for kind, held in (("mousePressed", mask), ("mouseReleased", 0)):
                    where = {"x": 50, "y": 60, "button": name, "buttons": held, "clickCount": 1}
                    await session.send("Input.dispatchMouseEvent", {"type": kind, **where})
                assert await recorded(recorder, 2) == [("down", button, 50, 60), ("up", button, 50, 60)]


async def test_place_is_exact_when_the_picture_is_scaled(context: BrowserContext) -> None:
    with xvfb(Size(2000, 1000)) as server, x_client(server) as display:
        recorder = Recorder(display)
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            box = await page.locator("#screen").bounding_box()
            assert box
            assert box["width"] <= 1400
            scale = box["width"] / 2000
            for x, y in ((0, 0), (1000, 500), (1999, 999)):
                await page.mouse.click(box["x"] + (x + 0.5) * scale, box["y"] + (y + 0.5) * scale)
                (_, _, at_x, at_y), _ = await recorded(recorder, 2)
                assert abs(at_x - x) <= 1
                assert abs(at_y - y) <= 1


def keys_down(server: XServer) -> int:
    with x_client(server) as display:
        return sum(byte.bit_count() for byte in display.query_keymap())


@pytest.mark.parametrize("way", ["blur", "close", "silence"])
async def test_held_key_goes_up_with_its_viewer(context: BrowserContext, way: str) -> None:
    with xvfb(Size(640, 480)) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            await page.keyboard.down("Shift")

            async def is_held() -> bool:
                return await asyncio.to_thread(keys_down, server) == 1

            async def is_free() -> bool:
                return await asyncio.to_thread(keys_down, server) == 0

            await eventually(is_held, 5, "Shift is down")
            if way == "blur":
                await page.evaluate("window.dispatchEvent(new Event('blur'))")
            elif way == "close":
                await page.close()
            else:
                # The page says nothing any more, as if its machine had gone without a word.
                session = await context.new_cdp_session(page)
                await session.send("Debugger.enable")
                await session.send("Debugger.pause")
            await eventually(is_free, 2, "Shift is up")
