"""What X11Source does when the server isn't there, refuses, hangs or dies; and that it leaves nothing behind."""

import asyncio
import gc
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sources.x11.support import Opened, looking, opened
from tests.xservers import XServer, xvfb
from voxy.blocks import Rect, Size
from voxy.errors import SourceLost, SourceUnavailable
from voxy.session.events import Pointer
from voxy.sources.base import SourceEvent, SourceState, StateChanged
from voxy.sources.x11 import X11Source, connection


def is_state(state: SourceState) -> Callable[[SourceEvent], bool]:
    return lambda event: isinstance(event, StateChanged) and event.state is state


def belongings() -> tuple[int, int]:
    # A desktop that was put away holds shared memory until it is collected.
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count()


async def test_says_that_there_is_no_server() -> None:
    with pytest.raises(SourceUnavailable, match="There is no X server at display :4321"):
        await X11Source(":4321").open(print)


@pytest.mark.parametrize("name", ["nonsense", ":x", "::1"])
async def test_says_that_a_name_is_none(name: str) -> None:
    with pytest.raises(SourceUnavailable, match=r"is not the name of a display|There is no X server"):
        await X11Source(name).open(print)


async def test_keys_to_the_server(tmp_path: Path, monkeypatch) -> None:
    file, empty = tmp_path / "authority", tmp_path / "empty"
    empty.touch()
    file.touch()
    key = os.urandom(16).hex()
    with xvfb(Size(320, 240), None, 24, "-auth", str(file)) as server:
        # A server reads its keys when somebody asks to come in.
        server.run("xauth", "-f", str(file), "add", server.display, "MIT-MAGIC-COOKIE-1", key)
        monkeypatch.setenv("XAUTHORITY", str(empty))
        with pytest.raises(SourceUnavailable, match="refuses VoXY: set XAUTHORITY"):
            await X11Source(server.display).open(print)
        monkeypatch.setenv("XAUTHORITY", str(file))
        async with opened(server) as desktop:
            assert desktop.size == (320, 240)


async def test_a_killed_server_is_lost_and_found_again() -> None:
    with xvfb() as server:
        async with opened(server) as desktop:
            await desktop.grab()
            grab = asyncio.create_task(desktop.grab())
            await asyncio.sleep(0)
            server.kill()
            with pytest.raises(SourceLost, match=f"The X server at display {server.display} is gone"):
                await grab
            with pytest.raises(SourceLost):
                await desktop.grab()
            with pytest.raises(SourceLost):
                await desktop.source.inject(Pointer(1, 1, 0))
            with xvfb(Size(640, 480), server.display):
                assert await desktop.source.open(desktop.notify) == (640, 480)
                assert await desktop.grab() == (Rect(0, 0, 640, 480),)


async def test_a_hanging_server_is_told_of_while_a_grab_waits() -> None:
    with xvfb() as server, looking(server) as looker:
        async with opened(server) as desktop:
            await desktop.grab()
            grab = asyncio.create_task(desktop.grab())
            server.stop()
            stalled = await desktop.until_told(is_state(SourceState.STALLED))
            assert isinstance(stalled, StateChanged)
            assert stalled.reason == f"The X server at display {server.display} doesn't answer."
            server.resume()
            await desktop.until_told(is_state(SourceState.LIVE))
            looker.fill(Rect(5, 5, 5, 5), 0x654321)
            await grab
            assert desktop.framebuffer.back[5, 5] == 0x654321


async def test_a_hanging_server_is_told_of_after_input() -> None:
    with xvfb() as server:
        async with opened(server) as desktop:
            server.stop()
            for number in range(5000):
                await desktop.source.inject(Pointer(number % 100, 1, number % 2))
            await desktop.until_told(is_state(SourceState.STALLED))
            server.resume()
            await desktop.until_told(is_state(SourceState.LIVE))


async def test_closes_while_the_server_hangs() -> None:
    before = belongings()
    with xvfb() as server:
        desktop = Opened(X11Source(server.display), Size(0, 0))
        await desktop.source.open(desktop.notify)
        await desktop.grab()
        grab = asyncio.create_task(desktop.grab())
        await asyncio.sleep(0)
        server.stop()
        async with asyncio.timeout(2):
            await desktop.source.close()
        with pytest.raises(SourceLost):
            await grab
    # The framebuffer keeps what was grabbed last, which is memory that was shared.
    del desktop, grab
    assert belongings() == before


async def test_a_hanging_server_does_not_open(monkeypatch) -> None:
    monkeypatch.setattr(connection, "_CONNECT_S", 0.2)
    with xvfb() as server:
        server.stop()
        with pytest.raises(SourceUnavailable, match="doesn't answer"):
            await X11Source(server.display).open(print)


async def test_opening_and_closing_leaves_nothing_behind(server: XServer) -> None:
    before = belongings()
    for _ in range(40):
        async with opened(server) as desktop:
            await desktop.grab()
            await desktop.type("é")
    del desktop
    assert belongings() == before


async def test_losing_the_server_leaves_nothing_behind() -> None:
    before = belongings()
    display = None
    desktop = Opened(X11Source(""), Size(0, 0))
    for _ in range(40):
        with xvfb(Size(320, 240), display) as server:
            display = server.display
            desktop.source = desktop.source if desktop.size != (0, 0) else X11Source(display)
            desktop.size = await desktop.source.open(desktop.notify)
            await desktop.grab()
            server.kill()
            with pytest.raises(SourceLost):
                await desktop.grab_until(lambda: False)
        with pytest.raises(SourceUnavailable):
            await desktop.source.open(desktop.notify)
    await desktop.source.close()
    await desktop.source.close()
    del desktop
    assert belongings() == before


async def test_a_refused_opening_leaves_nothing_behind() -> None:
    before = belongings()
    for _ in range(40):
        with pytest.raises(SourceUnavailable):
            await X11Source(":4321").open(print)
    assert belongings() == before
