"""A desktop without X or browser: a source that shows what it is told to, a viewer that paints in numpy, a stage."""

import asyncio
import contextlib
import io
import json
import math
import random
import struct
import time
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np

from tests.pictures import PaintedScreen, photograph, text
from voxy.blocks import (
    Atlas,
    Copy,
    Deflated,
    Encoding,
    Fill,
    Operation,
    Patches,
    Recall,
    Rect,
    Size,
    Video,
    VideoCodec,
)
from voxy.desktop import Desktop
from voxy.errors import SourceLost, SourceUnavailable
from voxy.screen.framebuffer import Framebuffer, Pixels
from voxy.session.events import InputEvent
from voxy.session.viewer import REST_S, Viewer
from voxy.session.wire import PROTOCOL
from voxy.sources.base import Damage, Notify


class ScriptedSource:
    """A source whose screen, faults and absence the test decides."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self.changed = asyncio.Event()
        self.damage: list[Rect] = []
        self.lost = False
        self.available = True
        self.grabs = 0

    def show(self, pixels: Pixels, rect: Rect | None = None) -> None:
        self.pixels = pixels
        self.damage.append(rect or Rect(0, 0, pixels.shape[1], pixels.shape[0]))
        self.changed.set()

    def lose(self, available: bool = False) -> None:
        self.lost, self.available = True, available
        self.changed.set()

    async def open(self, notify: Notify) -> Size:
        if not self.available:
            raise SourceUnavailable("there is nothing here")
        self.lost = False
        self.show(self.pixels)
        return Size(self.pixels.shape[1], self.pixels.shape[0])

    async def grab(self, framebuffer: Framebuffer) -> Damage:
        await self.changed.wait()
        if self.lost:
            raise SourceLost("it went away")
        self.grabs += 1
        self.changed.clear()
        damage, self.damage = tuple(self.damage), []
        height, width = self.pixels.shape
        framebuffer.fit_back(Size(width, height))[:height, :width] = self.pixels
        return damage

    async def inject(self, event: InputEvent) -> None:
        if self.lost:
            raise SourceLost("it went away")

    async def close(self) -> None:
        self.changed.clear()


class ModelViewer:
    """Takes updates from a desktop and paints them in numpy."""

    def __init__(self, desktop: Desktop, keeps: int = 0, capabilities: Sequence[str] = ()) -> None:
        self.desktop = desktop
        self.viewer = Viewer(time.monotonic())
        self.woken = asyncio.Event()
        self.screen = PaintedScreen(Size(1, 1), keeps)
        self.copies = 0
        self.updates = 0
        self.sent_bytes = 0
        self.kinds: list[type] = []
        self.say(type="hello", protocol=PROTOCOL, keeps=keeps, capabilities=capabilities)
        desktop.join(self.viewer, self.woken.set)

    def say(self, **message: object) -> None:
        self.viewer.receive(json.dumps(message), time.monotonic())
        self.desktop.want()

    async def follow(self, until: Callable[[], bool]) -> None:
        """Paint and acknowledge updates until the condition holds."""
        async with asyncio.timeout(20):
            await self._follow(until, math.inf)

    async def follow_for(self, seconds: float, until: Callable[[], bool]) -> None:
        """The same, for so long; who is cancelled instead has lost the update that was being made for him."""
        await self._follow(until, time.monotonic() + seconds)

    async def _follow(self, until: Callable[[], bool], end: float) -> None:
        while not until() and (left := end - time.monotonic()) > 0:
            self.woken.clear()
            if update := await self.desktop.next_update(self.viewer):
                self.viewer.sent(update.seq, len(update.data), update.rough, update.used, time.monotonic())
                self.paint(update.data)
                self.say(type="ack", seq=update.seq)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(REST_S, left)):
                    await self.woken.wait()

    def paint(self, data: bytes) -> None:
        size, _, operations = read_update(data)
        if size != self.screen.grid.size:
            self.screen.resize(size)
        self.updates += 1
        self.sent_bytes += len(data)
        self.kinds += [type(operation) for operation in operations]
        self.copies += sum(isinstance(operation, Copy) for operation in operations)
        self.screen.paint(operations)

    def shows(self, pixels: Pixels) -> bool:
        return self.screen.shown.shape == pixels.shape and bool((self.screen.shown == pixels).all())


def read_update(data: bytes) -> tuple[Size, int, tuple[Operation, ...]]:
    """Parse an update as viewers do: an independent reading of the specification."""
    stream = io.BytesIO(data)

    def take(form: str) -> tuple[int, ...]:
        return struct.unpack(form, stream.read(struct.calcsize(form)))

    _, _, width, height, seq = take("<BBHHI")
    operations: list[Operation] = []
    while kind := stream.read(1):
        if kind == b"\1":
            left, top, columns, rows, x, y = take("<6H")
            operations.append(Copy(Rect(left, top, columns, rows), x, y))
        elif kind == b"\5":
            encoding, count, length = take("<BHI")
            rects = tuple(Rect(*take("<4H")) for _ in range(count))
            operations.append(Patches(Encoding(encoding), rects, stream.read(length)))
        elif kind == b"\6":
            form, count, length = take("<BHI")
            rects = tuple(Rect(*take("<4H")) for _ in range(count))
            operations.append(Deflated(rects, stream.read(length), form == 1))
        elif kind == b"\2":
            red, green, blue, count = take("<BBBH")
            operations.append(Fill(red << 16 | green << 8 | blue, np.array(take(f"<{count}H"))))
        elif kind == b"\7":
            codec, stream_number, flags, left, top, columns, rows, length = take("<BBB4HI")
            rect = Rect(left, top, columns, rows)
            operations.append(Video(VideoCodec(codec), stream_number, flags == 1, rect, stream.read(length)))
        elif kind == b"\3":
            number, count = take("<IH")
            operations.append(Recall(number, *(np.array(take(f"<{count}H")) for _ in range(2))))
        else:
            encoding, columns, count, number, length = take("<BHHII")
            blocks = np.array(take(f"<{count}H"))
            operations.append(Atlas(Encoding(encoding), columns, blocks, stream.read(length), number))
    return Size(width, height), seq, tuple(operations)


@contextlib.asynccontextmanager
async def serving(source: ScriptedSource) -> AsyncIterator[Desktop]:
    desktop = Desktop("test", source, max_fps=240)
    await desktop.open()
    task = asyncio.create_task(desktop.run())
    try:
        yield desktop
    finally:
        task.cancel()
        await asyncio.wait([task])


class Stage:
    """Windows over a wallpaper, which chance moves, scrolls, opens and closes."""

    def __init__(self, size: Size, chance: random.Random) -> None:
        self.size = size
        self.chance = chance
        self.wall = photograph(size, seed=7)
        self.long = text(Size(size.width, 3 * size.height))
        self.windows: list[list[int]] = []

    def act(self) -> None:
        number = self.chance.randrange(len(self.windows) + 1) if self.windows else 0
        if number == len(self.windows):
            self.windows.append([*(self.chance.randrange(side) for side in self.size), 300, 200, 0])
            return
        window = self.windows.pop(number)
        act = self.chance.randrange(5)
        if act == 0:
            return
        if act == 1:
            window[0] += self.chance.randrange(-40, 41)
            window[1] += self.chance.randrange(-40, 41)
        elif act == 2:
            window[4] = (window[4] + self.chance.randrange(-30, 90)) % self.size.height
        self.windows.append(window)

    def draw(self) -> Pixels:
        pixels = self.wall.copy()
        for x, y, width, height, top in self.windows:
            into = pixels[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)]
            into[:] = self.long[top : top + into.shape[0], : into.shape[1]]
        return pixels
