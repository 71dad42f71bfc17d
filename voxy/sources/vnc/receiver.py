"""Receiver: takes what arrives on a connection, straight to where it is waited for."""

import asyncio
import socket
from typing import cast

from voxy.sources.vnc.steps import MOST_BORROWED

_MUCH_BYTES, _MOST_LOW_BYTES = 1 << 16, 1 << 18
"""Bytes from which on it is worth to be woken only once as many of them, or the most of these, have arrived."""

_KEPT_BYTES = 1 << 20
"""Bytes that are taken before anybody asks for them: of a screen of raw pixels in dozens of rects, many at a time."""


class Receiver(asyncio.BufferedProtocol):
    """One reader at a time. After the end of the connection what has arrived can still be read."""

    def __init__(self) -> None:
        self._kept = memoryview(bytearray(_KEPT_BYTES))
        self._start = self._end = 0
        self._target: memoryview | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._transport: asyncio.ReadTransport | None = None
        self._socket: socket.socket | None = None
        self._low_water = 1
        self._has_ended = False
        self._is_paused = False
        self.failure: Exception | None = None

    async def read(self, size: int) -> bytes | None:
        """Exactly so many bytes; None where the connection ends before."""
        if size <= MOST_BORROWED:
            view = await self.borrow(size)
            return None if view is None else bytes(view)
        whole = bytearray(size)
        # Readers don't tell the two apart, and megabytes aren't copied once more.
        return cast(bytes, whole) if await self._read_into(memoryview(whole)) else None

    async def borrow(self, size: int) -> memoryview | None:
        """A view of exactly so many bytes, which is good until more are read; None where the connection ends before."""
        self._make_room(size)
        while (missing := size - (self._end - self._start)) > 0:
            self._set_low_water(missing)
            if not await self._more():
                return None
        self._start += size
        return self._kept[self._start - size : self._start]

    def _make_room(self, size: int) -> None:
        """Have what is kept begin where so many bytes have room after it."""
        if self._start == self._end or self._start + size > _KEPT_BYTES:
            left = self._end - self._start
            self._kept[:left] = self._kept[self._start : self._end]
            self._start, self._end = 0, left

    async def _read_into(self, target: memoryview) -> bool:
        taken = self._take(min(len(target), self._end - self._start))
        target[: len(taken)] = taken
        self._target = target[len(taken) :]
        try:
            while self._target:
                self._set_low_water(len(self._target))
                if not await self._more():
                    return False
        finally:
            self._target = None
        return True

    def _set_low_water(self, missing: int) -> None:
        """Have the system tell of what arrives from so many bytes on, if that is much."""
        size = min(missing, _MOST_LOW_BYTES) if missing >= _MUCH_BYTES else 1
        if self._socket and size != self._low_water:
            self._low_water = size
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)

    async def some(self) -> bytes:
        """What has arrived, at least a byte; nothing at the end."""
        self._make_room(1)
        while self._end == self._start:
            self._set_low_water(1)
            if not await self._more():
                break
        return self._take(self._end - self._start)

    async def _more(self) -> bool:
        """Wait until something has arrived; False at the end."""
        if self._has_ended:
            return False
        if self._is_paused and self._transport:
            self._is_paused = False
            self._transport.resume_reading()
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None
        return True

    def _take(self, size: int) -> bytes:
        self._start += size
        return bytes(self._kept[self._start - size : self._start])

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.ReadTransport)
        # In TLS what arrives is more than what is waited for, and comes in pieces of its own.
        is_plain = self._transport is None
        self._transport = transport
        self._socket = transport.get_extra_info("socket") if is_plain else None

    def get_buffer(self, _: int) -> memoryview:
        return self._target or self._kept[self._end :]

    def buffer_updated(self, size: int) -> None:
        if self._target:
            self._target = self._target[size:]
        else:
            self._end += size
            if self._end == _KEPT_BYTES and self._transport:
                self._is_paused = True
                self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._has_ended = True
        self._wake()
        return False

    def connection_lost(self, failure: Exception | None) -> None:
        self._has_ended = True
        self.failure = failure
        self._wake()

    def _wake(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)
