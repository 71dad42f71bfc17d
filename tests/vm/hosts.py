"""Hosts for tests: several on this machine, each with machines, a certificate and an agent of its own."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from voxy.values import Listen
from voxy.vm import programs
from voxy.vm.agent import Agent
from voxy.vm.identity import Identity
from voxy.vm.move import Departure, Sent
from voxy.vm.peer import PeerClient, pair
from voxy.vm.progress import Progress
from voxy.vm.store import Machine, Store


@dataclass
class Host:
    name: str
    folder: Path
    store: Store
    identity: Identity
    agent: Agent
    port: int
    qemu: str = programs.SYSTEM

    @property
    def address(self) -> Listen:
        return Listen("127.0.0.1", self.port)

    @contextlib.asynccontextmanager
    async def departure(self, name: str, to: "Host", progress: Progress | None = None) -> AsyncIterator[Departure]:
        machine = self.store.open(name)
        with machine.lock():
            async with PeerClient(self.identity, self.identity.peer(to.name), machine.spec.uuid) as client:
                yield Departure(machine, client, progress or Progress())

    async def move(self, name: str, to: "Host", progress: Progress | None = None) -> Sent | None:
        async with self.departure(name, to, progress) as departure:
            return await departure.move()

    async def sync(self, name: str, to: "Host") -> Sent:
        async with self.departure(name, to) as departure:
            return await departure.sync()

    def machine(self, name: str = "desk") -> Machine:
        return self.store.open(name)


@contextlib.asynccontextmanager
async def host(folder: Path, name: str, port: int = 0, qemu: str = programs.SYSTEM) -> AsyncIterator[Host]:
    """A host whose agent listens on a port of loopback, and whose QEMU is called `qemu`."""
    identity = Identity(folder / name)
    identity.name = name
    store = Store(folder / name)
    agent = Agent(store, identity, qemu)
    runner, port = await agent.start("127.0.0.1", port)
    try:
        yield Host(name, folder / name, store, identity, agent, port, qemu)
    finally:
        await runner.cleanup()


async def introduce(*hosts: Host) -> None:
    """Pair each with each, both ways: either can move machines to the other."""
    for one in hosts:
        for other in hosts:
            if one is not other:
                await pair(one.identity, other.address, other.agent.new_code())
