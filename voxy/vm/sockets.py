"""Sockets: where VoXY and a QEMU of this host meet.

They are in a folder that only its user may enter; where QEMU or the host has no unix sockets, as on Windows, at ports
of loopback, which all users of the host can reach.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

LOOPBACK = "127.0.0.1"
_VNC_FIRST_PORT = 5900

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Enter: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]
"""Is called for each connection."""


@dataclass(frozen=True, slots=True)
class UnixSocket:
    """A socket in a folder."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"

    @property
    def uri(self) -> str:
        """As QEMU's `migrate` has it."""
        return f"unix:{self.path}"

    @property
    def chardev(self) -> str:
        """As QEMU's `-qmp` has it."""
        return escaped(self.uri)

    @property
    def vnc(self) -> str:
        """As QEMU's `-vnc` has it."""
        return self.uri

    @property
    def address(self) -> str:
        """As qemu.qmp has it."""
        return str(self.path)

    @property
    def said(self) -> dict[str, Any]:
        """QAPI's SocketAddress."""
        return {"type": "unix", "path": str(self.path)}

    async def connect(self) -> Streams:
        """OSError where nobody listens."""
        if sys.platform == "win32":
            raise NotImplementedError
        return await asyncio.open_unix_connection(self.path)

    async def serve(self, enter: Enter, ahead_bytes: int) -> tuple[asyncio.Server, "UnixSocket"]:
        """Listen here; of each connection, so much is read ahead."""
        if sys.platform == "win32":
            raise NotImplementedError
        self.path.unlink(missing_ok=True)
        return await asyncio.start_unix_server(enter, self.path, limit=ahead_bytes), self

    def remove(self) -> None:
        """Leave nothing of it."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class LoopbackPort:
    """A port of loopback; 0 is any that is free, once it serves."""

    port: int

    def __str__(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def uri(self) -> str:
        return f"tcp:{self}"

    @property
    def chardev(self) -> str:
        # Else an answer that follows an event waits for 40 ms until the system acknowledges that.
        return f"{self.uri},nodelay=on"

    @property
    def vnc(self) -> str:
        return f"{LOOPBACK}:{self.port - _VNC_FIRST_PORT}"

    @property
    def address(self) -> tuple[str, int]:
        return LOOPBACK, self.port

    @property
    def said(self) -> dict[str, Any]:
        return {"type": "inet", "host": LOOPBACK, "port": str(self.port)}

    async def connect(self) -> Streams:
        return await asyncio.open_connection(LOOPBACK, self.port)

    async def serve(self, enter: Enter, ahead_bytes: int) -> tuple[asyncio.Server, "LoopbackPort"]:
        server = await asyncio.start_server(enter, LOOPBACK, self.port, limit=ahead_bytes)
        return server, LoopbackPort(server.sockets[0].getsockname()[1])

    def remove(self) -> None:
        pass


Socket: TypeAlias = UnixSocket | LoopbackPort


def escaped(value: str) -> str:
    """A value in QEMU's lists of options, where it may have commas."""
    return value.replace(",", ",,")


def legacy(said: dict[str, Any]) -> dict[str, Any]:
    """The same address as QAPI's SocketAddressLegacy, which NBD servers are told."""
    return {"type": said["type"], "data": {key: value for key, value in said.items() if key != "type"}}


def has_unix_sockets() -> bool:
    """Whether asyncio has them here; on Windows it hasn't."""
    return sys.platform != "win32"


def free_ports(count: int) -> list[int]:
    """So many ports of loopback that nobody listens at."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in held:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in held]
