"""Places: the hosts at which a machine may be, and the ways to its screen there."""

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec

from voxy.errors import MachineError
from voxy.vm.ear import Hear
from voxy.vm.identity import Identity, Known
from voxy.vm.news import News
from voxy.vm.peer import PeerClient, PeerGone
from voxy.vm.sockets import LoopbackPort, UnixSocket, has_unix_sockets
from voxy.vm.store import Machine, Store
from voxy.vm.tunnel import entrances
from voxy.vm.window import Whereabouts

_VISIT_S = 3.0
_CLOSE_S = 0.5
"""Seconds that a host has to say goodbye."""


class Way(NamedTuple):
    """An address of this host that leads to the VNC server of a machine's QEMU, which may be on another host."""

    address: str
    is_near: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A host at which the machine is, or will be, by the name that it has here."""

    host: str
    way: Way
    whereabouts: Whereabouts
    _exits: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def leave(self) -> None:
        await self._exits.aclose()


class Places:
    """Where the machine `name` may be: on this host, which others know by what is in `folder`, or on one of those.

    `hear` is told what they have to say of it.
    """

    def __init__(self, store: Store, name: str, folder: Path, hear: Hear) -> None:
        self._store = store
        self._name = name
        self._folder = folder
        self._hear = hear

    @property
    def machine(self) -> Machine:
        """What this host has of it now."""
        return self._store.open(self._name)

    async def find(self) -> Place:
        """Where it runs; MachineError says why it is nowhere to be seen."""
        machine = self.machine
        if machine.layers.state.role == "copy":
            return await self._seek()
        if not machine.is_running:
            machine.check_move()
            raise MachineError(f"{self._name} doesn't run: voxy vm start {self._name}.")
        return self._here()

    async def place(self, host: str, name: str) -> Place:
        """The host with the id `host`, which another calls `name`; MachineError where there is no way to it."""
        identity = Identity(self._folder)
        if host == identity.id:
            return self._here()
        if known := identity.by_id(host):
            return await self._visit(known)
        raise MachineError(f"{name} isn't known here: pair with it, by voxy vm pair.")

    def name_of(self, host: str, name: str) -> str:
        """How the host with the id `host`, which another calls `name`, is called here."""
        identity = Identity(self._folder)
        known = identity.by_id(host)
        return socket.gethostname() if host == identity.id else known.name if known else name

    def _here(self) -> Place:
        machine = self.machine
        said = Whereabouts(machine.layers.state.role, machine.is_running)
        return Place(socket.gethostname(), Way(str(machine.run.socket("vnc")), is_near=True), said)

    async def _seek(self) -> Place:
        """Ask all hosts that are known at once."""
        known = [each for each in Identity(self._folder).known() if each.address]
        answers = await asyncio.gather(*map(self._visit, known), return_exceptions=True)
        places = [answer for answer in answers if isinstance(answer, Place)]
        owner = next((place for place in places if place.whereabouts.role == "owner"), None)
        for place in places:
            if place is not owner:
                await place.leave()
        if owner and owner.whereabouts.is_running:
            return owner
        if owner:
            await owner.leave()
            raise MachineError(f"{self._name} lives on {owner.host} and doesn't run: start it there.")
        silent = " ".join(str(answer) for answer in answers if isinstance(answer, PeerGone))
        if silent:
            raise MachineError(f"{self._name} lives on another host. {silent} Start voxy vm agent there.")
        raise MachineError(f"{self._name} lives on a host that isn't known here: pair with it, by voxy vm pair.")

    async def _visit(self, known: Known) -> Place:
        """What that host says of the machine, and the way to its screen there."""
        machine = self.machine
        if not (history := machine.layers.state.history):
            raise MachineError(f"{self._name} has never been here.")
        async with AsyncExitStack() as exits:
            client = await exits.enter_async_context(PeerClient(Identity(self._folder), known, machine.spec.uuid))
            try:
                async with asyncio.timeout(_VISIT_S):
                    line = await client.window("news", history[-1])
                    said = msgspec.json.decode(await line.receive_bytes(), type=Whereabouts)
            except (TimeoutError, TypeError, msgspec.DecodeError):
                raise PeerGone(f"{known.name} at {known.address} doesn't answer.") from None

            async def dial(_: str) -> aiohttp.ClientWebSocketResponse:
                return await client.window("tunnel/screen", history[-1])

            folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="voxy-")))
            entrance = UnixSocket(folder / "screen.sock") if has_unix_sockets() else LoopbackPort(0)
            sockets = await exits.enter_async_context(entrances({"screen": entrance}, dial))
            await exits.enter_async_context(_hearing(line, self._hear))
            return Place(known.name, Way(str(sockets["screen"]), is_near=False), said, exits.pop_all())


@asynccontextmanager
async def _hearing(line: aiohttp.ClientWebSocketResponse, hear: Hear) -> AsyncIterator[None]:
    """Hear what comes over a line, and answer when it is heeded."""

    async def listen() -> None:
        news = None
        async for message in line:
            news = msgspec.json.decode(message.data, type=News)
            await hear(news)
            await line.send_bytes(b"")
        if news and news.kind not in ("arrived", "stays"):
            # Nobody will say how the move ends.
            await hear(msgspec.structs.replace(news, kind="stays"))

    task = asyncio.create_task(listen())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await line.close()
