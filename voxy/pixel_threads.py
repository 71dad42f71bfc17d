"""Pixel threads: work on many pixels beside the loop; the only user of an executor of their own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

R = TypeVar("R")

FEW_BLOCKS = 24
"""Blocks that are compared, copied or encoded in half a millisecond; a hop to a thread and back takes as long."""

SOME_BLOCKS = 600
"""Blocks of motion that are compared in 4 ms, and of a film that are copied in 2. There the hop takes up to 3 ms, on a
machine that is as busy as that, and only now and then: pictures come unevenly by it."""


class PixelThreads:
    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(2, thread_name_prefix="voxy-pixels")

    async def compute(self, blocks: int, function: Callable[..., R], *arguments: object, few: int = FEW_BLOCKS) -> R:
        """Work on this many blocks, off the loop unless they are `few`."""
        if blocks <= few:
            return function(*arguments)
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
