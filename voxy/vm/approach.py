"""Approach: the time in which QEMU may halt a guest at any moment, and those who look at it hold what they type."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from voxy.errors import MachineError
from voxy.vm.news import Audience, Kind
from voxy.vm.qmp import Monitor

_LOOK_S = 0.1
_LEAD_S = 0.3
"""How long before the end of the memory, by the pace of the last look, input is held."""

_HELD_MOST_S = 1.0


@asynccontextmanager
async def approach(monitor: Monitor, audience: Audience) -> AsyncIterator[None]:
    """Have all input held from here on but for the time in which much memory is left to send.

    What a guest is given while it is halted is lost, and QEMU says that it has halted it only after it has.
    """
    await audience.tell("hold")
    task = asyncio.create_task(_watch(monitor, audience))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if audience.told != "hold":
        await audience.tell("hold")


async def _watch(monitor: Monitor, audience: Audience) -> None:
    left, held_s = await _left_bytes(monitor), 0.0
    while True:
        await asyncio.sleep(_LOOK_S)
        former, left = left, await _left_bytes(monitor)
        # Where nothing less is left, a pass has just begun, and its pace is not known yet.
        soon = left >= former or left < (former - left) * _LEAD_S / _LOOK_S
        held_s = held_s + _LOOK_S if audience.told == "hold" else 0.0
        wanted: Kind = "hold" if soon and held_s < _HELD_MOST_S else "release"
        if audience.told != wanted:
            await audience.tell(wanted)


async def _left_bytes(monitor: Monitor) -> int:
    with contextlib.suppress(MachineError):
        return int((await monitor.execute("query-migrate")).get("ram", {}).get("remaining", 0))
    return 0
