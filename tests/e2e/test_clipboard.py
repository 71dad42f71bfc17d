"""Copying and pasting by hand, between the clipboard of a real browser and programs on a real X server."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page

from tests.e2e.support import canvas, eventually, open_page, serving
from tests.pictures import png_file, same_picture
from tests.programs import GREY, Editor, editing
from tests.sources.vnc.servers import tigervnc
from tests.xservers import XServer, client, xvfb
from voxy.blocks import Size

WORDS = "ñ é ß あ 漢 🙂"
LONG = (WORDS + " and more.\n") * 30_000
TERMINAL = (
    "XTerm*VT100.translations: #override "
    "Ctrl Shift <Key>V: insert-selection(CLIPBOARD)\\n Shift <Key>Insert: insert-selection(CLIPBOARD)"
)


@dataclass
class Desk:
    """A served desktop with an editor on it, its page, and another page of that browser, which may read and write."""

    server: XServer
    editor: Editor
    page: Page
    elsewhere: Page

    async def copy_elsewhere(self, text: str, html: str | None = None, png: bytes | None = None) -> None:
        """Copy in the other page, and come back."""
        await self.elsewhere.bring_to_front()
        await self.elsewhere.evaluate(
            """async ({text, html, png}) => {
                const parts = {};
                if (text) parts['text/plain'] = new Blob([text], {type: 'text/plain'});
                if (html) parts['text/html'] = new Blob([html], {type: 'text/html'});
                const bytes = png && Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
                if (png) parts['image/png'] = new Blob([bytes], {type: 'image/png'});
                await navigator.clipboard.write([new ClipboardItem(parts)]);
            }""",
            {"text": text, "html": html, "png": png and base64.b64encode(png).decode()},
        )
        await self.page.bring_to_front()

    async def read_elsewhere(self, kind: str = "text/plain") -> bytes | None:
        """What the browser's clipboard holds."""
        await self.elsewhere.bring_to_front()
        data = await self.elsewhere.evaluate(
            """async (type) => {
                const item = (await navigator.clipboard.read())[0];
                if (!item?.types.includes(type)) return null;
                // It may change while it is read.
                const part = await item.getType(type).catch(() => null);
                if (!part) return null;
                const bytes = new Uint8Array(await part.arrayBuffer());
                return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
            }""",
            kind,
        )
        await self.page.bring_to_front()
        return None if data is None else base64.b64decode(data)

    async def until_told_of_copy(self) -> None:
        """The page shows that the editor has copied; by then it knows it too."""

        async def is_grey() -> bool:
            return bool((await canvas(self.page))[100, 100] == GREY)

        await eventually(is_grey, 5, "the editor has copied")

    async def until_copied(self, content: str, kind: str = "text/plain") -> None:
        async def is_there() -> bool:
            data = await self.read_elsewhere(kind)
            return data is not None and content in data.decode()

        await eventually(is_there, 8, "what was copied on the desktop is in the browser's clipboard")


@contextlib.asynccontextmanager
async def desk(context: BrowserContext, host: str, *options: str, by_vnc: bool = False) -> AsyncIterator[Desk]:
    with contextlib.ExitStack() as stack:
        if by_vnc:
            vnc = stack.enter_context(tigervnc(Size(800, 600)))
            server, source = vnc.x, ("--vnc", vnc.address)
        else:
            server = stack.enter_context(xvfb(Size(800, 600)))
            source = ("--display", server.display)
        editor = stack.enter_context(editing(server))
        async with serving(*source, "--auth", "none", "--host-name", "desk.test", *options) as served:
            await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=served.url.rstrip("/"))
            elsewhere = await context.new_page()
            await elsewhere.goto(f"{served.url}icon.svg")
            page = await open_page(context, served.url.replace("127.0.0.1", host))
            assert await page.evaluate("isSecureContext") == (host == "127.0.0.1")
            await page.mouse.move(300, 300)
            yield Desk(server, editor, page, elsewhere)


@pytest.fixture(params=["127.0.0.1", "desk.test"], ids=["secure", "plain HTTP"])
def host(request: pytest.FixtureRequest) -> str:
    """By which name the page is opened: as a secure context, or on plain HTTP from elsewhere."""
    return str(request.param)


async def test_pasting_never_gets_what_was_there_before(context: BrowserContext, host: str) -> None:
    async with desk(context, host) as at:
        for number, keys in enumerate(["Control+v", "Control+v", "Control+v", "Control+Shift+v", "Shift+Insert"]):
            await at.copy_elsewhere(f"{WORDS} {number}")
            await at.page.keyboard.press(keys)
            assert await at.editor.next_paste() == f"{WORDS} {number}".encode()
            await at.page.keyboard.press(keys)
            assert await at.editor.next_paste() == f"{WORDS} {number}".encode()


async def test_a_vnc_server_pastes_and_copies(context: BrowserContext, host: str) -> None:
    async with desk(context, host, by_vnc=True) as at:
        for number, keys in enumerate(["Control+v", "Control+v", "Shift+Insert"]):
            await at.copy_elsewhere(f"{WORDS} {number}")
            await at.page.keyboard.press(keys)
            assert await at.editor.next_paste() == f"{WORDS} {number}".encode()
        at.editor.copies(text=f"from the desktop {WORDS}")
        await at.page.keyboard.press("Control+c")
        await at.until_copied(f"from the desktop {WORDS}")


