"""Line: the connection to a VNC server; does what a flow asks, in asyncio."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Self, cast

from voxy.errors import SourceLost, SourceUnavailable
from voxy.sources.vnc.cipher import Cipher
from voxy.sources.vnc.receiver import Receiver
from voxy.sources.vnc.steps import Borrow, Flow, Read, Send, StartTls, Step, T
from voxy.sources.vnc.tls import tls_refusal

_WAITING_MOST = 1 << 22
"""Bytes that may wait for a server that takes none."""

_OFF_LOOP_PIXELS = 1 << 14
"""Pixels to be unpacked that are worth a thread; raw ones are in their place sooner than a thread is asked."""

_STEPS_MOST = 64
"""Steps after which others have their turn, though there is more to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a VNC server listens: at a port of a host, or at a unix socket's path; either may lead far away."""

    host: str = ""
    port: int = 0
    path: str = ""
    is_far: bool = False

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
        if not host or (":" in host and not host.startswith("[")) or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError("use HOST:PORT, such as 127.0.0.1:5900, or unix:/path")
        return cls(host.strip("[]"), int(port))

    @property
    def is_near(self) -> bool:
        return not self.is_far and (bool(self.path) or self.host in ("localhost", "127.0.0.1", "::1"))

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Line:
    """Reads what flows ask for, and sends. `tls` makes what a connection is wrapped in, by its kind."""

    def __init__(
        self,
        receiver: Receiver,
        transport: asyncio.Transport,
        host: str,
        tls: Callable[[StartTls], ssl.SSLContext],
    ) -> None:
        self._receiver = receiver
        self._transport = transport
        self._host = host
        self._tls = tls
        self._decrypted = bytearray()
        self._steps = 0
        self.cipher: Cipher | None = None

    @classmethod
    async def connect(cls, address: Address, tls: Callable[[StartTls], ssl.SSLContext]) -> Self:
        """Raises SourceUnavailable where nobody listens."""
        loop = asyncio.get_running_loop()
        try:
            if address.path:
                transport, receiver = await loop.create_unix_connection(Receiver, address.path)
            else:
                transport, receiver = await loop.create_connection(Receiver, address.host, address.port)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SourceUnavailable(f"There is no VNC server at {address} ({reason}): start one.") from None
        return cls(receiver, transport, address.host, tls)

    async def run(self, flow: Flow[T], is_slow: bool = False) -> T:
        """Do all that a flow asks; its result. What `is_slow` to compute, as keys are, leaves the loop alone.

        Raises SourceLost where the server ends the connection.
        """
        given: bytes | None = None
        is_off_loop = is_slow
        while True:
            self._steps += 1
            if self._steps % _STEPS_MOST == 0:
                await asyncio.sleep(0)
            step = await asyncio.to_thread(_feed, flow, given) if is_off_loop else _feed(flow, given)
            match step:
                case _End(result):
                    return result
                case Read(size, makes):
                    is_off_loop = is_slow or makes >= _OFF_LOOP_PIXELS
                    given = await self._read(size)
                case Borrow(size):
                    is_off_loop = is_slow
                    given = await self._borrow(size)
                case Send(data):
                    self.send(data)
                    given = b""
                case StartTls():
                    await self._start_tls(step)
                    given = b""

    def send(self, data: bytes) -> None:
        """Send without waiting; SourceLost for a server that takes nothing."""
        if self._transport.get_write_buffer_size() > _WAITING_MOST:
            raise SourceLost("The VNC server takes no input.")
        self._transport.write(self.cipher.encrypt(data) if self.cipher else data)

    def close(self) -> None:
        self._transport.abort()

    async def _read(self, size: int) -> bytes:
        data = await (self._read_decrypted(size) if self.cipher else self._receiver.read(size))
        if data is None:
            raise self._end()
        return data

    async def _borrow(self, size: int) -> bytes:
        if self.cipher:
            return await self._read(size)
        view = await self._receiver.borrow(size)
        if view is None:
            raise self._end()
        # Flows that borrow use nothing that a view hasn't.
        return cast(bytes, view)

    def _end(self) -> SourceLost:
        reason = self._receiver.failure
        return SourceLost(f"The VNC server has ended the connection{f' ({reason})' if reason else ''}.")

    async def _read_decrypted(self, size: int) -> bytes | None:
        assert self.cipher
        while len(self._decrypted) < size:
            sealed = await self._receiver.some()
            if not sealed:
                return None
            self._decrypted += self.cipher.decrypt(sealed)
        taken = bytes(self._decrypted[:size])
        del self._decrypted[:size]
        return taken

    async def _start_tls(self, step: StartTls) -> None:
        name = (self._host or "localhost") if step.kind == "certificate" else None
        try:
            wrapped = await asyncio.get_running_loop().start_tls(
                self._transport, self._receiver, self._tls(step), server_hostname=name
            )
        except ssl.SSLError as error:
            raise tls_refusal(error) from None
        except OSError as error:
            raise SourceUnavailable(f"The VNC server ends the connection when TLS begins: {error}.") from None
        assert wrapped
        self._transport = wrapped
        self._receiver.connection_made(wrapped)


@dataclass(frozen=True, slots=True)
class _End(Generic[T]):
    """A flow's end; the exception that says so can't leave a thread."""

    result: T


def _feed(flow: Flow[T], given: bytes | None) -> Step | _End[T]:
    try:
        return next(flow) if given is None else flow.send(given)
    except StopIteration as end:
        return _End(end.value)
