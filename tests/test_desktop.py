"""Desktop with sources that fail, and viewers as models: no sockets, no browser."""

import asyncio
import contextlib
import io
import json
import random
import struct
import time
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
import pytest

from tests.pictures import PaintedScreen, photograph, text
from voxy.blocks import Atlas, Copy, Encoding, Fill, Indexed, Operation, Patches, Recall, Rect, Size, Video, VideoCodec
from voxy.desktop import Desktop
from voxy.errors import SourceLost, SourceUnavailable
from voxy.screen.framebuffer import Framebuffer, Pixels
from voxy.session.events import InputEvent
from voxy.session.viewer import REST_S, Viewer
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
        self.sent_bytes = 0
        self.kinds: list[type] = []
        self.say(type="hello", protocol=2, keeps=keeps, capabilities=capabilities)
        desktop.join(self.viewer, self.woken.set)

    def say(self, **message: object) -> None:
        self.viewer.receive(json.dumps(message), time.monotonic())
        self.desktop.want()

    async def follow(self, until: Callable[[], bool]) -> None:
        """Paint and acknowledge updates until the condition holds."""
        async with asyncio.timeout(10):
            while not until():
                self.woken.clear()
                if update := await self.desktop.next_update(self.viewer):
                    self.viewer.sent(update.seq, len(update.data), update.rough, update.used, time.monotonic())
                    self.paint(update.data)
                    self.say(type="ack", seq=update.seq)
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REST_S):
                        await self.woken.wait()

    def paint(self, data: bytes) -> None:
        size, _, operations = read_update(data)
        if size != self.screen.grid.size:
            self.screen.resize(size)
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
            last, count = take("<BH")
            rects = tuple(Rect(*take("<4H")) for _ in range(count))
            colours = tuple(int.from_bytes(stream.read(3), "big") for _ in range(last + 1))
            operations.append(Indexed(rects, colours, stream.read(sum(rect.area for rect in rects))))
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


async def test_viewer_shows_exactly_the_screen_at_rest() -> None:
    size = Size(1021, 743)
    source = ScriptedSource(text(size))
    async with serving(source) as desktop:
        viewer = ModelViewer(desktop)
        for pixels in (text(size), photograph(size), text(size, "other words "), photograph(size, 2)):
            source.show(pixels)
            await viewer.follow(lambda pixels=pixels: viewer.shows(pixels))


async def test_size_changes_are_followed() -> None:
    source = ScriptedSource(text(Size(300, 200)))
    async with serving(source) as desktop:
        viewer = ModelViewer(desktop)
        for size in (Size(640, 480), Size(1, 1), Size(65, 129), Size(1366, 768)):
            pixels = text(size)
            source.show(pixels)
            await viewer.follow(lambda pixels=pixels: viewer.shows(pixels))


async def test_nobody_looks_and_nothing_is_grabbed() -> None:
    source = ScriptedSource(text(Size(300, 200)))
    async with serving(source) as desktop:
        for _ in range(5):
            source.show(source.pixels)
            await asyncio.sleep(0)
        assert source.grabs == 0
        viewer = ModelViewer(desktop)
        await viewer.follow(lambda: viewer.shows(source.pixels))
        assert source.grabs >= 1


async def test_lost_source_is_told_and_comes_back() -> None:
    source = ScriptedSource(text(Size(300, 200)))
    async with serving(source) as desktop:
        viewer = ModelViewer(desktop)
        await viewer.follow(lambda: viewer.shows(source.pixels))
        source.lose()
        await viewer.follow(lambda: desktop.state.state == "lost")
        await viewer.follow(lambda: desktop.state.reason == "there is nothing here")
        source.pixels = text(Size(400, 300))
        source.available = True
        await viewer.follow(lambda: viewer.shows(source.pixels))
        assert desktop.state.state == "live"


async def test_input_without_a_source_goes_nowhere() -> None:
    source = ScriptedSource(text(Size(300, 200)))
    async with serving(source) as desktop:
        source.lose()
        viewer = ModelViewer(desktop)
        await viewer.follow(lambda: desktop.state.state == "lost")
        for event in viewer.viewer.receive(b"\x10\0\0\0\0\1", time.monotonic()):
            await desktop.inject(event)  # type: ignore[arg-type]