async def test_pasting_after_the_desktop_has_copied(context: BrowserContext, host: str) -> None:
    async with desk(context, host) as at:
        at.editor.copies(text="from the desktop")
        await at.page.keyboard.press("Control+c")
        await at.until_copied("from the desktop")
        # A page knows that it has written a moment after others can read it.
        await asyncio.sleep(0.5)
        await at.copy_elsewhere("newer")
        await at.page.keyboard.press("Control+v")
        assert await at.editor.next_paste() == b"newer"


async def test_pasting_a_megabyte(context: BrowserContext, host: str) -> None:
    async with desk(context, host) as at:
        await at.copy_elsewhere(LONG)
        await at.page.keyboard.press("Control+v")
        assert await at.editor.next_paste() == LONG.encode()


async def test_pasting_html_and_images(context: BrowserContext, host: str) -> None:
    async with desk(context, host) as at:
        await at.copy_elsewhere("bold", f"<b>{WORDS}</b>")
        at.editor.target = "text/html"
        await at.page.keyboard.press("Control+v")
        assert f"<b>{WORDS}</b>".encode() in (await at.editor.next_paste() or b"")
        await at.copy_elsewhere("", png=png_file())
        at.editor.target = "image/png"
        await at.page.keyboard.press("Control+v")
        assert same_picture(await at.editor.next_paste(), png_file())


async def test_pasting_into_a_terminal(context: BrowserContext, tmp_path: Path) -> None:
    file, ready = tmp_path / "typed.txt", tmp_path / "ready"
    async with desk(context, "127.0.0.1") as at:
        command = f"touch {ready}; head -n 1 > {file}; head -n 1 >> {file}; sleep 60"
        with client(at.server, "xterm", "-u8", "-xrm", TERMINAL, "-e", "sh", "-c", command):
            await eventually(lambda: asyncio.to_thread(ready.exists), 10, "the terminal runs")
            at.editor.window.destroy()
            at.editor.display.sync()
            await at.page.mouse.move(200, 100)
            expected = ""
            for text, keys in (("first " + WORDS, "Control+Shift+v"), ("second", "Shift+Insert")):
                await at.copy_elsewhere(f"{text}\n")
                await at.page.keyboard.press(keys)
                expected += f"{text}\n"

                async def is_written(lines: int = expected.count("\n")) -> bool:
                    return file.exists() and file.read_text().count("\n") == lines

                # A terminal asks for what it pastes once it has got the key.
                await eventually(is_written, 10, "the line arrives")
                assert file.read_text() == expected


@pytest.mark.parametrize("text", [WORDS, LONG], ids=["short", "1 MB"])
async def test_copying_text(context: BrowserContext, host: str, text: str) -> None:
    async with desk(context, host) as at:
        at.editor.copies(text=text)
        await at.page.keyboard.press("Control+c")
        await at.until_copied(text)


async def test_copying_html(context: BrowserContext, host: str) -> None:
    async with desk(context, host) as at:
        at.editor.copies(text="bold", html=f"<b>{WORDS}</b>")
        await at.page.keyboard.press("Control+c")
        await at.until_copied(f"<b>{WORDS}</b>", "text/html")
        await at.until_copied("bold")


async def test_copying_an_image(context: BrowserContext) -> None:
    async with desk(context, "127.0.0.1") as at:
        at.editor.copies(png=png_file())
        await at.page.keyboard.press("Control+c")

        async def is_there() -> bool:
            return same_picture(await at.read_elsewhere("image/png"), png_file())

        await eventually(is_there, 8, "the image is in the browser's clipboard")


async def test_directions_that_are_off(context: BrowserContext, host: str) -> None:
    async with desk(context, host, "--clipboard-in", "off", "--clipboard-out", "off") as at:
        await at.copy_elsewhere("from the browser")
        at.editor.copies(text="from the desktop")
        await at.page.keyboard.press("Control+c")
        await at.page.keyboard.press("Control+v")
        assert await at.editor.next_paste() == b"from the desktop"
        assert await at.read_elsewhere() == b"from the browser"


async def test_what_is_copied_on_the_desktop_is_pasted_there_though_it_may_not_leave(context: BrowserContext) -> None:
    async with desk(context, "127.0.0.1", "--clipboard-out", "off") as at:
        await at.copy_elsewhere("from the browser")
        at.editor.copies(text="from the desktop")
        await at.page.keyboard.press("Control+c")
        await at.until_told_of_copy()
        await at.page.keyboard.press("Control+v")
        assert await at.editor.next_paste() == b"from the desktop"


async def test_limits_are_said_and_nothing_else_is_pasted(context: BrowserContext, host: str) -> None:
    async with desk(context, host, "--clipboard-in", "1K", "--clipboard-out", "2K") as at:
        at.editor.copies(text="x" * 2049)
        await at.page.keyboard.press("Control+c")
        notice = at.page.locator("#notice")
        await notice.filter(has_text="What was copied on the desktop is larger than the 2 kB").wait_for(timeout=5000)
        await at.page.evaluate("window.dispatchEvent(new Event('blur'))")
        await at.copy_elsewhere("y" * 1025)
        await at.page.keyboard.press("Control+v")
        await notice.filter(has_text="What you copied is larger than the 1 kB").wait_for(timeout=5000)
        assert at.editor.pasted.empty()
        await at.copy_elsewhere("z" * 1024)
        await at.page.keyboard.press("Control+v")
        assert await at.editor.next_paste() == b"z" * 1024
        assert await at.page.evaluate("document.documentElement.dataset.connection") == "live"
