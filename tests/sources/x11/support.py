"""An opened X11Source, and python-xlib clients that draw, look and listen beside it."""

import asyncio
import contextlib
import select
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from Xlib import X
from Xlib.display import Display
from Xlib.protocol import event as xevent

from tests.programs import connect
from tests.xservers import XServer
from voxy.blocks import Rect, Size
from voxy.screen.framebuffer import Framebuffer, Pixels
from voxy.session.events import Key
from voxy.sources.base import SourceEvent
from voxy.sources.x11 import X11Source

RETURN, SHIFT, CONTROL, ALT, CAPS_LOCK, NUM_LOCK = 0xFF0D, 0xFFE1, 0xFFE3, 0xFFE9, 0xFFE5, 0xFF7F


@dataclass
class Opened:
    """A source that is open, with what it told."""

    source: X11Source
    size: Size
    framebuffer: Framebuffer = field(default_factory=lambda: Framebuffer(Size(1, 1)))
    told: list[SourceEvent] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def notify(self, event: SourceEvent) -> None:
        self.told.append(event)
        self.news.set()

    async def until_told(self, condition: Callable[[SourceEvent], bool]) -> SourceEvent:
        """The first event for which `condition` holds, of those told so far or later."""
        while True:
            for event in self.told:
                if condition(event):
                    return event
            self.news.clear()
            await self.news.wait()

    async def grab(self) -> tuple[Rect, ...]:
        return await self.source.grab(self.framebuffer)

    async def grab_until(self, condition: Callable[[], bool]) -> None:
        """Grab until the framebuffer is as it should be."""
        while not condition():
            await self.grab()

    async def press(self, *keysyms: int) -> None:
        for keysym in keysyms:
            await self.source.inject(Key(keysym, "", True))

    async def release(self, *keysyms: int) -> None:
        for keysym in keysyms:
            await self.source.inject(Key(keysym, "", False))

    async def type(self, text: str) -> None:
        """Press and release the keys of `text`, and Return."""
        for keysym in [*map(keysym_of, text), RETURN]:
            await self.press(keysym)
            await self.release(keysym)


@contextlib.asynccontextmanager
async def opened(server: XServer) -> AsyncIterator[Opened]:
    opening = Opened(X11Source(server.display), Size(0, 0))
    opening.size = await opening.source.open(opening.notify)
    try:
        yield opening
    finally:
        await opening.source.close()


def keysym_of(character: str) -> int:
    return ord(character) if ord(character) < 0x100 else 0x01000000 + ord(character)


@contextlib.contextmanager
def looking(server: XServer) -> Iterator["Looker"]:
    """A client that draws and reads pixels."""
    display = connect(server)
    try:
        yield Looker(display)
    finally:
        display.close()


class Looker:
    def __init__(self, display: Display) -> None:
        self.display = display
        self.root = display.screen().root

    def fill(self, rect: Rect, colour: int) -> None:
        """Draw on the root window, at once."""
        context = self.root.create_gc(foreground=colour)
        self.root.fill_rectangle(context, *rect)
        context.free()
        self.display.sync()

    def pixels(self) -> Pixels:
        """The whole screen, as python-xlib reads it."""
        geometry = self.root.get_geometry()
        width, height = geometry.width, geometry.height
        image = self.root.get_image(0, 0, width, height, X.ZPixmap, 0xFFFFFFFF)
        return np.frombuffer(image.data, dtype=np.uint32).reshape(height, width) & np.uint32(0xFFFFFF)


@contextlib.contextmanager
def listening(server: XServer) -> Iterator["Listener"]:
    """A client with a window over the whole screen that has the focus and takes every input."""
    display = connect(server)
    try:
        yield Listener(display)
    finally:
        display.close()


class Listener:
    def __init__(self, display: Display) -> None:
        self._display = display
        masks = X.KeyPressMask | X.KeyReleaseMask | X.ButtonPressMask | X.ButtonReleaseMask | X.PointerMotionMask
        self.window = display.screen().root.create_window(
            0, 0, 4000, 4000, 0, X.CopyFromParent, event_mask=masks | X.ExposureMask, override_redirect=True
        )
        self.window.map()
        self.until(lambda event: event.type == X.Expose)
        self.window.set_input_focus(X.RevertToParent, X.CurrentTime)
        display.sync()

    def until(self, condition: Callable[[xevent.AnyEvent], bool]) -> list[xevent.AnyEvent]:
        """The events up to the first for which `condition` holds, that one included."""
        events = []
        while not events or not condition(events[-1]):
            if not self._display.pending_events() and not select.select([self._display], [], [], 5)[0]:
                raise TimeoutError(f"only {events} came")
            if self._display.pending_events():
                events.append(self._display.next_event())
        return events

    async def take(self, count: int, *kinds: int) -> list[xevent.AnyEvent]:
        """The next `count` events of these kinds."""
        taken: list[xevent.AnyEvent] = []
        while len(taken) < count:
            events = await asyncio.to_thread(self.until, lambda event: event.type in kinds)
            taken.append(events[-1])
        return taken

    def held_keys(self) -> set[int]:
        bits = self._display.query_keymap()
        return {code for code in range(256) if bits[code // 8] >> code % 8 & 1}

    def mask(self) -> int:
        """Modifiers, locks and buttons in effect."""
        return int(self._display.screen().root.query_pointer().mask)

    def keycode(self, keysym: int) -> int:
        return int(self._display.keysym_to_keycode(keysym))

    def set_cursor(self, width: int, height: int, foreground: tuple[int, int, int], hot: tuple[int, int]) -> None:
        """Give the window a cursor of one colour."""
        shape = self.window.create_pixmap(width, height, 1)
        context = shape.create_gc(foreground=1)
        shape.fill_rectangle(context, 0, 0, width, height)
        cursor = shape.create_cursor(shape, foreground, (0, 0, 0), *hot)
        self.window.change_attributes(cursor=cursor)
        self._display.sync()
