"""A screen takes the size that is wanted, and is as it was before when VoXY has gone."""

import asyncio
import contextlib
import re
import time
from collections.abc import Iterator

import pytest
from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import BadMatch, XError
from Xlib.ext import randr

from tests.programs import connect
from tests.sources.x11.support import Looker, Opened, looking, opened
from tests.xservers import XServer, client, xvfb, xvnc
from voxy.blocks import Rect, Size
from voxy.session.events import Resize
from voxy.sources.base import Monitor, MonitorsChanged, SizingChanged
from voxy.sources.x11.resize import Resizer
from voxy.sources.x11.resources import merged, value_of

FOUND = Size(1280, 720)
MOST = Size(2000, 1600)
FEW_CHANGES = 60


@contextlib.contextmanager
def smaller_xvfb() -> Iterator[XServer]:
    """An Xvfb that has been made smaller than it was at its start, as private ones are."""
    with xvfb(MOST) as server:
        server.run("xrandr", "--newmode", "smaller", *map(str, (0, FOUND.width, 0, 0, 0, FOUND.height, 0, 0, 0)))
        server.run("xrandr", "--addmode", "screen", "smaller")
        server.run("xrandr", "--dpi", "96", "--output", "screen", "--mode", "smaller")
        yield server


@pytest.fixture(params=["Xvnc", "Xvfb"])
def server(request: pytest.FixtureRequest) -> Iterator[XServer]:
    with xvnc(FOUND) if request.param == "Xvnc" else smaller_xvfb() as running:
        yield running


def size_of(server: XServer) -> Size:
    found = re.search(r"current (\d+) x (\d+)", server.run("xrandr"))
    assert found
    return Size(int(found[1]), int(found[2]))


def layout_of(server: XServer) -> str:
    """All that RandR tells of outputs and modes but for when it was, and the screen's size in inches."""
    told = server.run("xrandr", "--verbose")
    return re.sub(r"Timestamp:.*", "", told) + server.run("xdpyinfo", "-queryExtensions").split("dimensions:")[1][:60]


async def shows(desktop: Opened, server: XServer, size: Size) -> None:
    """The framebuffer is the screen, which has that size."""
    with looking(server) as looker:

        def is_exact() -> bool:
            try:
                pixels, back = looker.pixels(), desktop.framebuffer.back
            except BadMatch:
                # It became smaller while it was read.
                return False
            height, width = pixels.shape
            is_fit = (width, height) == size and back.shape[0] >= height and back.shape[1] >= width
            return is_fit and bool((back[:height, :width] == pixels).all())

        async with asyncio.timeout(10):
            await desktop.grab_until(is_exact)


@contextlib.contextmanager
def watching(server: XServer) -> Iterator[Display]:
    """A client that hears of every change of the screen's size."""
    display = connect(server)
    display.screen().root.change_attributes(event_mask=X.StructureNotifyMask)
    display.sync()
    try:
        yield display
    finally:
        display.close()


def changes(display: Display) -> int:
    display.sync()
    return sum(display.next_event().type == X.ConfigureNotify for _ in range(display.pending_events()))


async def test_screen_takes_each_size_and_its_own_comes_back(server: XServer) -> None:
    before = layout_of(server)
    async with opened(server) as desktop:
        await desktop.until_told(lambda event: event == SizingChanged(""))
        for size in (Size(1021, 743), Size(600, 1500), Size(1900, 500), Size(320, 200), Size(1999, 1599)):
            await desktop.source.inject(Resize(*size, scale=1.0))
            await shows(desktop, server, size)
            with looking(server) as looker:
                looker.fill(Rect(size.width - 90, size.height - 70, 90, 70), 0x2080C0)
                await shows(desktop, server, size)
        assert server.run("xrandr").count("VoXY") == 1
    assert layout_of(server) == before


async def test_a_size_that_the_server_has_makes_no_mode(server: XServer) -> None:
    async with opened(server) as desktop:
        for size in (Size(700, 500), FOUND):
            await desktop.source.inject(Resize(*size, scale=1.0))
            await shows(desktop, server, size)
        assert "VoXY" not in server.run("xrandr")


