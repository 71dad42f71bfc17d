"""What end-to-end tests are made of: a served desktop, a page that shows it, and the oracle that compares both."""

import asyncio
import base64
import contextlib
import io
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from PIL import Image
from playwright.async_api import BrowserContext, Page
from Xlib import XK, X
from Xlib.display import Display
from Xlib.protocol import event
from Xlib.protocol.display import Display as ProtocolDisplay

from tests.pictures import to_pixels
from tests.xservers import XServer
from voxy.screen.framebuffer import Pixels

VOXY = str(Path(sys.executable).parent / "voxy")


class Evaluating(Protocol):
    """A page, however it is driven."""

    def evaluate(self, expression: str, /) -> Awaitable[Any]: ...


@dataclass
class Served:
    """A running `voxy serve`."""

    url: str
    process: Process

    @property
    def port(self) -> int:
        return int(self.url.split("#")[0].rstrip("/").rsplit(":", 1)[1])


@contextlib.asynccontextmanager
async def serving(*options: str, environment: dict[str, str] | None = None) -> AsyncIterator[Served]:
    """Run `voxy serve` on a free port of loopback until it is left; it must end with status 0."""
    command = [VOXY, "serve", "--listen", "127.0.0.1:0", *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, env=environment)
    assert process.stdout
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), 15)).decode().strip()
        assert url.startswith(("http://", "https://", "unix:")), url
        yield Served(url, process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == 0


async def open_page(context: BrowserContext, url: str) -> Page:
    """Open the page and wait until it shows a live picture."""
    page = await context.new_page()
    await page.goto(url)
    await until_connection(page, "live")
    return page


async def until_connection(page: Page, state: str) -> None:
    await page.wait_for_selector(f"html[data-connection={state}]", state="attached", timeout=10_000)


async def eventually(condition: Callable[[], Awaitable[object]], within_s: float, what: str) -> None:
    """Wait until the condition holds; fail with `what` if it doesn't in time."""
    try:
        async with asyncio.timeout(within_s):
            while not await condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {within_s} s: {what}") from None


async def canvas(page: Evaluating) -> Pixels:
    """The pixels of the page's canvas."""
    url = await page.evaluate("document.getElementById('screen').toDataURL('image/png')")
    return to_pixels(np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))).convert("RGB")))


@contextlib.contextmanager
def x_client(server: XServer) -> Iterator[Display]:
    # python-xlib shares what it knows of extensions among all servers, though each numbers its events differently.
    ProtocolDisplay.event_classes = event.event_class.copy()
    display = Display(server.display)
    try:
        yield display
    finally:
        display.close()


def screen(server: XServer) -> Pixels:
    """The pixels of the X screen, asked for without VoXY."""
    with x_client(server) as display:
        root = display.screen().root
        geometry = root.get_geometry()
        stripes = []
        for y in range(0, geometry.height, 64):
            rows = min(64, geometry.height - y)
            data = root.get_image(0, y, geometry.width, rows, X.ZPixmap, 0xFFFFFFFF).data
            stripes.append(np.frombuffer(data, dtype=np.uint32).reshape(rows, geometry.width) & 0xFFFFFF)
        return np.concatenate(stripes)


async def until_same(page: Evaluating, server: XServer, within_s: float = 1.5) -> None:
    """The oracle: the canvas equals the X screen, pixel for pixel."""
    wanted, shown = await asyncio.to_thread(screen, server), await canvas(page)

    async def is_same() -> bool:
        nonlocal wanted, shown
        wanted, shown = await asyncio.to_thread(screen, server), await canvas(page)
        return wanted.shape == shown.shape and bool((wanted == shown).all())

    try:
        await eventually(is_same, within_s, "the canvas equals the screen")
    except AssertionError:
        assert wanted.shape == shown.shape
        rows, columns = np.nonzero(wanted != shown)
        raise AssertionError(
            f"not within {within_s} s: {rows.size} pixels differ, in rows {rows.min()} to {rows.max()}, "
            f"columns {columns.min()} to {columns.max()}"
        ) from None


def paint(server: XServer, pixels: Pixels, left: int = 0, top: int = 0) -> None:
    """Draw a picture on the root window."""
    with x_client(server) as display:
        root = display.screen().root
        gc = root.create_gc()
        height, width = pixels.shape
        for y in range(0, height, 32):
            rows = np.ascontiguousarray(pixels[y : y + 32])
            root.put_image(gc, left, top + y, width, len(rows), X.ZPixmap, 24, 0, rows.tobytes())
        display.sync()


@contextlib.contextmanager
def focused(server: XServer) -> Iterator[Display]:
    """A window that gets what is typed."""
    with x_client(server) as display:
        root = display.screen().root
        mask = X.KeyPressMask | X.KeyReleaseMask
        window = root.create_window(0, 0, 9, 9, 0, X.CopyFromParent, override_redirect=True, event_mask=mask)
        window.map()
        display.sync()
        window.set_input_focus(X.RevertToParent, X.CurrentTime)
        display.sync()
        yield display


def typed(display: Display) -> list[tuple[str, bool]]:
    """The keys that came since, by name, and whether they went down."""
    found = []
    while display.pending_events():
        event = display.next_event()
        if event.type in (X.KeyPress, X.KeyRelease):
            name = XK.keysym_to_string(display.keycode_to_keysym(event.detail, 0)) or "modifier"
            found.append((name, event.type == X.KeyPress))
    return found


async def until_typed(
    display: Display, is_all: Callable[[list[tuple[str, bool]]], bool], what: str
) -> list[tuple[str, bool]]:
    """The keys that come, until they are all that is waited for; fail with `what` where they aren't within 5 s."""
    keys: list[tuple[str, bool]] = []

    async def has_come() -> bool:
        keys.extend(await asyncio.to_thread(typed, display))
        return is_all(keys)

    await eventually(has_come, 5, what)
    return keys


def own_name() -> str:
    """This machine's name, by which a page on plain HTTP is no secure context; no browser has to be told of it."""
    name = socket.gethostname()
    with contextlib.suppress(OSError):
        if socket.gethostbyname(name).startswith("127."):
            return name
    pytest.skip("this machine's own name leads out of it")