async def test_viewers_that_need_the_same_share_one_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ScriptedSource(text(Size(640, 480)))
    async with serving(source) as desktop:
        viewers = [ModelViewer(desktop) for _ in range(10)]
        shown = source.pixels
        await asyncio.gather(*(v.follow(lambda v=v: v.shows(shown)) for v in viewers))
        made = desktop._seq
        source.show(text(Size(640, 480), "all see this "))
        shown = source.pixels
        await asyncio.gather(*(v.follow(lambda v=v: v.shows(shown)) for v in viewers))
        assert desktop._seq == made + 1


async def test_viewer_that_never_acknowledges_holds_nobody_up() -> None:
    source = ScriptedSource(text(Size(640, 480)))
    async with serving(source) as desktop:
        stuck = Viewer(time.monotonic())
        stuck.receive('{"type":"hello","protocol":2}', 0.0)
        desktop.join(stuck, lambda: None)
        viewer = ModelViewer(desktop)
        for number in range(5):
            source.show(text(Size(640, 480), f"picture {number} "))
            shown = source.pixels
            await viewer.follow(lambda shown=shown: viewer.shows(shown))


async def test_scrolling_is_a_copy_and_stays_exact() -> None:
    size = Size(1021, 743)
    long = text(Size(size.width, 4 * size.height))
    source = ScriptedSource(long[: size.height].copy())
    async with serving(source) as desktop:
        viewer = ModelViewer(desktop)
        await viewer.follow(lambda: viewer.shows(source.pixels))
        for top in (6, 12, 300, 77, 78, 900, 650):
            shown = long[top : top + size.height].copy()
            shown[:100] = source.pixels[:100]  # what stands still above a pane
            source.show(shown)
            await viewer.follow(lambda shown=shown: viewer.shows(shown))
    assert viewer.copies >= 5


async def test_viewer_that_missed_a_scroll_is_right_all_the_same() -> None:
    size = Size(640, 480)
    long = text(Size(size.width, 4 * size.height))
    source = ScriptedSource(long[: size.height].copy())
    async with serving(source) as desktop:
        awake, asleep = ModelViewer(desktop), ModelViewer(desktop)
        await asyncio.gather(*(v.follow(lambda v=v: v.shows(source.pixels)) for v in (awake, asleep)))
        for top in (10, 20, 30):
            source.show(long[top : top + size.height].copy())
            await awake.follow(lambda: awake.shows(source.pixels))
        await asleep.follow(lambda: asleep.shows(source.pixels))
        source.show(long[40 : 40 + size.height].copy())
        await asyncio.gather(*(v.follow(lambda v=v: v.shows(source.pixels)) for v in (awake, asleep)))
    assert awake.copies >= 3


@pytest.mark.parametrize(("colours", "kind"), [(40, Indexed), (2**24, Patches)])
async def test_little_changes_go_alone_and_stay_exact(colours: int, kind: type) -> None:
    size = Size(1021, 743)
    chance = np.random.default_rng(3)
    pixels = text(size)
    source = ScriptedSource(pixels)
    async with serving(source) as desktop:
        viewer = ModelViewer(desktop)
        await viewer.follow(lambda: viewer.shows(source.pixels))
        viewer.kinds.clear()
        for _ in range(30):
            pixels = pixels.copy()
            for _ in range(int(chance.integers(1, 4))):
                x, y = int(chance.integers(0, 1000)), int(chance.integers(0, 720))
                pixels[y : y + 20, x : x + 18] = chance.integers(0, colours, (20, 18))[: 743 - y, : 1021 - x]
            source.show(pixels)
            await viewer.follow(lambda pixels=pixels: viewer.shows(pixels))
        assert viewer.kinds.count(kind) >= 20


async def test_what_was_seen_before_is_named_and_not_sent() -> None:
    slides = [photograph(Size(640, 480)), text(Size(640, 480)), photograph(Size(640, 480), seed=2)]
    source = ScriptedSource(slides[0])
    async with serving(source) as desktop:
        viewer = ModelViewer(desktop, keeps=8 << 20)
        for round_ in range(3):
            viewer.sent_bytes = 0
            for slide in slides:
                source.show(slide)
                await viewer.follow(lambda slide=slide: viewer.shows(slide))
            assert (viewer.sent_bytes > 500_000) if round_ == 0 else (viewer.sent_bytes < 15_000)


