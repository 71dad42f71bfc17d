"""Flight: the last leg of a machine that runs. Its newest layer and its memory go while it works; then it is halted.

QEMU on the other side is started halted, and only a commit has it go on: at no moment do both run.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from voxy.errors import MachineError
from voxy.vm.engine import Guest
from voxy.vm.qmp import CommandRefused, Event, Monitor

EXPORT = "disk"
_CAPABILITIES = ("events", "pause-before-switchover", "return-path")
_MIRROR, _TARGET = "mirror", "move-target"
_DOWNTIME_MS = 300
_LOOK_S = 5.0
_SILENCE_S = 30.0
"""Seconds in which a line or a host that lives carries something."""


def capabilities(*extra: str) -> dict[str, Any]:
    """What both QEMUs are told about the move of memory."""
    return {"capabilities": [{"capability": name, "state": True} for name in (*_CAPABILITIES, *extra)]}


class Flight:
    """Brings the newest layer `top` and the memory of `guest` to where the two sockets lead."""

    def __init__(self, guest: Guest, top: str) -> None:
        self._guest = guest
        self._monitor: Monitor = guest.monitor
        self._top = top

    async def fly(self, disk: Path, memory: Path) -> None:
        """Leave the guest halted here, and all of it there. MachineError, or GuestLost, and it is to be taken back."""
        monitor = self._monitor
        await monitor.execute("migrate-set-capabilities", capabilities())
        await monitor.execute("migrate-set-parameters", {"downtime-limit": _DOWNTIME_MS, "max-bandwidth": 0})
        await self._mirror(disk)
        since = monitor.cursor
        await monitor.execute("migrate", {"uri": f"unix:{memory}"})
        await self._until(_migration("pre-switchover"), since, self._memory_sent)
        # The guest is halted now; what it wrote last is on its way.
        since = monitor.cursor
        await monitor.execute("block-job-cancel", {"device": _MIRROR})
        ended = await self._until(_ends(_MIRROR), since, self._disk_sent)
        if "error" in ended.data:
            raise MachineError(f"The disk of {self._guest.name} didn't arrive: {ended.data['error']}.")
        await monitor.execute("blockdev-del", {"node-name": _TARGET})
        await monitor.execute("migrate-continue", {"state": "pre-switchover"})
        await self._until(_migration("completed"), since, self._memory_sent)

    async def _mirror(self, disk: Path) -> None:
        monitor, since = self._monitor, self._monitor.cursor
        server = {"type": "unix", "path": str(disk)}
        said = {"driver": "nbd", "node-name": _TARGET, "server": server, "export": EXPORT}
        await monitor.execute("blockdev-add", said)
        said = {"job-id": _MIRROR, "device": self._top, "target": _TARGET, "sync": "top", "copy-mode": "background"}
        await monitor.execute("blockdev-mirror", {**said, "granularity": 4096})
        found = await self._until(lambda e: _is_ready(e) or _ends(_MIRROR)(e), since, self._disk_sent)
        if not _is_ready(found):
            raise MachineError(f"The disk of {self._guest.name} didn't arrive: {found.data.get('error', 'cut off')}.")

    async def _until(
        self, accepts: Callable[[Event], bool], since: int, progress: Callable[[], Awaitable[int]]
    ) -> Event:
        """The event, or MachineError where the other side carries nothing any more."""
        carried, silent_s = -1, 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                found = await self._monitor.wait_event(lambda e: accepts(e) or _migration("failed")(e), since, _LOOK_S)
                if not accepts(found):
                    raise MachineError(f"The memory of {self._guest.name} didn't arrive.")
                return found
            now = await progress()
            silent_s = 0.0 if now != carried else silent_s + _LOOK_S
            carried = now
            if silent_s >= _SILENCE_S:
                raise MachineError(f"The other host has taken nothing of {self._guest.name} for {silent_s:.0f} s.")

    async def _memory_sent(self) -> int:
        return int((await self._monitor.execute("query-migrate")).get("ram", {}).get("transferred", 0))

    async def _disk_sent(self) -> int:
        return sum(int(job["offset"]) for job in await self._monitor.execute("query-block-jobs"))


async def take_back(guest: Guest) -> None:
    """Have a guest go on here, however far its move had come. The tunnels are cut, so that nothing waits for them."""
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
    if not (await monitor.execute("query-status"))["running"]:
        await monitor.execute("cont")


def _migration(status: str) -> Callable[[Event], bool]:
    return lambda event: event.name == "MIGRATION" and event.data.get("status") == status


def _ends(job: str) -> Callable[[Event], bool]:
    names = ("BLOCK_JOB_COMPLETED", "BLOCK_JOB_CANCELLED")
    return lambda event: event.name in names and event.data.get("device") == job


def _is_ready(event: Event) -> bool:
    return event.name == "BLOCK_JOB_READY" and event.data.get("device") == _MIRROR
