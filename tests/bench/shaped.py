"""Shaped: a line of a certain rate to a port of this machine, in a process of its own, which counts what it carries."""

import asyncio
import contextlib
import multiprocessing
from collections.abc import Iterator
from multiprocessing.sharedctypes import Synchronized

from tests.line import Line

_LOOK_S = 0.02


class Shaped:
    """What one may read and change of a line while it runs."""

    def __init__(self) -> None:
        self.mbit_s: Synchronized[float] = multiprocessing.Value("d", float("inf"))
        self.carried: Synchronized[int] = multiprocessing.Value("q", 0)
        self.port: Synchronized[int] = multiprocessing.Value("i", 0)

    @contextlib.contextmanager
    def at(self, mbit_s: float) -> Iterator[None]:
        """Have that rate for a while, and none but the machine's after."""
        self.mbit_s.value = mbit_s
        try:
            yield
        finally:
            self.mbit_s.value = float("inf")


@contextlib.contextmanager
def shaped_line(target: int) -> Iterator[Shaped]:
    """A line to the port `target`."""
    shaped = Shaped()
    process = multiprocessing.get_context("fork").Process(target=_run, args=(target, shaped), daemon=True)
    process.start()
    try:
        while not shaped.port.value and process.is_alive():
            process.join(_LOOK_S)
        yield shaped
    finally:
        process.terminate()
        process.join()


def _run(target: int, shaped: Shaped) -> None:
    asyncio.run(_serve(target, shaped))


async def _serve(target: int, shaped: Shaped) -> None:
    line = Line(target)
    async with line.open() as port:
        shaped.port.value = port
        while True:
            for direction in (line.up, line.down):
                direction.slow_down_to(shaped.mbit_s.value)
            shaped.carried.value = line.up.bytes + line.down.bytes
            await asyncio.sleep(_LOOK_S)
