"""What is typed on the keyboards of eight countries arrives, whatever the layout of the desktop, in three engines."""

import asyncio
import functools
import socket

import pytest

from tests.e2e.support import eventually, own_name, serving
from tests.engines import Engine, browsing, missing
from tests.layouts import LAYOUTS, Typist, stop_repeating
from tests.terminals import terminal_on
from tests.xservers import xvfb
from voxy.blocks import Size

REMOTE = {"us": "de", "gb": "us", "de": "us", "fr": "de", "jp": "fr", "dvorak": "us", "ru": "us", "es": "jp"}
"""The desktop's layout, by that of the keyboard."""


def compose(browser: Engine) -> str:
    """Compose a character by its code, which all three engines can without an input method; what was written then."""
    browser.press("x")
    browser.press("Control_L", "Shift_L", "u")
    for key in ("3", "0", "4", "2", "Return", "y", "Return"):
        browser.press(key)
    return "x\u3042y"


async def until_ready(browser: Engine) -> None:
    async def is_ready() -> bool:
        said = "[document.documentElement?.dataset.connection, document.hasFocus()].join()"
        return bool(await browser.evaluate(said) == "live,true")

    await browser.click(300, 250)  # into the terminal, which has the keyboard only while the pointer is there
    await eventually(is_ready, 15, "the page is live and has the focus")


@pytest.mark.parametrize("is_secure", [True, False], ids=["secure", "plain HTTP"])
@pytest.mark.parametrize("engine", ["chromium", "firefox", "webkit"])
async def test_what_was_typed_arrives(engine: str, is_secure: bool) -> None:
    if program := missing(engine):
        pytest.skip(f"there is no {program}")
    host = "127.0.0.1" if is_secure else own_name()
    listen = ("--listen", f"{socket.gethostbyname(host)}:0")
    assert sum(len(layout.text) + len(layout.composed) for layout in LAYOUTS.values()) >= 200
    typed, arrived = {}, {}
    with xvfb(Size(900, 600)) as remote, terminal_on(remote) as terminal:
        async with (
            serving("--display", remote.display, "--auth", "none", *listen) as served,
            browsing(engine, f"http://{host}:{served.port}/") as browser,
        ):
            await until_ready(browser)
            for display in (remote, browser.local):
                # A machine that stands still for half a second would have a key repeat that nobody holds.
                await asyncio.to_thread(stop_repeating, display)
            assert await browser.evaluate("isSecureContext") is is_secure
            for name, layout in LAYOUTS.items():
                await asyncio.to_thread(remote.run, "setxkbmap", REMOTE[name])
                await asyncio.to_thread(browser.local.run, "setxkbmap", *layout.names)
                typed[name] = await asyncio.to_thread(Typist(browser.local).type, layout)
                arrived[name] = await terminal.line()
            for name, way in (
                ("locks", Typist(browser.local).type_with_locks),
                ("composition", functools.partial(compose, browser)),
            ):
                await asyncio.to_thread(browser.local.run, "setxkbmap", "us")
                typed[name] = await asyncio.to_thread(way)
                arrived[name] = await terminal.line()
    assert arrived == typed
