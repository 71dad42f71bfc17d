"""Whoever says too much, too slowly or too long is nobody else's trouble."""

import asyncio
import contextlib
import json
import os
import struct
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest

from tests.e2e.support import Served, serving
from tests.stack import HELLO, running, viewing
from voxy.blocks import Size
from voxy.session.events import InputEvent, Motion, Pointer
from voxy.sources.demo import DemoSource

GONE_S = 12.0
"""Seconds after which nobody who says nothing is still connected."""

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@pytest.fixture
async def demo() -> AsyncIterator[Served]:
    """`voxy serve` where there is no X server."""
    async with serving(environment={**os.environ, "PATH": "/nowhere"}) as served:
        yield served


async def sign_in(url: str) -> float:
    """Seconds that it takes to open the page and its session with the token of the URL that was printed."""
    began = time.monotonic()
    page, _, token = url.partition("#token=")
    async with aiohttp.ClientSession() as session:
        async with session.get(page) as answer:
            assert answer.status == 200
        async with session.post(f"{page}login", json={"token": token}, headers={"Origin": page.rstrip("/")}) as answer:
            assert answer.status == 204
    return time.monotonic() - began


async def drip(port: int) -> float:
    """Begin a request and never end it; the seconds until the server has had enough."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        while True:
            writer.write(b"a")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    if not await reader.read(1):
                        break
    except ConnectionError:
        pass
    finally:
        writer.close()
    return time.monotonic() - began


async def test_500_that_drip_keep_nobody_out(demo: Served) -> None:
    async with asyncio.TaskGroup() as tasks:
        dripping = [tasks.create_task(drip(demo.port)) for _ in range(500)]
        while len(psutil.Process(demo.process.pid).net_connections()) < 500:
            await asyncio.sleep(0.02)
        assert await sign_in(demo.url) < 1
    assert max(task.result() for task in dripping) <= GONE_S


async def test_of_too_many_that_say_nothing_the_first_go(demo: Served) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", demo.port) for _ in range(600)]
    try:
        first, last = silent[0][0], silent[-1][0]
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(first.read(1), 5) == b""
        assert not last.at_eof()
        assert await sign_in(demo.url) < 1
    finally:
        for _, writer in silent:
            writer.close()


class Counting(DemoSource):
    """Keeps the places that the pointer was at."""

    def __init__(self) -> None:
        super().__init__(Size(320, 240), is_still=True)
        self.places: list[InputEvent] = []

    async def inject(self, event: InputEvent) -> None:
        if isinstance(event, Pointer | Motion):
            self.places.append(event)


async def test_a_flood_of_input_waits_and_all_of_it_arrives() -> None:
    source = Counting()
    async with running(source) as stack, viewing(stack) as flooder, viewing(stack) as other:
        await flooder.next_update()
        await other.next_update()
        began = time.monotonic()
        for n in range(4000):
            await flooder.socket.send_bytes(struct.pack("<BHHB", 16, n % 320, n // 320, 0))
        for number in range(20):
            await other.send(type="ping", id=number)
            assert (await other.next_text("pong"))["id"] == number
        assert len(source.places) < 4000, "nobody waits for the flood"
        async with asyncio.timeout(20):
            while not source.places or source.places[-1] != Pointer(3999 % 320, 3999 // 320, 0):
                await asyncio.sleep(0.05)
        assert len(source.places) == 4000
        assert time.monotonic() - began > 2.5


def frame(kind: int, payload: bytes, is_last: bool = True) -> bytes:
    """A frame of a WebSocket from a client; masked with zeros, which change nothing."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    else:
        length = struct.pack(">BH", 0xFE, size) if size < 1 << 16 else struct.pack(">BQ", 0xFF, size)
    return bytes([is_last << 7 | kind]) + length + bytes(4) + payload


@contextlib.asynccontextmanager
async def upgraded(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A WebSocket of which every byte is ours."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    head = {
        "Host": place.netloc,
        "Origin": url,
        "Connection": "upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    writer.write(f"GET /stream HTTP/1.1\r\n{lines}\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in answer
    try:
        yield reader, writer
    finally:
        writer.close()


async def close_code(reader: asyncio.StreamReader) -> int:
    async with asyncio.timeout(20):
        while True:
            kind, size = await reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack(">H", await reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", await reader.readexactly(8))
            payload = await reader.readexactly(size)
            if kind & 15 == CLOSE:
                return int.from_bytes(payload[:2], "big")


BOMBS = {
    "one message of 5 MB": frame(BINARY, bytes(5 << 20)),
    "100,000 fragments": frame(BINARY, b"\0", is_last=False) + 100_000 * frame(0, b"\0", is_last=False),
    "a length that nothing has": bytes([0x82, 0xFF]) + b"\x7f" + bytes(7) + bytes(4),
    "nested text": frame(TEXT, b"[" * 60_000),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
async def test_a_message_that_is_a_bomb_ends_its_own_connection(bomb: bytes) -> None:
    async with running(Counting()) as stack, viewing(stack) as other, upgraded(stack.url) as (reader, writer):
        await other.next_update()
        before = psutil.Process().memory_info().rss
        writer.write(bomb)
        assert await close_code(reader) in (1002, 1009, 4400)
        await other.send(type="ping", id=1)
        assert (await other.next_text("pong"))["id"] == 1
        assert psutil.Process().memory_info().rss - before < 32 << 20


async def test_a_flood_of_pings_is_taken_at_the_pace() -> None:
    async with running(Counting()) as stack, viewing(stack) as other, upgraded(stack.url) as (reader, writer):
        await other.next_update()
        writer.write(3000 * frame(PING, b"a"))
        answered = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    answered += (await reader.readexactly(3)).count(b"a")
        assert answered < 2500
        await other.send(type="ping", id=1)
        assert (await other.next_text("pong"))["id"] == 1


async def test_a_viewer_that_never_reads_costs_nobody_anything() -> None:
    async with running(DemoSource(Size(640, 480), is_still=False)) as stack, viewing(stack) as other:
        await other.next_update()
        async with upgraded(stack.url) as (_, writer):
            for name in HELLO, {"type": "view", "hidden": False}:
                writer.write(frame(TEXT, json.dumps(name).encode()))
            before = psutil.Process().memory_info().rss
            for _ in range(100):
                await other.next_update()
            assert psutil.Process().memory_info().rss - before < 32 << 20