async def test_a_screen_becomes_no_larger_than_its_server_allows() -> None:
    with xvfb(FOUND) as server:
        async with opened(server) as desktop:
            await desktop.source.inject(Resize(900, 500, scale=1.0))
            await shows(desktop, server, Size(900, 500))
            await desktop.source.inject(Resize(16384, 600, scale=1.0))
            await shows(desktop, server, Size(FOUND.width, 600))


async def test_what_was_left_of_an_earlier_time_is_used_or_deleted(server: XServer) -> None:
    for width, height in ((500, 400), (510, 400)):
        numbers = map(str, (0, width, 0, 0, 0, height, 0, 0, 0))
        server.run("xrandr", "--newmode", f"VoXY {width}x{height}", *numbers)
    async with opened(server) as desktop:
        await desktop.source.inject(Resize(510, 400, scale=1.0))
        await shows(desktop, server, Size(510, 400))
        assert "500x400" not in server.run("xrandr")
    assert "VoXY" not in server.run("xrandr", "--verbose")


async def test_a_size_that_somebody_else_chose_meanwhile_stays() -> None:
    with xvnc(FOUND) as server:
        async with opened(server) as desktop:
            await desktop.source.inject(Resize(900, 500, scale=1.0))
            await shows(desktop, server, Size(900, 500))
            server.run("xrandr", "--dpi", "96", "--output", "VNC-0", "--mode", "800x600")
            await shows(desktop, server, Size(800, 600))
        assert size_of(server) == Size(800, 600)


async def test_a_flood_of_sizes_ends_at_the_last_with_few_changes(server: XServer) -> None:
    with watching(server) as watcher:
        async with opened(server) as desktop:
            for number in range(1000):
                await desktop.source.inject(Resize(400 + number, 300, scale=1.0))
                await asyncio.sleep(0)
            await shows(desktop, server, Size(1399, 300))
            assert 0 < changes(watcher) < FEW_CHANGES


