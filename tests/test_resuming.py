"""Viewers whose connection breaks at any moment, and who come back with what they have."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pictures import photograph, text
from tests.scripted import ModelViewer, ScriptedSource, Stage, read_update, serving
from voxy.blocks import Size
from voxy.desktop import Desktop
from voxy.session.viewer import Viewer
from voxy.session.wire import PROTOCOL
from voxy.updates import MadeUpdate

SIZE = Size(1021, 743)

Answer = TypeVar("Answer")


class ReturningViewer(ModelViewer):
    """What is sent to it is on its way for as long as a test likes, and may be lost with the connection."""

    connections = 0

    def __init__(self, desktop: Desktop, keeps: int = 0) -> None:
        super().__init__(desktop, keeps)
        self.keeps = keeps
        self.painted_seq = 0
        self.on_its_way: list[MadeUpdate] = []
        self._enter()

    def _enter(self) -> bool:
        ReturningViewer.connections += 1
        self.viewer.token = f"token {self.connections}"
        return self.desktop.welcome(self.viewer)

    async def fetch(self) -> bool:
        """Have the desktop send what it would."""
        update = await self.desktop.next_update(self.viewer)
        if update is None:
            return False
        self.viewer.sent(update.seq, len(update.data), update.rough, update.used, time.monotonic())
        self.on_its_way.append(update)
        return True

    def arrive(self, is_acknowledged: bool = True) -> None:
        """Paint what was sent first and hasn't arrived."""
        update = self.on_its_way.pop(0)
        self.paint(update.data)
        if is_acknowledged:
            self.say(type="ack", seq=update.seq)

    def paint(self, data: bytes) -> None:
        super().paint(data)
        _, self.painted_seq, _ = read_update(data)

    def come_back(self, images: bool = True, is_noticed: bool = True) -> bool:
        """Lose the connection with all that is on its way by it, and connect again; whether that was resumed."""
        former, self.on_its_way = self.viewer, []
        if is_noticed:
            self.desktop.leave(former)
        self.viewer = Viewer(time.monotonic())
        if not images:
            self.screen.kept.clear()
        resume = {"token": former.token, "seq": self.painted_seq, "images": images}
        self.say(type="hello", protocol=PROTOCOL, keeps=self.keeps, resume=resume)
        self.desktop.join(self.viewer, self.woken.set)
        resumed = self._enter()
        if not is_noticed:
            self.desktop.leave(former)
        return resumed

    async def settle(self, source: ScriptedSource) -> None:
        """Follow until the picture is right and nothing is on its way."""
        while self.on_its_way:
            self.arrive()
        await self.follow(lambda: self.shows(source.pixels))
        assert not self.viewer._mirror._inflight

    @property
    def mirrored(self) -> dict[int, int]:
        """The images that the server thinks it has, with the bytes of each."""
        return self.viewer._mirror.shelf._images

    @property
    def kept(self) -> dict[int, int]:
        return {number: 4 * picture.size for number, (_, picture) in self.screen.kept.items()}


async def until(ask: Callable[[], Awaitable[Answer | None]]) -> Answer:
    """The first answer that is one."""
    async with asyncio.timeout(5):
        while not (answer := await ask()):
            await asyncio.sleep(0.01)
    return answer


async def test_viewer_that_comes_back_gets_the_difference_only() -> None:
    pixels = photograph(SIZE)
    source = ScriptedSource(pixels)
    async with serving(source) as desktop:
        viewer = ReturningViewer(desktop, keeps=64 << 20)
        await viewer.settle(source)
        whole = viewer.sent_bytes
        pixels = pixels.copy()
        pixels[300:330, 200:260] = 0x336699
        viewer.sent_bytes = 0
        assert viewer.come_back()
        source.show(pixels)
        await viewer.settle(source)
        assert 0 < viewer.sent_bytes < whole / 50
        assert viewer.come_back()
        viewer.sent_bytes = 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await viewer.follow(lambda: viewer.sent_bytes > 0)


async def test_what_was_on_its_way_is_sent_again() -> None:
    source = ScriptedSource(text(SIZE))
    async with serving(source) as desktop:
        viewer = ReturningViewer(desktop, keeps=64 << 20)
        await viewer.settle(source)
        source.show(photograph(SIZE))
        await until(viewer.fetch)
        assert viewer.come_back()
        await viewer.settle(source)


async def test_desktop_of_another_size_is_sent_whole() -> None:
    source = ScriptedSource(text(SIZE))
    async with serving(source) as desktop:
        viewer = ReturningViewer(desktop, keeps=64 << 20)
        await viewer.settle(source)
        source.show(text(Size(640, 480)))
        assert viewer.come_back()
        await viewer.settle(source)
        assert viewer.kept == viewer.mirrored


async def test_a_token_serves_once_and_only_who_was_there() -> None:
    source = ScriptedSource(text(SIZE))
    async with serving(source) as desktop:
        viewer = ReturningViewer(desktop)
        await viewer.settle(source)
        first = viewer.viewer
        assert viewer.come_back()
        viewer.viewer, second = first, viewer.viewer
        assert not viewer.come_back(), "its token is used up"
        viewer.viewer = second
        viewer.viewer.token = "never issued"
        assert not viewer.come_back()
        await viewer.settle(source)


async def test_what_is_older_than_what_was_acknowledged_is_not_believed() -> None:
    source = ScriptedSource(text(SIZE))
    async with serving(source) as desktop:
        viewer = ReturningViewer(desktop)
        await viewer.settle(source)
        viewer.painted_seq -= 1
        assert not viewer.come_back()
        await viewer.settle(source)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.randoms(use_true_random=False))
def test_whatever_is_lost_the_picture_is_right_and_the_images_are_the_same(chance: random.Random) -> None:
    asyncio.run(lose_some(chance))


async def lose_some(chance: random.Random) -> None:
    """Have windows move, scroll, cover and uncover others, and updates and what acknowledges them be late or lost.

    What is drawn from `chance` doesn't depend on what is on its way, which the machine's speed decides.
    """
    stages = [Stage(size, chance) for size in (SIZE, Size(640, 512))]
    stage = stages[0]
    source = ScriptedSource(stage.draw())
    async with serving(source) as desktop:
        viewer = ReturningViewer(desktop, keeps=chance.choice([0, 4 << 20, 64 << 20]))
        for _ in range(5):
            for _ in range(chance.randrange(1, 8)):
                if chance.random() < 0.1:
                    stage = chance.choice(stages)
                stage.act()
                arriving = chance.choices((True, True, False), k=chance.choice((0, 0, 1, 2, 3)))
                source.show(stage.draw())
                viewer.woken.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await viewer.woken.wait()
                await viewer.fetch()
                for is_acknowledged in arriving[: len(viewer.on_its_way)]:
                    viewer.arrive(is_acknowledged)
                if chance.random() < 0.3:
                    assert viewer.come_back(images=chance.random() < 0.7, is_noticed=chance.random() < 0.5)
            # What a late acknowledgement says counts for all before it.
            viewer.say(type="ack", seq=viewer.painted_seq)
            await viewer.settle(source)
            assert viewer.kept == viewer.mirrored


async def test_an_update_that_was_never_sent_is_no_loss() -> None:
    source = ScriptedSource(text(SIZE))
    async with serving(source) as desktop:
        viewer = ReturningViewer(desktop)
        await viewer.settle(source)
        source.show(photograph(SIZE))
        planned = await until(lambda: desktop.next_update(viewer.viewer))
        assert viewer.painted_seq < planned.seq
        assert viewer.come_back()
        await viewer.settle(source)
