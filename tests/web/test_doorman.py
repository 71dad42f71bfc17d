"""Who connects and says nothing goes, and who is at work stays."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from voxy.web import doorman
from voxy.web.doorman import Doorman


async def answer(request: web.Request) -> web.Response:
    return web.Response(text=await request.text() or "nothing")


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server with little patience."""
    for name, seconds in {"HEAD_S": 0.4, "IDLE_S": 0.2, "_BODY_S": 0.4, "_ROUND_S": 0.1}.items():
        monkeypatch.setattr(doorman, name, seconds)
    watching = Doorman()
    app = web.Application(middlewares=[watching.leave_alone])
    app.add_routes([web.post("/", answer), web.get("/", answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    server = runner.server
    assert server
    async with await asyncio.get_running_loop().create_server(lambda: watching.admit(server()), "127.0.0.1", 0) as at:
        yield at.sockets[0].getsockname()[1]
    await runner.cleanup()


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ends(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 5)
    return True


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n", b"\0"], ids=["nothing", "half", "nonsense"])
async def test_who_asks_nothing_goes(port: int, said: bytes) -> None:
    async with connected(port) as (reader, writer):
        writer.write(said)
        assert await ends(reader)


async def test_who_asks_once_and_then_half_goes(port: int) -> None:
    async with connected(port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"nothing")
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n")
        assert await ends(reader)


async def test_a_body_that_never_ends_is_408(port: int) -> None:
    async with connected(port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf of it")
        assert b" 408 " in await asyncio.wait_for(reader.readline(), 5)


async def test_who_asks_again_and_again_stays(port: int) -> None:
    async with connected(port) as (reader, writer):
        for _ in range(8):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await reader.readuntil(b"nothing")
            await asyncio.sleep(0.1)
