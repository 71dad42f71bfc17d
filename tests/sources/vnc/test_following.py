"""VncSource in front of a server that is scripted: when it asks, and what becomes of what it is told."""

import asyncio
import contextlib
import struct
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.pictures import text
from tests.scripted import ModelViewer
from voxy.blocks import Rect, Size
from voxy.desktop import Desktop
from voxy.screen.framebuffer import Framebuffer, Pixels
from voxy.sources.base import NameChanged, SourceEvent
from voxy.sources.vnc import Address, Credentials, VncSource, requests
from voxy.sources.vnc.encodings import COPY_RECT, RAW

SIZE = Size(640, 480)
WHOLE = Rect.of(SIZE)
_LENGTHS = {0: 20, 3: 10, 150: 10}
"""Bytes of the messages that it understands."""
CONTINUES, ENDS = requests.continue_updates(WHOLE, is_on=True), requests.continue_updates(WHOLE, is_on=False)


class Server:
    """Shows `screen`, and keeps what it is asked."""

    def __init__(self, screen: Pixels) -> None:
        self.screen = screen
        self.address = ""
        self.asked: asyncio.Queue[bytes] = asyncio.Queue()
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        with contextlib.suppress(asyncio.IncompleteReadError):
            writer.write(b"RFB 003.008\n")
            await reader.readexactly(12)
            writer.write(b"\1\1")
            await reader.readexactly(1)
            writer.write(bytes(4))
            await reader.readexactly(1)
            writer.write(struct.pack(">HH16xI", *SIZE, 7) + b"scripte")
            while kind := await reader.readexactly(1):
                if kind == b"\2":
                    (count,) = struct.unpack(">xH", await reader.readexactly(3))
                    await reader.readexactly(4 * count)
                else:
                    await self.asked.put(kind + await reader.readexactly(_LENGTHS[kind[0]] - 1))

    async def end(self) -> None:
        if self._writer:
            self._writer.close()
            await self._writer.wait_closed()

    def say(self, data: bytes) -> None:
        assert self._writer
        self._writer.write(data)

    def update(self, *rects: bytes) -> None:
        self.say(struct.pack(">BxH", 0, len(rects)) + b"".join(rects))

    def raw(self, rect: Rect) -> bytes:
        return struct.pack(">HHHHi", *rect, RAW) + self.screen[rect.slices].tobytes()

    def copy(self, rect: Rect, x: int, y: int) -> bytes:
        moved = self.screen[y : y + rect.height, x : x + rect.width].copy()
        self.screen[rect.slices] = moved
        return struct.pack(">HHHHiHH", *rect, COPY_RECT, x, y)

    async def until_asked(self, message: bytes) -> None:
        async with asyncio.timeout(5):
            while await self.asked.get() != message:
                pass


@contextlib.asynccontextmanager
async def scripted() -> AsyncIterator[Server]:
    server = Server(text(SIZE).copy())
    with tempfile.TemporaryDirectory() as folder:
        async with await asyncio.start_unix_server(server.serve, f"{folder}/rfb"):
            server.address = f"unix:{folder}/rfb"
            yield server
            await server.end()


@contextlib.asynccontextmanager
async def opened(server: Server, told: list[SourceEvent], is_far: bool = False) -> AsyncIterator[VncSource]:
    source = VncSource(replace(Address.parse(server.address), is_far=is_far), Credentials())
    await source.open(told.append)
    try:
        yield source
    finally:
        await source.close()


async def test_over_a_long_line_updates_come_without_asking_while_they_are_wanted() -> None:
    async with scripted() as server, opened(server, [], is_far=True) as source:
        framebuffer = Framebuffer(SIZE)
        grabbing = asyncio.create_task(source.grab(framebuffer))
        await server.until_asked(requests.ask_update(WHOLE, is_incremental=False))
        server.say(bytes([150]))
        server.update(server.raw(WHOLE))
        await grabbing
        await server.until_asked(CONTINUES)
        corner = Rect(0, 0, 100, 50)
        for shade in range(3):
            server.screen[corner.slices] = shade
            server.update(server.raw(corner))
            assert await source.grab(framebuffer) == (corner,)
            assert (framebuffer.back[: SIZE.height, : SIZE.width] == server.screen).all()
        assert server.asked.empty()
        server.update(server.raw(corner))
        server.update(server.raw(corner))
        await server.until_asked(ENDS)
        await source.grab(framebuffer)
        await server.until_asked(CONTINUES)


