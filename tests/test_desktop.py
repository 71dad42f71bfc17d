"""Desktop with sources that fail, and viewers as models: no sockets, no browser."""

import asyncio
import json
import random
import time

import numpy as np
import pytest

from tests.pictures import photograph, text
from tests.scripted import ModelViewer, ScriptedSource, Stage, serving
from voxy.blocks import Copy, Deflated, Patches, Recall, Rect, Size, Video
from voxy.screen.framebuffer import Pixels
from voxy.session.viewer import Viewer
from voxy.session.wire import PROTOCOL


async def test_viewer_shows_exactly_the_screen_at_rest() -> None:
    size = Size(1021, 743)
    source = ScriptedSource(text(size))
    async with serving(source) as desktop:
        viewer = ModelViewer(desktop)
        for pixels in (text(size), photograph(size), text(size, "other words "), photograph(size, 2)):
            source.show(pixels)
            await viewer.follow(lambda pixels=pixels: viewer.shows(pixels))


async def test_a_viewer_that_wants_all_exact_never_sees_anything_else() -> None:
    size = Size(400, 300)
    source = ScriptedSource(photograph(size))
    async with serving(source) as desktop:
        viewer = ModelViewer(desktop, capabilities=("h264", "vp8"))
        viewer.say(type="quality", level="exact")
        shown: list[Pixels] = []
        for seed in range(12):
            # Twice the same place of a photograph in motion: patches, copies and what would be a film.
            shown.append(np.roll(photograph(size, seed // 2), 3 * seed, axis=0))
            source.show(shown[-1])
            updates = viewer.updates
            await viewer.follow(lambda before=updates: viewer.updates > before)
            assert viewer.shows(shown[-1])
        assert Video not in viewer.kinds


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
        made = desktop._updates._seq
        source.show(text(Size(640, 480), "all see this "))
        shown = source.pixels
        await asyncio.gather(*(v.follow(lambda v=v: v.shows(shown)) for v in viewers))
        assert desktop._updates._seq == made + 1


async def test_viewer_that_never_acknowledges_holds_nobody_up() -> None:
    source = ScriptedSource(text(Size(640, 480)))
    async with serving(source) as desktop:
        stuck = Viewer(time.monotonic())
        stuck.receive(json.dumps({"type": "hello", "protocol": PROTOCOL}), 0.0)
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


@pytest.mark.parametrize("level", ["auto", "exact"])
async def test_of_a_photograph_seen_before_only_what_is_new_in_it_is_sent(level: str) -> None:
    size = Size(640, 480)
    page, clocked = text(size), photograph(size)
    source = ScriptedSource(clocked.copy())
    async with serving(source) as desktop:
        viewer = ModelViewer(desktop, keeps=1 << 24)
        viewer.say(type="quality", level=level)
        await viewer.follow(lambda: viewer.shows(source.pixels))
        for second in range(3):
            source.show(page)
            await viewer.follow(lambda: viewer.shows(page))
            clocked[20:28, 500:580] = np.random.default_rng(second).choice([0, 0xFFFFFF], (8, 80))
            before = viewer.sent_bytes
            source.show(clocked.copy())
            await viewer.follow(lambda: viewer.shows(clocked))
            # Sixteen rows of three of its 80 blocks; as a whole it takes 560 kB.
            assert viewer.sent_bytes - before < 9000


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


@pytest.mark.parametrize(("colours", "kind"), [(40, Deflated), (2**24, Patches)])
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
                await asyncio.gather(
                    *(
                        viewer.follow_for(0.05, lambda viewer=viewer, count=count: len(viewer.kinds) > count)
                        for viewer, count in zip(awake, seen, strict=True)
                    )
                )
            await asyncio.gather(*(v.follow(lambda v=v: v.shows(source.pixels)) for v in viewers))


class Cinema:
    """A page with a film on it, of which each picture is another, and text that is typed beside and over its edge."""

    FILM = Rect(203, 117, 701, 433)

    def __init__(self) -> None:
        self.page = text(Size(1021, 743))
        self.film = self.FILM
        self.films = [photograph(Size(self.FILM.width, self.FILM.height), seed=seed) for seed in range(5)]
        self.typed = 0

    def type(self) -> None:
        self.typed += 1
        x = 190 + self.typed % 60 * 10
        self.page[90:122, x : x + 8] = self.typed * 77777 & 0xFFFFFF

    def draw(self, number: int) -> Pixels:
        pixels = self.page.copy()
        pixels[self.film.slices] = self.films[number % 5]
        return pixels

    def is_right_beside(self, shown: Pixels, pixels: Pixels) -> bool:
        is_beside = np.ones(pixels.shape, dtype=bool)
        is_beside[self.film.slices] = False
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
            if Video in able[0].kinds[seen[0] :]:
                assert cinema.is_right_beside(able[0].screen.shown, source.pixels)
            await asyncio.sleep(0.02)
        await asyncio.gather(*(v.follow(lambda v=v: v.shows(source.pixels)) for v in viewers))
    assert able[0].kinds.count(Video) >= 20
    assert able[1].kinds.count(Video) >= 10
    assert Video not in plain.kinds


async def test_a_film_goes_on_while_the_page_scrolls_that_it_is_in() -> None:
    cinema, long = Cinema(), text(Size(1021, 2000))
    bar = cinema.page[:24].copy()
    source = ScriptedSource(cinema.draw(0))
    frames: list[int] = []
    async with serving(source) as desktop:
        able = [ModelViewer(desktop, capabilities=["h264"]) for _ in range(2)]
        viewers = [*able, ModelViewer(desktop)]
        await asyncio.gather(*(v.follow(lambda v=v: v.shows(source.pixels)) for v in viewers))
        for number in range(1, 70):
            # It rests, goes down, rests, and goes back.
            top = 8 * min(max(0, number - 20), 11, 60 - min(number, 60))
            cinema.page[:] = long[100 + top : 843 + top]
            cinema.page[:24] = bar
            cinema.film = cinema.FILM.moved(0, -top)
            # Now both change at once, now what scrolls alone.
            source.show(cinema.draw(number // 2 if 0 < top < 88 else number))
            here = [v for v in viewers if v is not able[1] or number % 7 < 5]
            seen = [len(v.kinds) for v in here]
            await asyncio.gather(
                *(v.follow(lambda v=v, n=n: len(v.kinds) > n) for v, n in zip(here, seen, strict=True))
            )
            kinds = able[0].kinds[seen[0] :]
            if Video in kinds:
                assert cinema.is_right_beside(able[0].screen.shown, source.pixels)
                frames.append(top)
            await asyncio.sleep(0.02)
        await asyncio.gather(*(v.follow(lambda v=v: v.shows(source.pixels)) for v in viewers))
    assert len(set(frames)) >= 10, "it doesn't end when it moves"
    assert able[0].kinds.count(Copy) >= 15


async def test_what_scrolls_beside_a_film_is_copied_and_the_film_goes_on() -> None:
    cinema, long, below = Cinema(), text(Size(1021, 1000), "what scrolls "), slice(563, 704)
    source = ScriptedSource(cinema.draw(0))
    both = 0
    async with serving(source) as desktop:
        viewers = [ModelViewer(desktop, capabilities=["h264"]), ModelViewer(desktop)]
        await asyncio.gather(*(v.follow(lambda v=v: v.shows(source.pixels)) for v in viewers))
        for number in range(1, 60):
            if number >= 20:
                cinema.page[below] = long[5 * number : 5 * number + 141]
            # Now both change at once, now what scrolls alone.
            source.show(cinema.draw(number if number < 20 else number // 2))
            seen = [len(v.kinds) for v in viewers]
            await asyncio.gather(
                *(v.follow(lambda v=v, n=n: len(v.kinds) > n) for v, n in zip(viewers, seen, strict=True))
            )
            kinds = viewers[0].kinds[seen[0] :]
            if Video in kinds:
                assert cinema.is_right_beside(viewers[0].screen.shown, source.pixels)
                both += Copy in kinds
            await asyncio.sleep(0.02)
        await asyncio.gather(*(v.follow(lambda v=v: v.shows(source.pixels)) for v in viewers))
    assert both >= 15
