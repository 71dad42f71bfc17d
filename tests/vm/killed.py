"""Moves a machine, and is killed when it has said so often in its journal what it does.

python -m tests.vm.killed FOLDER PEER TIMES
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from voxy.vm.identity import Identity
from voxy.vm.layers import Layers
from voxy.vm.move import Departure
from voxy.vm.peer import PeerClient
from voxy.vm.progress import Progress
from voxy.vm.store import Store


def kill_after(times: int) -> None:
    """kill -9 of this process, right after it has saved a state so often."""
    real, left = Layers.save, times

    def save(self: Layers, **changes: Any) -> None:
        nonlocal left
        real(self, **changes)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    Layers.save = save  # type: ignore[method-assign]


async def move(folder: Path, peer: str) -> None:
    identity = Identity(folder)
    machine = Store(folder).open("desk")
    with machine.lock():
        async with PeerClient(identity, identity.peer(peer), machine.spec.uuid) as client:
            await Departure(machine, client, Progress()).move()


if __name__ == "__main__":
    kill_after(int(sys.argv[3]))
    asyncio.run(move(Path(sys.argv[1]), sys.argv[2]))