async def test_blocks_that_are_alike_are_sent_once() -> None:
    tile = photograph(Size(64, 64))
    source = ScriptedSource(np.zeros((512, 512), dtype=np.uint32))
    async with serving(source) as desktop:
        viewer = ModelViewer(desktop)
        await viewer.follow(lambda: viewer.shows(source.pixels))
        viewer.sent_bytes = 0
        source.show(np.tile(tile, (8, 8)))
        await viewer.follow(lambda: viewer.shows(source.pixels))
    assert viewer.kinds.count(Recall) >= 1


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


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_moves_every_viewer_is_right_at_rest(seed: int) -> None:
    chance = random.Random(seed)
    stage = Stage(Size(1021, 743), chance)
    source = ScriptedSource(stage.draw())
    async with serving(source) as desktop:
        viewers = [ModelViewer(desktop, keeps) for keeps in (0, 2 << 20, 64 << 20)]
        for _ in range(12):
            for _ in range(chance.randrange(1, 8)):
                stage.act()
                source.show(stage.draw())
                # Some follow each step, some only now and then.
                awake = [viewer for viewer in viewers if chance.random() < 0.6]
                seen = [len(viewer.kinds) for viewer in awake]
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await asyncio.gather(
                            *(
                                viewer.follow(lambda viewer=viewer, count=count: len(viewer.kinds) > count)
                                for viewer, count in zip(awake, seen, strict=True)
                            )
                        )
            await asyncio.gather(*(v.follow(lambda v=v: v.shows(source.pixels)) for v in viewers))


class Cinema:
    """A page with a film on it, of which each picture is another, and text that is typed beside and over its edge."""

    FILM = Rect(203, 117, 701, 433)

    def __init__(self) -> None:
        self.page = text(Size(1021, 743))
        self.films = [photograph(Size(self.FILM.width, self.FILM.height), seed=seed) for seed in range(5)]
        self.typed = 0

    def type(self) -> None:
        self.typed += 1
        x = 190 + self.typed % 60 * 10
        self.page[90:122, x : x + 8] = self.typed * 77777 & 0xFFFFFF

    def draw(self, number: int) -> Pixels:
        pixels = self.page.copy()
        pixels[self.FILM.y : self.FILM.bottom, self.FILM.x : self.FILM.right] = self.films[number % 5]
        return pixels

    def is_right_beside(self, shown: Pixels, pixels: Pixels) -> bool:
        is_beside = np.ones(pixels.shape, dtype=bool)
        is_beside[self.FILM.y : self.FILM.bottom, self.FILM.x : self.FILM.right] = False
        return bool((shown[is_beside] == pixels[is_beside]).all())


async def test_a_film_is_video_for_who_can_show_it_and_exact_at_rest() -> None:
    cinema = Cinema()
    source = ScriptedSource(cinema.draw(0))
    async with serving(source) as desktop:
        able = [ModelViewer(desktop, capabilities=["h264"]) for _ in range(2)]
        plain = ModelViewer(desktop)
        viewers = [*able, plain]
        await asyncio.gather(*(v.follow(lambda v=v: v.shows(source.pixels)) for v in viewers))
        for number in range(45):
            if number % 3 == 0:
                cinema.type()
            source.show(cinema.draw(number))
            # The second stays away now and then: it misses chunks, and text beside the film.
            here = [v for v in viewers if v is not able[1] or number % 10 < 7]
            seen = [len(v.kinds) for v in here]
            await asyncio.gather(
                *(v.follow(lambda v=v, n=n: len(v.kinds) > n) for v, n in zip(here, seen, strict=True))
            )
            if Video in able[0].kinds:
                assert cinema.is_right_beside(able[0].screen.shown, source.pixels)
            await asyncio.sleep(0.02)
        await asyncio.gather(*(v.follow(lambda v=v: v.shows(source.pixels)) for v in viewers))
    assert able[0].kinds.count(Video) >= 20
    assert able[1].kinds.count(Video) >= 10
    assert Video not in plain.kinds
