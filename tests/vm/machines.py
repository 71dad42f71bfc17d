"""Machines for tests: small ones that boot the guest of tick.py."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.vm.tick import DISK_BYTES, make_image
from voxy.vm.engine import Guest, Qemu
from voxy.vm.spec import Spec
from voxy.vm.store import Machine, Store

WAIT_S = 30.0


def small() -> Spec:
    return Spec.new(DISK_BYTES, memory_mib=32)


async def make(folder: Path, name: str = "desk", rate: int = 4) -> Machine:
    """A machine in the store of `folder` that boots the guest."""
    return await Store(folder / "state").create(name, small(), make_image(folder / f"{name}.raw", rate))


@contextlib.asynccontextmanager
async def running(machine: Machine) -> AsyncIterator[Guest]:
    """The guest while it runs; killed in the end if it still does."""
    with machine.lock():
        guest = await machine.start(await Qemu.find())
    async with guest:
        try:
            yield guest
        finally:
            guest.kill()
            await guest.wait_end(WAIT_S)
