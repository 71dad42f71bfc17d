"""Journeys: what tests of machines that move ask on the way."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.vm.hosts import Host
from tests.vm.machines import WAIT_S
from tests.vm.tick import check_disk, count, wait_count
from voxy.errors import MachineError
from voxy.vm.engine import Guest, Qemu
from voxy.vm.landing import Landing
from voxy.vm.qmp import Monitor
from voxy.vm.store import Machine


@contextlib.asynccontextmanager
async def started(on: Host, *others: Host) -> AsyncIterator[None]:
    """The machine, started on a host; killed in the end, wherever it is then."""
    machine = on.machine()
    with machine.lock():
        guest = await machine.start(await Qemu.find(on.qemu))
    await wait_count(guest, 8)
    await guest.monitor.close()
    try:
        yield
    finally:
        for each in (on, *others):
            # It may never have come there.
            with contextlib.suppress(MachineError):
                each.store.run_folder("desk").kill()
        with contextlib.suppress(TimeoutError):
            await guest.wait_end(WAIT_S)
        await guest.close()


async def counted(on: Host) -> int:
    async with await Guest.attach("desk", on.store.run_folder("desk")) as guest:
        return await count(guest)


async def until_counted(on: Host, more: int) -> int:
    async with await Guest.attach("desk", on.store.run_folder("desk")) as guest:
        return await wait_count(guest, await count(guest) + more)


def top(machine: Machine) -> Path:
    return machine.layers.folder / machine.layers.state.chain[-1]


def arrived(machine: Machine) -> Path:
    """The layer with which a machine came here, below what it has written since."""
    return machine.layers.folder / machine.layers.state.frozen[-1].file


def roles(*hosts: Host) -> list[str]:
    return [each.machine().layers.state.role for each in hosts]


async def check_stopped(on: Host) -> None:
    """Kill the guest, and compare its disk with what it had counted."""
    seen = await counted(on)
    assert on.store.run_folder("desk").kill()
    check_disk(top(on.machine()), seen)


async def compare(one: Path, other: Path) -> None:
    """Assert that two layers are, with what is below them, the same disk."""
    command = ("qemu-img", "compare", "-q", "-U", "-f", "qcow2", "-F", "qcow2", str(one), str(other))
    assert await (await asyncio.create_subprocess_exec(*command)).wait() == 0, f"{one} and {other} differ"


@contextlib.contextmanager
def downtimes() -> Iterator[list[float]]:
    """Seconds for which each move halts its guest: from QEMU's word here until it is told to go on there."""
    real_append, real_go_on = Monitor._append, Landing.go_on
    halted_at, took = 0.0, []

    async def append(self: Monitor, *messages: Mapping[str, Any]) -> None:
        nonlocal halted_at
        if any(message["event"] == "STOP" for message in messages):
            halted_at = time.monotonic()
        await real_append(self, *messages)

    async def go_on(self: Landing) -> None:
        await real_go_on(self)
        took.append(time.monotonic() - halted_at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Monitor, "_append", append)
        patch.setattr(Landing, "go_on", go_on)
        yield took
