"""A line for tests: between two hosts, as slow as one likes, and still when one says so."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from tests.vm.hosts import Host
from voxy.vm.identity import Known

_PIECE_BYTES = 4096
_BUFFER_BYTES = 1 << 15
"""Small: what a real line would drop or hold back must not wait in the system's buffers."""


class Line:
    """Carries so many bytes a second each way, of all connections together."""

    def __init__(self, port: int, bytes_per_s: float) -> None:
        self._port = port
        self.bytes_per_s = bytes_per_s
        self.carried_bytes = 0
        self._free_at = {"out": 0.0, "back": 0.0}
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def hold(self) -> None:
        self._is_open.clear()

    def let_go(self) -> None:
        self._is_open.set()

    def cut(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            there = socket.socket()
            there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            there.setblocking(False)
            await asyncio.get_running_loop().sock_connect(there, ("127.0.0.1", self._port))
            other_reader, other_writer = await asyncio.open_connection(sock=there, limit=_PIECE_BYTES)
            pumps = [
                asyncio.create_task(self._pump("out", reader, other_writer)),
                asyncio.create_task(self._pump("back", other_reader, writer)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
                other_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _pump(self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        while data := await reader.read(_PIECE_BYTES):
            await self._is_open.wait()
            self._free_at[way] = max(self._free_at[way], clock() - 0.02) + len(data) / self.bytes_per_s
            await asyncio.sleep(self._free_at[way] - clock())
            writer.write(data)
            await writer.drain()
            self.carried_bytes += len(data)

    async def close(self) -> None:
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def line(on: Host, to: Host, bytes_per_s: float) -> AsyncIterator[Line]:
    """A line by which one host reaches another from now on."""
    made = Line(to.port, bytes_per_s)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    listener.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(made.carry, sock=listener, limit=_PIECE_BYTES)
    on.identity.learn(Known(to.name, to.identity.certificate, f"127.0.0.1:{listener.getsockname()[1]}"))
    try:
        yield made
    finally:
        server.close()
        await made.close()
