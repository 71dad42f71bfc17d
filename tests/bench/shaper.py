"""A slow line: python -m tests.bench.shaper LISTEN TARGET MBIT_S DELAY_MS relays TCP on loopback.

All connections share the rate of a direction, each byte is late by the delay, and what waits is bounded as in a home
router. In user space, so that it needs no rights.
"""

import asyncio
import contextlib
import sys
import time
from asyncio import StreamReader, StreamWriter

_QUEUE_BYTES = 256 * 1024
_CHUNK_BYTES = 4096


class Direction:
    """One direction of the line."""

    def __init__(self, mbit_s: float, delay_ms: float) -> None:
        self._bytes_s = mbit_s * 1e6 / 8
        self._delay_s = delay_ms / 1000
        self._free_at = 0.0

    async def relay(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Pass on what comes, when the line would have, until it ends."""
        # What is on its way beside the queue: the delay's worth of bytes, there and back.
        capacity = _QUEUE_BYTES + self._bytes_s * self._delay_s * 2
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=max(1, int(capacity / _CHUNK_BYTES)))
        async with asyncio.TaskGroup() as tasks:
            delivery = tasks.create_task(_deliver(chunks, writer))
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(_CHUNK_BYTES):
                    self._free_at = max(time.monotonic(), self._free_at) + len(data) / self._bytes_s
                    await chunks.put((self._free_at + self._delay_s, data))
                await chunks.join()
            delivery.cancel()


async def _deliver(chunks: asyncio.Queue[tuple[float, bytes]], writer: StreamWriter) -> None:
    while True:
        due, data = await chunks.get()
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            await writer.drain()
        chunks.task_done()


async def serve(listen: int, target: int, mbit_s: float, delay_ms: float) -> None:
    """Relay connections to port `listen` on to port `target`, until cancelled."""
    up, down = Direction(mbit_s, delay_ms), Direction(mbit_s, delay_ms)

    async def connect(reader: StreamReader, writer: StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        ways = asyncio.create_task(up.relay(reader, far_writer)), asyncio.create_task(down.relay(far_reader, writer))
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way, end in zip(ways, (far_writer, writer), strict=True):
            way.cancel()
            end.close()

    async with await asyncio.start_server(connect, "127.0.0.1", listen) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
