"""Flight: the last leg of a machine that runs. Its newest layer and its memory go while it works; then it is halted.

QEMU on the other side is started halted, and only a commit has it go on: at no moment do both run.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from voxy.errors import GuestLost, MachineError
from voxy.vm.approach import approach
from voxy.vm.brake import PARAMETERS, Brake, limit_writes
from voxy.vm.engine import GATE, Guest
from voxy.vm.news import Audience
from voxy.vm.pace import PERIOD_S, Pace
from voxy.vm.progress import Phase, Progress
from voxy.vm.qmp import CommandRefused, Event, Monitor
from voxy.vm.sockets import Socket

EXPORT = "disk"
_CAPABILITIES = ("events", "pause-before-switchover", "return-path", "dirty-bitmaps")
_MIRROR, _TARGET = "mirror", "move-target"
_FLYING_BYTES = 1 << 20
"""What is on its way at a time: more would be late news of a slow line."""

_MEASURED_S = 0.12
"""Until then, QEMU has measured its own speed for the first time; before, it halts no guest that has memory left."""

_LASTS_S, _IDLE_BYTES_PER_S = 1.5 * PERIOD_S, 1 << 12
"""So long what is left should last: longer than QEMU takes to see that it may halt the guest, and no longer than it may
be halted; and how fast it may send when nothing is left, which it does nevertheless."""

_LEFT_S = 0.025
"""How often one looks what is left."""

_LOOK_S = 0.5
_CONNECT_S = 10.0
_SILENCE_S = 20.0
"""Seconds in which a line or a host that lives carries something."""

_HALTED_SILENCE_S = 10.0
"""The same, while the guest stands still."""


def capabilities(*extra: str) -> dict[str, Any]:
    """What both QEMUs are told about the move of memory."""
    return {"capabilities": [{"capability": name, "state": True} for name in (*_CAPABILITIES, *extra)]}


class Flight:
    """Brings the newest layer `top` and the memory of `guest`, at which `audience` looks, to where two sockets lead."""

    def __init__(self, guest: Guest, top: str, progress: Progress, audience: Audience) -> None:
        self._guest = guest
        self._audience = audience
        self._monitor: Monitor = guest.monitor
        self._top = top
        self._progress = progress
        self._brake = Brake(guest, progress.note)
        self.halted_at = 0.0
        self.pace = Pace()
        """Of the line that carries the memory."""

    async def fly(self, disk: Socket, memory: Socket) -> None:
        """Leave the guest halted here, and all of it there. MachineError, or GuestLost, and it is to be taken back."""
        try:
            await self._fly(disk, memory)
        except GuestLost:
            if self._guest.run.pid() is None:
                raise
            # QEMU waits for the other side then, and answers nobody until the line is cut.
            raise MachineError(f"The other host takes nothing of {self._guest.name} any more.") from None

    async def _fly(self, disk: Socket, memory: Socket) -> None:
        monitor = self._monitor
        await monitor.execute("migrate-set-capabilities", capabilities("auto-converge"))
        await self._gate()
        self._progress.enter(Phase.DISK)
        await self._mirror(disk)
        self._progress.enter(Phase.MEMORY)
        since = monitor.cursor
        async with self._paced(), approach(monitor, self._audience, self._brake.let_halt):
            await monitor.execute("migrate", {"uri": memory.uri})
            await self._until(_migration("pre-switchover"), since, self._memory_sent)
        # The guest is halted now; what it wrote last is on its way.
        self.halted_at = (await monitor.wait_event(lambda event: event.name == "STOP", since, _LOOK_S)).at
        self._progress.enter(Phase.HALTED)
        since = monitor.cursor
        await monitor.execute("block-job-cancel", {"device": _MIRROR})
        ended = await self._until(_ends(_MIRROR), since, self._disk_sent, _HALTED_SILENCE_S)
        if "error" in ended.data:
            raise MachineError(f"The disk of {self._guest.name} didn't arrive: {ended.data['error']}.")
        await monitor.execute("migrate-continue", {"state": "pre-switchover"})
        await self._until(_migration("completed"), since, self._state_sent, _HALTED_SILENCE_S)

    @asynccontextmanager
    async def _paced(self) -> AsyncIterator[None]:
        """Have memory sent as fast as the line carries it, and the guest halted only when that has carried most."""
        clock, told = asyncio.get_running_loop().time, 0

        async def tell() -> None:
            nonlocal told
            await self._brake.clear(self.pace.is_clear)
            ram = (await self._monitor.execute("query-migrate")).get("ram", {})
            enough = max(int(ram.get("remaining", 0) / _LASTS_S), _IDLE_BYTES_PER_S) if ram else self.pace.bytes_per_s
            if (limit := min(self.pace.bytes_per_s, enough)) != told:
                await self._monitor.execute("migrate-set-parameters", {"max-bandwidth": limit})
                told = limit

        async def look() -> None:
            look_at = clock() + _MEASURED_S
            while True:
                await asyncio.sleep(_LEFT_S)
                if (now := clock()) >= look_at:
                    self.pace.look(now)
                    look_at = now + PERIOD_S
                # A QEMU that is busy for once is told with the next look.
                with contextlib.suppress(MachineError):
                    await tell()

        await self._monitor.execute("migrate-set-parameters", PARAMETERS)
        await tell()
        task = asyncio.create_task(look())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _gate(self) -> None:
        """Have something left to send until QEMU may halt the guest.

        It sends a bitmap with the last of the memory. Until then it says that there is nothing new, over and over and
        as fast as it may; QEMU's build for Windows takes a third of a millisecond to read that each time, while the
        guest is halted: so it is never told to be so fast that nothing is left.
        """
        bitmap = {"node": GATE, "name": GATE}
        # There may be one of an earlier move, and a QEMU that an older VoXY started has no place for one.
        for command in ("block-dirty-bitmap-remove", "block-dirty-bitmap-add"):
            with contextlib.suppress(CommandRefused):
                await self._monitor.execute(command, bitmap)

    async def _mirror(self, disk: Socket) -> None:
        monitor, since = self._monitor, self._monitor.cursor
        said = {"driver": "nbd", "node-name": _TARGET, "server": disk.said, "export": EXPORT}
        await monitor.execute("blockdev-add", said, _CONNECT_S)
        said = {"job-id": _MIRROR, "device": self._top, "target": _TARGET, "sync": "top", "copy-mode": "background"}
        await monitor.execute("blockdev-mirror", {**said, "granularity": 4096, "buf-size": _FLYING_BYTES})
        found = await self._until(lambda e: _is_ready(e) or _ends(_MIRROR)(e), since, self._disk_sent)
        if not _is_ready(found):
            raise MachineError(f"The disk of {self._guest.name} didn't arrive: {found.data.get('error', 'cut off')}.")
        self._brake.mirrored()

    async def _until(
        self,
        accepts: Callable[[Event], bool],
        since: int,
        progress: Callable[[], Awaitable[int]],
        silence_s: float = _SILENCE_S,
    ) -> Event:
        """The event, or MachineError where the other side carries nothing any more."""
        clock = asyncio.get_running_loop().time
        carried, heard_at = -1, clock()
        while True:
            with contextlib.suppress(TimeoutError):
                found = await self._monitor.wait_event(lambda e: accepts(e) or _migration("failed")(e), since, _LOOK_S)
                if not accepts(found):
                    raise MachineError(f"The memory of {self._guest.name} didn't arrive.")
                return found
            now = await progress()
            if now != carried:
                carried, heard_at = now, clock()
            if clock() - heard_at >= silence_s:
                raise MachineError(f"The other host has taken nothing of {self._guest.name} for {silence_s:.0f} s.")

    async def _disk_sent(self) -> int:
        done, left = await self._disk_left()
        self._progress.reach(done, done + left)
        await self._brake.watch_disk(done, left, asyncio.get_running_loop().time())
        return done

    async def _memory_sent(self) -> int:
        said = await self._monitor.execute("query-migrate", None, _HALTED_SILENCE_S)
        done, left = (int(said.get("ram", {}).get(key, 0)) for key in ("transferred", "remaining"))
        self._progress.reach(done, done + left)
        now = asyncio.get_running_loop().time()
        await self._brake.watch_memory(said.get("cpu-throttle-percentage", 0), now)
        await self._brake.watch_disk(*await self._disk_left(), now)
        return done

    async def _state_sent(self) -> int:
        said = await self._monitor.execute("query-migrate", None, _HALTED_SILENCE_S)
        return int(said.get("ram", {}).get("transferred", 0))

    async def _disk_left(self) -> tuple[int, int]:
        """What the mirror has sent, and what it knows that it must send."""
        said = await self._monitor.execute("query-block-jobs", None, _HALTED_SILENCE_S)
        jobs = [job for job in said if job["device"] == _MIRROR]
        done = sum(int(job["offset"]) for job in jobs)
        return done, sum(int(job["len"]) for job in jobs) - done


async def take_back(guest: Guest) -> None:
    """Have a guest go on here, as fast as before, however far its move had come. Nothing waits for the tunnels: they
    are cut."""
    monitor, since = guest.monitor, guest.monitor.cursor
    if any(job["device"] == _MIRROR for job in await monitor.execute("query-block-jobs")):
        with contextlib.suppress(CommandRefused):
            await monitor.execute("block-job-cancel", {"device": _MIRROR, "force": True})
            await monitor.wait_event(_ends(_MIRROR), since, _SILENCE_S)
    with contextlib.suppress(CommandRefused):
        await monitor.execute("blockdev-del", {"node-name": _TARGET})
    with contextlib.suppress(CommandRefused):
        await monitor.execute("migrate_cancel")
    for _ in range(int(_SILENCE_S / 0.05)):
        status = (await monitor.execute("query-migrate")).get("status", "none")
        if status in ("none", "cancelled", "failed", "completed"):
            break
        await asyncio.sleep(0.05)
    await limit_writes(guest, 0)
    if not (await monitor.execute("query-status"))["running"]:
        await monitor.execute("cont")


def _migration(status: str) -> Callable[[Event], bool]:
    return lambda event: event.name == "MIGRATION" and event.data.get("status") == status


def _ends(job: str) -> Callable[[Event], bool]:
    names = ("BLOCK_JOB_COMPLETED", "BLOCK_JOB_CANCELLED")
    return lambda event: event.name in names and event.data.get("device") == job


def _is_ready(event: Event) -> bool:
    return event.name == "BLOCK_JOB_READY" and event.data.get("device") == _MIRROR
