"""The pointer's shape arrives as straight RGBA with its hot spot, whenever it changes."""

import asyncio

from tests.sources.x11.support import Opened, listening, opened
from tests.xservers import XServer
from voxy.session.events import Pointer
from voxy.sources.base import Cursor, CursorChanged
from voxy.sources.x11.cursor import _to_rgba


async def next_cursor(desktop: Opened, after: int) -> Cursor:
    async with asyncio.timeout(5):
        while True:
            cursors = [event.cursor for event in desktop.told if isinstance(event, CursorChanged)]
            if len(cursors) > after:
                return cursors[after]
            desktop.news.clear()
            await desktop.news.wait()


async def test_shape_is_told_at_once_and_when_it_changes(server: XServer) -> None:
    with listening(server) as listener:
        async with opened(server) as desktop:
            first = await next_cursor(desktop, 0)
            assert len(first.rgba) == first.width * first.height * 4

            await desktop.source.inject(Pointer(100, 100, 0))
            listener.set_cursor(8, 8, foreground=(0xFFFF, 0x8080, 0), hot=(3, 5))
            cursor = await next_cursor(desktop, 1)
            assert (cursor.width, cursor.height, cursor.x, cursor.y) == (8, 8, 3, 5)
            assert cursor.rgba == bytes([255, 128, 0, 255]) * 64
            assert cursor.id != first.id


def test_colours_are_divided_by_alpha() -> None:
    # Blue, green, red, alpha; multiplied: half transparent orange, invisible, opaque.
    premultiplied = bytes([0, 64, 128, 128, 0, 0, 0, 0, 1, 2, 3, 255])
    assert _to_rgba(premultiplied) == bytes([255, 128, 0, 128, 0, 0, 0, 0, 3, 2, 1, 255])


def test_an_empty_shape_is_one() -> None:
    assert _to_rgba(b"") == b""
