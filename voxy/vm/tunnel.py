"""Tunnels: QEMU's own connections between two hosts, through the one port of their agents."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

import aiohttp
from aiohttp import web

from voxy.errors import MachineError
from voxy.vm.sockets import Socket

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


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: WebSocket) -> None:
    """Carry bytes both ways until either side ends, and end the other."""
    if sys.platform == "linux" and (connection := line.get_extra_info("socket")):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, WAITING_BYTES)

    async def out() -> None:
        while data := await reader.read(_PIECE_BYTES):
            await line.send_bytes(data)

    async def back() -> None:
        async for message in line:
            if message.type is not aiohttp.WSMsgType.BINARY:
                break
            writer.write(message.data)
            await writer.drain()

    tasks = [asyncio.create_task(out()), asyncio.create_task(back())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # What broke a connection is seen by the QEMUs at its ends.
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        await line.close()


@asynccontextmanager
async def entrances(places: Mapping[str, Socket], dial: Dial) -> AsyncIterator[dict[str, Socket]]:
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
            await relay(reader, writer, line)

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
