"""Copying and pasting in three engines, each a browser on an X display of its own, whose clipboard is the local one."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.e2e.support import eventually, own_name, serving
from tests.engines import Engine, browsing, missing
from tests.pictures import png_file, same_picture
from tests.programs import Editor, copying, editing, pasting
from tests.xservers import xvfb
from voxy.blocks import Size

WORDS = "ñ é ß あ 漢 🙂"
LONG = (WORDS + " and more.\n") * 30_000
CHORDS = [("Control_L", "v"), ("Control_L", "v"), ("Control_L", "Shift_L", "v"), ("Shift_L", "Insert")]


@dataclass
class Desk:
    """A browser that shows a served desktop, on which an editor has the focus."""

    engine: Engine
    editor: Editor
    is_secure: bool

    async def until_copied(self, content: bytes, target: str = "UTF8_STRING") -> None:
        with pasting(self.engine.local) as local:

            async def is_there() -> bool:
                data = await asyncio.to_thread(local.paste, target)
                if target == "image/png":
                    return same_picture(data, content)
                return data is not None and content in data

            await eventually(is_there, 8, "what was copied on the desktop is in the local clipboard")


@contextlib.asynccontextmanager
async def desk(engine: str, is_secure: bool) -> AsyncIterator[Desk]:
    if program := missing(engine):
        pytest.skip(f"there is no {program}")
    host = "127.0.0.1" if is_secure else own_name()
    listen = ("--listen", f"{socket.gethostbyname(host)}:0")
    with xvfb(Size(800, 600)) as remote, editing(remote) as editor:
        async with (
            serving("--display", remote.display, "--auth", "none", *listen) as served,
            browsing(engine, f"http://{host}:{served.port}/") as browser,
        ):

            async def is_ready() -> bool:
                said = "[isSecureContext, document.hasFocus(), document.activeElement?.id].join()"
                return bool(await browser.evaluate(said) == f"{str(is_secure).lower()},true,field")

            async def is_shown() -> bool:
                # Before the first picture nobody hears what is typed.
                said = (
                    "[document.documentElement?.dataset.connection, document.getElementById('screen')?.hidden].join()"
                )
                return bool(await browser.evaluate(said) == "live,false")

            await eventually(is_shown, 15, "the page shows the desktop")
            await browser.click(500, 400)
            await eventually(is_ready, 5, "the page has the focus")
            yield Desk(browser, editor, is_secure)


@pytest.fixture(params=["chromium", "firefox", "webkit"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[True, False], ids=["secure", "plain HTTP"])
def is_secure(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def test_pasting(engine: str, is_secure: bool) -> None:
    async with desk(engine, is_secure) as at:
        for number, keys in enumerate(CHORDS):
            # Copied at once before: nothing of it was seen when the key goes down.
            with copying(at.engine.local, text=f"{WORDS} {number}"):
                at.engine.press(*keys)
                assert await at.editor.next_paste() == f"{WORDS} {number}".encode()
        with copying(at.engine.local, text=LONG):
            at.engine.press(*CHORDS[0])
            assert await at.editor.next_paste() == LONG.encode()
        at.editor.target = "text/html"
        with copying(at.engine.local, text="bold", html=f"<b>{WORDS}</b>"):
            at.engine.press(*CHORDS[0])
            assert f"{WORDS}</b>".encode() in (await at.editor.next_paste() or b"")
        # WebKitGTK keeps images from pages that paste.
        if engine != "webkit":
            at.editor.target = "image/png"
            with copying(at.engine.local, png=png_file()):
                at.engine.press(*CHORDS[0])
                assert same_picture(await at.editor.next_paste(), png_file())


async def test_copying(engine: str, is_secure: bool) -> None:
    async with desk(engine, is_secure) as at:
        for text in (WORDS, LONG, "last"):
            at.editor.copies(text=text, html=f"<b>{WORDS}</b>")
            at.engine.press("Control_L", "c")
            await at.until_copied(text.encode())
            await at.until_copied(WORDS.encode(), "text/html")
        if is_secure:
            at.editor.copies(png=png_file())
            at.engine.press("Control_L", "c")
            await at.until_copied(png_file(), "image/png")
        at.editor.target = "UTF8_STRING"
        with copying(at.engine.local, text="newer"):
            at.engine.press("Control_L", "v")
            assert await at.editor.next_paste() == b"newer"
