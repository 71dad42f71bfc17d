"""Windows stay on a screen that becomes smaller, and go home when it grows."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from Xlib import X
from Xlib.display import Display
from Xlib.error import XError

from voxy.blocks import Rect, Size
from voxy.session.events import Resize
from voxy.sources.x11 import X11Source
from voxy.sources.x11.private import PrivateDisplay
from voxy.sources.x11.windows import fitted, is_where_asked

SIZE = Size(1280, 800)


@pytest.mark.parametrize(
    ("frame", "asked"),
    [
        (Rect(100, 50, 300, 200), Rect(100, 50, 300, 200)),
        (Rect(490, 300, 300, 200), Rect(170, 140, 300, 200)),
        (Rect(980, 350, 300, 200), Rect(340, 163, 300, 200)),
        (Rect(1200, 50, 300, 200), Rect(340, 50, 300, 200)),
        (Rect(700, 50, 1300, 200), Rect(0, 50, 640, 200)),
        (Rect(100, 50, 900, 600), Rect(0, 0, 640, 480)),
        (Rect(-100, 50, 300, 600), Rect(-100, 0, 300, 480)),
    ],
)
def test_a_window_that_is_not_whole_has_the_same_share_of_what_is_free(frame: Rect, asked: Rect) -> None:
    assert fitted(frame, SIZE, Size(640, 480)) == asked


def test_a_window_in_steps_of_its_own_is_where_it_was_asked_to_go() -> None:
    asked = Rect(10, 20, 300, 200)
    assert is_where_asked(asked, asked)
    assert is_where_asked(Rect(10, 20, 291, 183), asked)
    for other in (Rect(11, 20, 300, 200), Rect(10, 20, 301, 200), Rect(10, 20, 200, 200)):
        assert not is_where_asked(other, asked)


def frame_of(display: Display) -> Rect | None:
    """The only window's, with its frame; None before there is one."""
    # Other windows come and go meanwhile.
    with contextlib.suppress(XError):
        for window in display.screen().root.query_tree().children:
            geometry = window.get_geometry()
            if geometry.width > 100 and geometry.x >= 0 and window.get_attributes().map_state == X.IsViewable:
                return Rect(geometry.x, geometry.y, geometry.width, geometry.height)
    return None


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await condition():
            await asyncio.sleep(0.01)


async def test_the_terminal_of_a_private_desktop_stays_on_its_screen_and_goes_home() -> None:
    async with PrivateDisplay(SIZE, "xterm -geometry 80x24") as private, contextlib.AsyncExitStack() as stack:
        display = stack.enter_context(contextlib.closing(Display(private.name)))
        source = X11Source(private.name)
        await source.open(lambda _: None)
        stack.push_async_callback(source.close)

        async def is_there() -> bool:
            return await asyncio.to_thread(frame_of, display) is not None

        await eventually(is_there)
        home = frame_of(display)
        assert home
        for size in (Size(900, 600), Size(500, 300), Size(1000, 400), SIZE):
            await source.inject(Resize(*size, scale=1.0))
            wanted = fitted(home, SIZE, size)

            async def is_fitted(wanted: Rect = wanted) -> bool:
                frame = await asyncio.to_thread(frame_of, display)
                return frame is not None and is_where_asked(frame, wanted)

            await eventually(is_fitted)
        assert frame_of(display) == home
