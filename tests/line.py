"""A line between two ends of loopback, as bad as wished: python -m tests.line LISTEN TARGET MBIT_S DELAY_MS relays TCP.

All connections share the rate of a direction, each byte is late by the delay, and what waits is bounded as in a home
router. In user space, so that it needs no rights.
"""

import asyncio
import contextlib
import math
import sys
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Iterator

_QUEUE_BYTES = 256 * 1024
_CHUNK_BYTES = 4096


class Direction:
    """One direction of the line."""

    def __init__(self, mbit_s: float, delay_ms: float) -> None:
        self._bytes_s = mbit_s * 1e6 / 8
        self._delay_s = delay_ms / 1000
        self._free_at = 0.0
        self.flows = asyncio.Event()
        """Cleared where nothing gets through for a while, and nothing is lost."""
        self.flows.set()
        self.bytes = 0
        """What has come through so far."""

    def slow_down_to(self, mbit_s: float) -> None:
        self._bytes_s = mbit_s * 1e6 / 8

    async def relay(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Pass on what comes, when the line would have, until it ends."""
        # What is on its way beside the queue: the delay's worth of bytes, there and back.
        underway = 0 if math.isinf(self._bytes_s) else self._bytes_s * self._delay_s * 2
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(
            maxsize=max(1, int((_QUEUE_BYTES + underway) / _CHUNK_BYTES))
        )
        async with asyncio.TaskGroup() as tasks:
            delivery = tasks.create_task(self._deliver(chunks, writer))
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(_CHUNK_BYTES):
                    self._free_at = max(time.monotonic(), self._free_at) + len(data) / self._bytes_s
                    await chunks.put((self._free_at + self._delay_s, data))
                await chunks.join()
            delivery.cancel()

    async def _deliver(self, chunks: asyncio.Queue[tuple[float, bytes]], writer: StreamWriter) -> None:
        while True:
            due, data = await chunks.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self.flows.wait()
            self.bytes += len(data)
            with contextlib.suppress(ConnectionError):
                writer.write(data)
                await writer.drain()
            chunks.task_done()


class Line:
    """Relays connections to a port of its own on to port `target`."""

    def __init__(self, target: int, mbit_s: float = math.inf, delay_ms: float = 0.0) -> None:
        self._target = target
        self.up, self.down = Direction(mbit_s, delay_ms), Direction(mbit_s, delay_ms)
        self._ends: set[StreamWriter] = set()
        self._is_broken = False

    @contextlib.asynccontextmanager
    async def open(self, listen: int = 0) -> AsyncIterator[int]:
        """Relay; the port to connect to."""
        async with await asyncio.start_server(self._connect, "127.0.0.1", listen) as server:
            try:
                yield server.sockets[0].getsockname()[1]
            finally:
                self.cut()

    def cut(self) -> None:
        """Break all connections, with what is on its way; new ones may come."""
        for end in self._ends:
            end.transport.abort()

    @contextlib.contextmanager
    def broken(self) -> Iterator[None]:
        """Cut, and let no new connection come meanwhile."""
        self._is_broken = True
        self.cut()
        try:
            yield
        finally:
            self._is_broken = False

    @contextlib.contextmanager
    def stalled(self) -> Iterator[None]:
        """Let nothing through, either way, and break nothing."""
        for direction in (self.up, self.down):
            direction.flows.clear()
        try:
            yield
        finally:
            for direction in (self.up, self.down):
                direction.flows.set()

    async def _connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self._is_broken:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except ConnectionError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._ends |= ends
        ways = [
            asyncio.create_task(self.up.relay(reader, far_writer)),
            asyncio.create_task(self.down.relay(far_reader, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in ends:
            end.close()
        self._ends -= ends
        await asyncio.gather(*ways, return_exceptions=True)


async def _main(listen: int, target: int, mbit_s: float, delay_ms: float) -> None:
    async with Line(target, mbit_s, delay_ms).open(listen):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
