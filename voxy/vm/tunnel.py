"""Tunnels: QEMU's own connections between two hosts, packed, through the one port of their agents."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

import aiohttp
from aiohttp import web

from voxy.errors import MachineError
from voxy.vm.pace import PING_S, Pace
from voxy.vm.sockets import Socket
from voxy.vm.zstandard import LEVEL, decompressor, zstd

_PIECE_BYTES = 1 << 16
MESSAGE_MOST_BYTES = 1 << 20
"""What a side keeps of a message at most; a line that sends a larger one is ended."""

_READ_AHEAD_BYTES = 1 << 14
WAITING_BYTES = 1 << 16
"""How much waits on this side to be sent: QEMU, which doesn't see it, would halt the guest while it is carried."""

_DIAL_S = 10.0
HEARTBEAT_S = 10.0
"""How often a side that says nothing is asked whether it is still there."""

WebSocket: TypeAlias = aiohttp.ClientWebSocketResponse | web.WebSocketResponse
Dial: TypeAlias = Callable[[str], Awaitable[aiohttp.ClientWebSocketResponse]]
"""Opens the tunnel of that name."""


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: WebSocket, pace: Pace | None = None
) -> None:
    """Carry bytes both ways until either side ends, and end the other; `pace` is told how the line does."""
    clock = asyncio.get_running_loop().time
    packer = zstd.ZstdCompressor(LEVEL)
    unpacker = decompressor()
    if sys.platform == "linux" and (connection := line.get_extra_info("socket")):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, WAITING_BYTES)

    async def out() -> None:
        while data := await reader.read(_PIECE_BYTES):
            if pace:
                pace.send(len(data))
            await line.send_bytes(packer.compress(data, packer.FLUSH_BLOCK))

    async def ping() -> None:
        while pace:
            await line.ping(pace.ping(clock()))
            await asyncio.sleep(PING_S)

    async def back() -> None:
        async for message in line:
            if message.type is aiohttp.WSMsgType.PING:
                await line.pong(message.data)
                continue
            if message.type is aiohttp.WSMsgType.PONG:
                if pace:
                    pace.pong(message.data, clock())
                continue
            if message.type is not aiohttp.WSMsgType.BINARY:
                break
            for data in unpacked(unpacker, message.data):
                writer.write(data)
                await writer.drain()

    # The first ping goes when nothing waits.
    tasks = [asyncio.create_task(each()) for each in (ping, out, back)]
    try:
        await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # What broke a connection is seen by the QEMUs at its ends.
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        await line.close()


def unpacked(unpacker: zstd.ZstdDecompressor, data: bytes) -> Iterator[bytes]:
    """What a message brings, never more at once than a message may have. ZstdError for what isn't packed."""
    while found := unpacker.decompress(data, MESSAGE_MOST_BYTES):
        yield found
        data = b""


@asynccontextmanager
async def entrances(
    places: Mapping[str, Socket], dial: Dial, paces: Mapping[str, Pace] | None = None
) -> AsyncIterator[dict[str, Socket]]:
    """Listen at the places, each of which leads to the tunnel of its name; all are cut in the end."""
    tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def entrance(name: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                async with asyncio.timeout(_DIAL_S):
                    line = await dial(name)
            except (aiohttp.ClientError, OSError, MachineError):  # of which TimeoutError is one
                writer.close()
                return
            await relay(reader, writer, line, (paces or {}).get(name))

        def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(carry(reader, writer))
            tasks[task] = writer

        return enter

    servers = []
    sockets: dict[str, Socket] = {}
    try:
        for name, place in places.items():
            server, sockets[name] = await place.serve(entrance(name), _READ_AHEAD_BYTES)
            servers.append(server)
        yield sockets
    finally:
        for server in servers:
            server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # One that was cancelled before it began has closed nothing.
        for writer in tasks.values():
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in tasks.values()), return_exceptions=True)
        for each in sockets.values():
            each.remove()
