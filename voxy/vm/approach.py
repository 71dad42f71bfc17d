"""Approach: QEMU may halt a guest only while those who look at it hold what they type.

What a guest is given while it is halted is lost, and QEMU says that it has halted it only after it has. So as long as
they don't hold it, QEMU is told that no halt would be short enough: it halts a guest then only when nothing at all of
its memory is left to send, which `_watch` foresees but for a guest that changes none of it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from voxy.errors import MachineError
from voxy.vm.news import Audience
from voxy.vm.qmp import Monitor

_LOOK_S = 0.1
_LEAD_S = 0.3
"""How long before the end of the memory, by the pace of the last look, input is held."""

_HELD_MOST_S = 1.0
_HEED_S = 0.2
"""QEMU reckons anew every tenth of a second whether it may halt the guest."""

LetHalt = Callable[[bool], Awaitable[None]]
"""Tells QEMU whether it may halt the guest before nothing is left to send."""


@asynccontextmanager
async def approach(monitor: Monitor, audience: Audience, let_halt: LetHalt) -> AsyncIterator[None]:
    """Have all input held from here on but for the time in which much memory is left to send and somebody looks on."""
    await audience.tell("hold")
    await let_halt(True)
    task = asyncio.create_task(_watch(monitor, audience, let_halt))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if audience.told != "hold":
        await audience.tell("hold")


async def _watch(monitor: Monitor, audience: Audience, let_halt: LetHalt) -> None:
    left, held_s = await _left_bytes(monitor), 0.0
    while True:
        await asyncio.sleep(_LOOK_S)
        former, left = left, await _left_bytes(monitor)
        # Where nothing less is left, a pass has just begun, and its pace is not known yet.
        soon = left >= former or left < (former - left) * _LEAD_S / _LOOK_S
        held_s = held_s + _LOOK_S if audience.told == "hold" else 0.0
        is_held = not audience.is_there or (soon and held_s < _HELD_MOST_S)
        # A QEMU that is busy for once is told with the next look, or the move would never end.
        with contextlib.suppress(MachineError):
            if is_held and audience.told != "hold":
                await audience.tell("hold")
                await let_halt(True)
            elif not is_held and audience.told == "hold":
                await let_halt(False)
                await asyncio.sleep(_HEED_S)
                if (await monitor.execute("query-status"))["running"]:
                    await audience.tell("release")


async def _left_bytes(monitor: Monitor) -> int:
    with contextlib.suppress(MachineError):
        return int((await monitor.execute("query-migrate")).get("ram", {}).get("remaining", 0))
    return 0