async def test_on_the_same_machine_the_next_is_asked_for_when_the_last_was_taken() -> None:
    async with scripted() as server, opened(server, []) as source:
        framebuffer, asking = Framebuffer(SIZE), requests.ask_update(WHOLE, is_incremental=True)
        grabbing = asyncio.create_task(source.grab(framebuffer))
        await server.until_asked(requests.ask_update(WHOLE, is_incremental=False))
        server.say(bytes([150]))
        server.update(server.raw(WHOLE))
        await grabbing
        for shade in range(3):
            await server.until_asked(asking)
            corner = Rect(0, 0, 100, 50)
            server.screen[corner.slices] = shade
            server.update(server.raw(corner))
            await asyncio.sleep(0.05)
            assert server.asked.empty()
            assert await source.grab(framebuffer) == (corner,)
            assert (framebuffer.back[: SIZE.height, : SIZE.width] == server.screen).all()


async def test_a_grab_that_nobody_got_is_owed_and_what_is_shown_is_left_alone() -> None:
    async with scripted() as server, opened(server, []) as source:
        framebuffer = Framebuffer(SIZE)
        grabbing = asyncio.create_task(source.grab(framebuffer))
        await server.until_asked(requests.ask_update(WHOLE, is_incremental=False))
        server.update(server.raw(WHOLE))
        await grabbing
        framebuffer.swap([WHOLE])
        shown, corner = framebuffer.front.copy(), Rect(0, 0, 100, 50)
        grabbing = asyncio.create_task(source.grab(framebuffer))
        server.update(server.raw(corner))
        async with asyncio.timeout(5):
            while source._waiting is None or not source._waiting[1].done():
                await asyncio.sleep(0)
        grabbing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await grabbing
        for shade in range(1, 5):
            server.screen[corner.slices] = shade
            server.update(server.raw(corner))
            async with asyncio.timeout(5):
                while not (source._screen._pages.whole[corner.slices] == shade).all():
                    await asyncio.sleep(0)
        assert (framebuffer.front == shown).all()
        assert WHOLE in await source.grab(framebuffer)
        assert (framebuffer.back[: SIZE.height, : SIZE.width] == server.screen).all()


async def test_what_the_server_copies_viewers_copy() -> None:
    async with scripted() as server:
        desktop = Desktop("scripted", VncSource(Address.parse(server.address), Credentials()))
        await desktop.open()
        task = asyncio.create_task(desktop.run())
        try:
            viewer = ModelViewer(desktop)
            await server.until_asked(requests.ask_update(WHOLE, is_incremental=False))
            server.update(server.raw(WHOLE))
            await viewer.follow(lambda: viewer.shows(server.screen))
            for target, x, y in ((Rect(0, 0, 640, 443), 0, 37), (Rect(211, 97, 300, 200), 170, 60)):
                copies, sent = viewer.copies, viewer.sent_bytes
                server.update(server.copy(target, x, y))
                await viewer.follow(lambda: viewer.shows(server.screen))
                assert viewer.copies > copies
                assert viewer.sent_bytes - sent < 5_000
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_the_desktop_is_called_what_the_server_says() -> None:
    told: list[SourceEvent] = []
    async with scripted() as server, opened(server, told) as source:
        assert told == [NameChanged("scripte")]
        grabbing = asyncio.create_task(source.grab(Framebuffer(SIZE)))
        await server.until_asked(requests.ask_update(WHOLE, is_incremental=False))
        server.update(struct.pack(">HHHHiI", 0, 0, 0, 0, requests.DESKTOP_NAME, 4) + b"desk", server.raw(WHOLE))
        await grabbing
        assert told[-1] == NameChanged("desk")
