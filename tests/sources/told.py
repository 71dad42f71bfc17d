"""What a source tells is all that changes: a viewer that takes that, and nothing else, shows the screen at rest."""

import asyncio
import itertools
import random

import numpy as np

from tests.sources.x11.support import Looker, looking
from tests.xservers import XServer
from voxy.blocks import Rect, Size
from voxy.screen.differ import BlockDiffer
from voxy.screen.framebuffer import Framebuffer, blank
from voxy.sources.base import Source


def scribble(looker: Looker, size: Size, count: int, seed: int = 1) -> None:
    chance = random.Random(seed)
    for _ in range(count):
        x, y = chance.randrange(size.width), chance.randrange(size.height)
        looker.fill(Rect(x, y, chance.randrange(1, 300), chance.randrange(1, 200)), chance.randrange(1 << 24))


class Follower:
    """Takes what a source tells."""

    def __init__(self, source: Source, size: Size) -> None:
        self.source = source
        self.framebuffer = Framebuffer(size)
        self.shown = blank(self.framebuffer.grid)
        self._differ = BlockDiffer()

    async def take(self, seconds: float = 60) -> None:
        """Grab, or give up after so long."""
        grab = asyncio.create_task(self.source.grab(self.framebuffer))
        if not (await asyncio.wait([grab], timeout=seconds))[0]:
            grab.cancel()
            await asyncio.wait([grab])
        if grab.cancelled():
            return
        changed = self._differ.diff(self.framebuffer, grab.result()).changed
        for rect in map(self.framebuffer.grid.rect, changed.tolist()):
            self.shown[rect.slices] = self.framebuffer.front[rect.slices]


async def check_told(source: Source, server: XServer, size: Size) -> None:
    """Draw for a while, and grab meanwhile, now and then in vain: at rest what was told is what is shown."""
    chance, is_drawing, follower = random.Random(4), True, Follower(source, size)
    with looking(server) as looker, looking(server) as artist:

        def draw() -> None:
            for seed in itertools.takewhile(lambda _: is_drawing, itertools.count()):
                scribble(artist, size, 3, seed)

        drawing = asyncio.create_task(asyncio.to_thread(draw))
        for _ in range(150):
            await follower.take(0.004 * chance.random() if chance.random() < 0.3 else 60)
        is_drawing = False
        await drawing
        screen = np.s_[: size.height, : size.width]
        async with asyncio.timeout(10):
            while not (follower.shown[screen] & 0xFFFFFF == looker.pixels()).all():
                await follower.take(1)