async def test_a_size_that_the_server_refuses_changes_nothing(server: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    before = layout_of(server)
    async with opened(server) as desktop:
        with monkeypatch.context() as broken, looking(server) as looker:
            broken.setattr(Resizer, "_mode_for", lambda *_: 0xBAD)
            await desktop.source.inject(Resize(900, 500, scale=1.0))
            # The screen had to grow before it was refused, and is as it was again.
            await desktop.source.inject(Resize(1300, 500, scale=1.0))
            looker.fill(Rect(0, 0, 90, 70), 0x2080C0)
            await shows(desktop, server, FOUND)
            await desktop.source.close()
        assert layout_of(server) == before
        await desktop.source.open(desktop.notify)
        await desktop.source.inject(Resize(900, 500, scale=1.0))
        await shows(desktop, server, Size(900, 500))
    assert layout_of(server) == before


async def test_several_monitors_are_told_and_never_reconfigured(server: XServer) -> None:
    output = "VNC-0" if "VNC-0" in server.run("xrandr") else "screen"
    left, right = "640/170x720/190+0+0", "640/170x720/190+640+0"
    async with opened(server) as desktop:
        await desktop.until_told(lambda event: event == SizingChanged(""))
        server.run("xrandr", "--setmonitor", "*left", left, output)
        server.run("xrandr", "--setmonitor", "right", right, "none")
        monitors = Monitor("left", Rect(0, 0, 640, 720), True), Monitor("right", Rect(640, 0, 640, 720), False)
        await desktop.until_told(lambda event: event == MonitorsChanged(monitors))
        await desktop.until_told(lambda event: isinstance(event, SizingChanged) and "monitors" in event.reason)
        with watching(server) as watcher:
            await desktop.source.inject(Resize(900, 500, scale=2.0))
            desktop.told.clear()
            await desktop.source.close()
            assert changes(watcher) == 0
        assert size_of(server) == FOUND
        assert "Xft" not in server.run("xrdb", "-query")
        await desktop.source.open(desktop.notify)
        server.run("xrandr", "--delmonitor", "right")
        await desktop.until_told(lambda event: event == SizingChanged(""))
        await desktop.source.inject(Resize(900, 500, scale=1.0))
        await shows(desktop, server, Size(900, 500))


async def test_a_monitor_with_an_edid_is_real_and_never_reconfigured(server: XServer) -> None:
    with watching(server) as watcher:
        output = randr.get_screen_resources_current(watcher.screen().root).outputs[0]
        name, kind = watcher.intern_atom("EDID"), Xatom.INTEGER
        randr.change_output_property(watcher, output, name, kind, X.PropModeReplace, (8, [0] * 128))
        watcher.sync()
        async with opened(server) as desktop:
            await desktop.until_told(lambda event: isinstance(event, SizingChanged) and "real" in event.reason)
            await desktop.source.inject(Resize(900, 500, scale=1.0))
        assert changes(watcher) == 0
    assert size_of(server) == FOUND


async def test_text_and_pointers_grow_with_the_scale_and_all_other_resources_stay() -> None:
    with xvnc(FOUND) as server:
        server.run("sh", "-c", "printf 'XTerm*faceSize: 9\\nXft.dpi: 120\\nXft.hinting: 1\\n' | xrdb -load -nocpp")
        before = server.run("xrdb", "-query")
        async with opened(server) as desktop:
            await desktop.source.inject(Resize(1400, 900, scale=2.0))
            await shows(desktop, server, Size(1400, 900))
            told = server.run("xrdb", "-query")
            assert (value_of("Xft.dpi", told), value_of("Xcursor.size", told)) == ("240", "48")
            assert "XTerm*faceSize:\t9\n" in told
            assert "Xft.hinting:\t1\n" in told
            assert "resolution:    192x192" in server.run("xdpyinfo")
            server.run("sh", "-c", "echo 'XTerm*faceName: Mono' | xrdb -merge -nocpp")
            await desktop.source.inject(Resize(700, 450, scale=1.0))
            await shows(desktop, server, Size(700, 450))
            assert value_of("Xft.dpi", server.run("xrdb", "-query")) == "120"
        lines = [*before.splitlines(), "XTerm*faceName:\tMono"]
        assert sorted(server.run("xrdb", "-query").splitlines()) == sorted(lines)


async def test_a_program_that_starts_later_has_larger_text() -> None:
    command = ("xterm", "-fa", "DejaVu Sans Mono", "-fs", "10", "-geometry", "40x10", "-b", "0", "+sb")

    def widths_of_windows(looker: Looker) -> list[int]:
        windows = looker.root.query_tree().children
        return [w.get_geometry().width for w in windows if w.get_attributes().map_state == X.IsViewable]

    def width_of_xterm() -> int:
        with looking(server) as looker:
            with client(server, *command):
                while not (widths := widths_of_windows(looker)):
                    time.sleep(0.01)
            # The server notices its end when it gets to it.
            with contextlib.suppress(XError):
                while widths_of_windows(looker):
                    time.sleep(0.01)
            return int(widths[0])

    with xvnc(FOUND) as server:
        async with opened(server) as desktop:
            widths = []
            for scale in (1.0, 2.0):
                await desktop.source.inject(Resize(1600, 900, scale))
                wanted = str(round(96 * scale))
                async with asyncio.timeout(10):
                    while value_of("Xft.dpi", server.run("xrdb", "-query")) != wanted:
                        await asyncio.sleep(0.01)
                widths.append(await asyncio.to_thread(width_of_xterm))
            assert widths[1] == pytest.approx(2 * widths[0], rel=0.1)


def test_resources_are_merged_line_by_line() -> None:
    text = "a.Xft.dpi: 1\nXft.dpi : 96\nXft.dpi:\t100\nb: 2"
    assert value_of("Xft.dpi", text) == "100"
    assert merged(text, {"Xft.dpi": "192"}) == "a.Xft.dpi: 1\nb: 2\nXft.dpi:\t192\n"
    assert merged("Xft.dpi: 96", {"Xft.dpi": None, "c": None}) == ""
    assert merged("", {"Xft.dpi": "96"}) == "Xft.dpi:\t96\n"
    assert value_of("Xft.dpi", "") is None
