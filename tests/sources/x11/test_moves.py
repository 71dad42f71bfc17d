"""What X11Source says of windows that move, and what the differ makes of that."""

from contextlib import closing

import numpy as np
from Xlib import X
from Xlib.xobject.drawable import Window

from tests.programs import connect
from tests.sources.x11.support import Looker, opened
from tests.xservers import XServer
from voxy.blocks import Copy, Rect
from voxy.screen.differ import BlockDiffer
from voxy.screen.framebuffer import Moved


def show_window(looker: Looker, rect: Rect, border: int = 0) -> Window:
    """A window with something in it that can be told from all else."""
    screen = looker.display.screen()
    window = looker.root.create_window(
        *rect, border, screen.root_depth, background_pixel=0xFAFAF8, border_pixel=0x204060, override_redirect=True
    )
    window.map()
    chance, context = np.random.default_rng(1), window.create_gc(foreground=0)
    for x, y, width, height in chance.integers(1, 250, (200, 4)).tolist():
        context.change(foreground=x * 66_000 + y)
        window.fill_rectangle(context, x, y, width // 16 + 1, height // 16 + 1)
    looker.display.sync()
    return window


async def test_a_window_that_moves_is_told_and_copied_without_a_search(server: XServer, monkeypatch) -> None:
    monkeypatch.setattr("voxy.screen.differ.find_copy", lambda *_: None)
    with closing(connect(server)) as display:
        looker, differ = Looker(display), BlockDiffer()
        window = show_window(looker, Rect(40, 50, 300, 250), border=2)
        async with opened(server) as desktop:
            framebuffer = desktop.framebuffer
            # Where it is at first isn't known until it has been somewhere else.
            for x, y in ((41, 50), (60, 57), (300, 200)):
                window.configure(x=x, y=y)
                display.sync()
                difference = differ.diff(framebuffer, await desktop.grab())
            assert difference.copies == (Copy(Rect(60, 57, 304, 254), 300, 200),)
            assert framebuffer.moved is None


async def test_only_what_moved_since_the_last_grab_is_told(server: XServer) -> None:
    with closing(connect(server)) as display:
        looker = Looker(display)
        window, other = (show_window(looker, Rect(40 + 300 * n, 50, 280, 250)) for n in range(2))
        async with opened(server) as desktop:

            async def moved() -> Moved | None:
                display.sync()
                await desktop.grab()
                return desktop.framebuffer.moved

            await moved()
            window.configure(x=50)
            assert await moved() is None
            for x in (60, 70, 90):
                window.configure(x=x, y=x)
            assert await moved() == Moved(Rect(90, 90, 280, 250), 40, 40)
            looker.fill(Rect(0, 0, 8, 8), 0xFF0000)
            assert await moved() is None
            window.configure(x=100, width=200)
            assert await moved() is None
            other.configure(x=350)
            await moved()
            window.configure(x=110)
            other.configure(x=360, stack_mode=X.Above)
            assert await moved() == Moved(Rect(360, 50, 280, 250), 10, 0)
            window.destroy()
            assert await moved() is None
            other.reparent(show_window(looker, Rect(20, 30, 280, 250)), 5, 5)
            await moved()
            other.reparent(looker.root, 400, 60)
            await moved()
            other.configure(x=440)
            assert await moved() is None, "where it was before it was in a frame says nothing"
            other.configure(x=450)
            assert await moved() == Moved(Rect(450, 60, 280, 250), 10, 0)
