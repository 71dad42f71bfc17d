"""Landing: the QEMU that waits, halted, for a machine that runs elsewhere."""

import contextlib
from typing import Self

from voxy.errors import MachineError
from voxy.vm import programs, state
from voxy.vm.engine import Guest, Qemu
from voxy.vm.flight import EXPORT, capabilities
from voxy.vm.qmp import CommandRefused, Event
from voxy.vm.sockets import legacy
from voxy.vm.store import Machine

_ARRIVAL_S = 20.0


class Landing:
    """A guest that is arriving by the move `move`, the file that its newest layer goes to, and the one after that."""

    def __init__(self, machine: Machine, move: str, guest: Guest, file: str, next_file: str) -> None:
        self.machine = machine
        self.move = move
        self.guest = guest
        self.file = file
        self.next_file = next_file

    @classmethod
    async def prepare(cls, machine: Machine, move: str, program: str = programs.SYSTEM) -> Self:
        """Start the QEMU called `program`; its sockets in the machine's folder take the disk and the memory."""
        layers, file, next_file = machine.layers, state.new_file(), state.new_file()
        # Until the commit, nothing needs the files: a crash leaves them to be dropped.
        layers.save(unused=(*layers.state.unused, file, next_file))
        await layers.overlay(file)
        # Now, since the guest will stand still later.
        await layers.overlay(next_file, file)
        disk = layers.disk(top=file, next_top=next_file)
        extra = ("-incoming", "defer", "-S")
        guest = await Guest.start(await Qemu.find(program), machine.spec, machine.name, disk, machine.run, extra)
        landing = cls(machine, move, guest, file, next_file)
        try:
            monitor = guest.monitor
            await monitor.execute("nbd-server-start", {"addr": legacy(machine.run.socket("disk").said)})
            said = {"type": "nbd", "id": EXPORT, "node-name": disk.top, "name": EXPORT, "writable": True}
            await monitor.execute("block-export-add", said)
            # From QEMU 10 on, a layer that is opened now could else be gone over to only after `cont`.
            with contextlib.suppress(CommandRefused):
                await monitor.execute("blockdev-set-active", {"node-name": disk.nodes[-1]["node-name"], "active": True})
            await monitor.execute("migrate-set-capabilities", capabilities())
            await monitor.execute("migrate-incoming", {"uri": machine.run.socket("memory").uri})
        except BaseException:
            await landing.drop()
            raise
        return landing

    async def settle(self) -> str:
        """End the generation with which the guest arrived; the new file that it will write to."""
        monitor = self.guest.monitor
        await monitor.wait_event(_has_arrived, 0, _ARRIVAL_S)
        # This removes the export as well.
        await monitor.execute("nbd-server-stop")
        await self.machine.layers.go_over(self.file, self.next_file, self.guest)
        return self.next_file

    async def go_on(self) -> None:
        """Have the guest run here; QEMU is let go of, and stays."""
        await self.guest.monitor.execute("cont")
        await self.guest.close()

    async def drop(self) -> None:
        """End the QEMU; it has never run the guest."""
        self.guest.kill()
        await self.guest.wait_end(_ARRIVAL_S)
        await self.guest.close()


async def go_on(machine: Machine) -> None:
    """Have a guest run that has been committed, and whose agent ended before it could say so."""
    async with await Guest.attach(machine.name, machine.run) as guest:
        if not (await guest.monitor.execute("query-status"))["running"]:
            await guest.monitor.execute("cont")


def _has_arrived(event: Event) -> bool:
    if event.name == "MIGRATION" and event.data.get("status") == "failed":
        raise MachineError("its memory has not arrived")
    return event.name == "MIGRATION" and event.data.get("status") == "completed"
