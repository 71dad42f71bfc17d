"""What tunnels carry arrives as it was, and what isn't packed ends the line that brought it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from voxy.vm import tunnel
from voxy.vm.sockets import UnixSocket
from voxy.vm.tunnel import WebSocket, relay, unpacked
from voxy.vm.zstandard import decompressor, zstd

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def far(folder: Path) -> AsyncIterator[tuple[aiohttp.ClientWebSocketResponse, Streams]]:
    """A line to another side whose relay leads to a socket, and that socket's end."""
    arrived: asyncio.Future[Streams] = asyncio.get_running_loop().create_future()
    server, place = await UnixSocket(folder / "there").serve(lambda *streams: arrived.set_result(streams), 1 << 16)

    async def serve(request: web.Request) -> web.WebSocketResponse:
        line = web.WebSocketResponse()
        await line.prepare(request)
        await relay(*await place.connect(), line)
        return line

    app = web.Application()
    app.router.add_get("/", serve)
    async with (
        server,
        TestServer(app) as http,
        aiohttp.ClientSession() as session,
        session.ws_connect(http.make_url("/"), autoping=False, max_msg_size=1 << 20) as line,
    ):
        reader, writer = await arrived
        yield line, (reader, writer)
        writer.close()


@contextlib.asynccontextmanager
async def near(folder: Path, line: WebSocket) -> AsyncIterator[Streams]:
    """This side's relay, and the end of its socket."""
    tasks: set[asyncio.Task[None]] = set()
    server, place = await UnixSocket(folder / "here").serve(
        lambda reader, writer: tasks.add(asyncio.create_task(relay(reader, writer, line))), 1 << 16
    )
    async with server:
        reader, writer = await place.connect()
        yield reader, writer
        writer.close()
        await asyncio.gather(*tasks)


async def test_what_goes_in_comes_out_both_ways_and_is_small_on_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise, zeros = os.urandom(300_000), bytes(3_000_000)
    carried = 0
    send = aiohttp.ClientWebSocketResponse.send_bytes

    async def counted(self: aiohttp.ClientWebSocketResponse, data: bytes, compress: int | None = None) -> None:
        nonlocal carried
        carried += len(data)
        await send(self, data, compress)

    monkeypatch.setattr(aiohttp.ClientWebSocketResponse, "send_bytes", counted)
    async with far(tmp_path) as (line, (there, back)), near(tmp_path, line) as (here, out):
        for data in (b"a", noise, zeros, noise):
            out.write(data)
            assert await there.readexactly(len(data)) == data
            back.write(data)
            assert await here.readexactly(len(data)) == data
    assert carried < 620_000


async def test_a_ping_is_answered(tmp_path: Path) -> None:
    async with far(tmp_path) as (line, _):
        await line.ping(b"12345678")
        said = await line.receive(5)
        assert (said.type, said.data) == (aiohttp.WSMsgType.PONG, b"12345678")


@pytest.mark.parametrize("said", [b"nothing packed", zstd.compress(b"x")[:-1] + b"\xff" * 9])
async def test_what_isnt_packed_ends_the_line(tmp_path: Path, said: bytes) -> None:
    async with far(tmp_path) as (line, (there, _)):
        await line.send_bytes(said)
        assert (await there.read())[1:] == b""
        assert (await line.receive(5)).type is aiohttp.WSMsgType.CLOSE


async def test_a_bomb_is_unpacked_in_small_pieces() -> None:
    packer = zstd.ZstdCompressor(1)
    bomb = packer.compress(bytes(100_000_000)) + packer.flush(packer.FLUSH_BLOCK)
    assert len(bomb) < 20_000
    pieces = [len(piece) for piece in unpacked(decompressor(), bomb)]
    assert sum(pieces) == 100_000_000
    assert max(pieces) <= tunnel.MESSAGE_MOST_BYTES


async def test_a_window_of_2_gb_is_refused() -> None:
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    with pytest.raises(zstd.ZstdError):
        list(unpacked(decompressor(), packer.compress(bytes(1000), packer.FLUSH_BLOCK)))
