"""What a desktop does with the windows that its viewers tell of, and what it tells them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.stack import HELLO, RawViewer, Stack, running, viewing
from voxy.blocks import Rect, Size
from voxy.session.events import InputEvent, Resize
from voxy.sources.base import Monitor, MonitorsChanged, Notify, SizingChanged
from voxy.sources.demo import DemoSource


class ElasticSource(DemoSource):
    """The demo that says that it takes any size, and keeps those that it is given."""

    def __init__(self) -> None:
        super().__init__(Size(320, 240), is_still=True)
        self.sizes: asyncio.Queue[Resize] = asyncio.Queue()

    async def open(self, notify: Notify) -> Size:
        size = await super().open(notify)
        self.notify = notify
        notify(SizingChanged(""))
        return size

    async def inject(self, event: InputEvent) -> None:
        if isinstance(event, Resize):
            self.sizes.put_nowait(event)

    async def next_size(self) -> tuple[int, int]:
        async with asyncio.timeout(5):
            resize = await self.sizes.get()
            return resize.width, resize.height


@contextlib.asynccontextmanager
async def showing(stack: Stack, width: int | None = None) -> AsyncIterator[RawViewer]:
    """A viewer that knows of sizes; its window is so wide, if it is to be followed."""
    async with viewing(stack, greet=False) as viewer:
        await viewer.send(**HELLO, capabilities=["size"])
        if width is not None:
            await viewer.send(type="window", width=width, height=600, scale=1)
        yield viewer


async def until_taken(viewer: RawViewer) -> None:
    """All that the viewer sent before is taken."""
    await viewer.send(type="ping", id=1)
    await viewer.next_text("pong")


async def test_the_desktop_follows_the_first_viewer_then_the_next() -> None:
    source = ElasticSource()
    async with running(source) as stack, showing(stack, 800) as first:
        assert await source.next_size() == (800, 600)
        async with showing(stack, 1000) as second, showing(stack, 1200) as third:
            await until_taken(second)
            await until_taken(third)
            assert source.sizes.empty()
            await first.send(type="view", hidden=True)
            assert await source.next_size() == (1000, 600)
            await second.send(type="window", width=1000, height=600, scale=1, follow=False)
            assert await source.next_size() == (1200, 600)
            await second.send(type="window", width=1001, height=600, scale=1, lead=True)
            assert await source.next_size() == (1001, 600)
            await second.socket.close()
            assert await source.next_size() == (1200, 600)


async def test_a_source_that_is_opened_anew_gets_the_size_again() -> None:
    source = ElasticSource()
    async with running(source) as stack, showing(stack, 800):
        assert await source.next_size() == (800, 600)
        await stack.desktop.open()
        assert await source.next_size() == (800, 600)


async def test_sizes_out_of_bounds_close_their_viewer_and_change_nothing() -> None:
    source = ElasticSource()
    async with running(source) as stack:
        for width in (0, -1, 65535, 16385):
            async with showing(stack, width) as viewer:
                assert await viewer.close_code() == 4400
        assert source.sizes.empty()


async def test_pages_are_told_what_they_can_choose_and_the_monitors() -> None:
    source = ElasticSource()
    async with running(source) as stack, showing(stack) as viewer:
        assert await viewer.next_text("size") == {"type": "size", "mode": "fit", "can_follow": True, "reason": ""}
        source.notify(MonitorsChanged((Monitor("left", Rect(0, 0, 200, 240), True),)))
        left = {"name": "left", "x": 0, "y": 0, "width": 200, "height": 240, "primary": True}
        assert (await viewer.next_text("monitors"))["monitors"] == [left]
        source.notify(SizingChanged("It has two monitors."))
        sizing = await viewer.next_text("size")
        assert (sizing["can_follow"], sizing["reason"]) == (False, "It has two monitors.")
