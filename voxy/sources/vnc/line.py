"""Line: the connection to a VNC server; does what a flow asks, in asyncio."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Self

from voxy.errors import SourceLost, SourceUnavailable
from voxy.sources.vnc.cipher import Cipher
from voxy.sources.vnc.steps import Flow, Read, Send, StartTls, Step, T
from voxy.sources.vnc.tls import tls_refusal

_READ_BYTES = 1 << 18
_WAITING_MOST = 1 << 22
"""Bytes that may wait for a server that takes none."""

_OFF_LOOP_BYTES = 1 << 14
"""Bytes from which on unpacking is worth a thread."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a VNC server listens: at a port of a host, or at a unix socket's path."""

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host:5900`, `[::1]:5900`, `host` (port 5900) or `unix:/path`; ValueError for anything else."""
        if text.startswith("unix:"):
            if len(text) == len("unix:"):
                raise ValueError("name the socket, as in unix:/run/vnc.sock")
            return cls(path=text.removeprefix("unix:"))
        if ":" not in text or text.endswith("]"):
            return cls(text.strip("[]"), 5900)
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError("use HOST:PORT, such as 127.0.0.1:5900, or unix:/path")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Line:
    """Reads what flows ask for, and sends. `tls` makes what a connection is wrapped in, by its kind."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str,
        tls: Callable[[StartTls], ssl.SSLContext],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host
        self._tls = tls
        self._received = bytearray()
        self.cipher: Cipher | None = None

    @classmethod
    async def connect(cls, address: Address, tls: Callable[[StartTls], ssl.SSLContext]) -> Self:
        """Raises SourceUnavailable where nobody listens."""
        try:
            if address.path:
                reader, writer = await asyncio.open_unix_connection(address.path, limit=_READ_BYTES)
            else:
                reader, writer = await asyncio.open_connection(address.host, address.port, limit=_READ_BYTES)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SourceUnavailable(f"There is no VNC server at {address} ({reason}): start one.") from None
        return cls(reader, writer, address.host, tls)

    async def run(self, flow: Flow[T], is_slow: bool = False) -> T:
        """Do all that a flow asks; its result. What `is_slow` to compute, as keys are, leaves the loop alone.

        Raises SourceLost where the server ends the connection.
        """
        given: bytes | None = None
        while True:
            is_off_loop = is_slow or len(given or b"") >= _OFF_LOOP_BYTES
            step = await asyncio.to_thread(_feed, flow, given) if is_off_loop else _feed(flow, given)
            match step:
                case _End(result):
                    return result
                case Read(size):
                    given = await self._read(size)
                case Send(data):
                    self.send(data)
                    given = b""
                case StartTls():
                    await self._start_tls(step)
                    given = b""

    def send(self, data: bytes) -> None:
        """Send without waiting; SourceLost for a server that takes nothing."""
        if self._writer.transport.get_write_buffer_size() > _WAITING_MOST:
            raise SourceLost("The VNC server takes no input.")
        self._writer.write(self.cipher.encrypt(data) if self.cipher else data)

    async def close(self) -> None:
        self._writer.transport.abort()

    async def _read(self, size: int) -> bytes:
        while len(self._received) < size:
            try:
                data = await self._reader.read(_READ_BYTES)
            except (OSError, ssl.SSLError) as error:
                raise SourceLost(f"The connection to the VNC server broke: {error}.") from None
            if not data:
                raise SourceLost("The VNC server has ended the connection.")
            self._received += self.cipher.decrypt(data) if self.cipher else data
        taken = bytes(memoryview(self._received)[:size])
        del self._received[:size]
        return taken

    async def _start_tls(self, step: StartTls) -> None:
        try:
            name = (self._host or "localhost") if step.kind == "certificate" else None
            await self._writer.start_tls(self._tls(step), server_hostname=name)
        except ssl.SSLError as error:
            raise tls_refusal(error) from None
        except OSError as error:
            raise SourceUnavailable(f"The VNC server ends the connection when TLS begins: {error}.") from None


@dataclass(frozen=True, slots=True)
class _End(Generic[T]):
    """A flow's end; the exception that says so can't leave a thread."""

    result: T


def _feed(flow: Flow[T], given: bytes | None) -> Step | _End[T]:
    try:
        return next(flow) if given is None else flow.send(given)
    except StopIteration as end:
        return _End(end.value)
