"""Input on its way to an X server: the queue into the source's thread, and the devices that it ends in."""

import logging
import threading
import time
from collections import deque

from Xlib import error
from Xlib.ext import xtest

from voxy.blocks import Size
from voxy.session.events import Delivery, InputEvent, Key, Motion, Offer, Pointer, Resize, Wheel
from voxy.sources.x11.clipboard import Clipboard
from voxy.sources.x11.connection import Connection
from voxy.sources.x11.keyboard import Keyboard
from voxy.sources.x11.keymap import XkbMissing
from voxy.sources.x11.pointer import PointerDevice
from voxy.sources.x11.requests import XkbEvent
from voxy.sources.x11.resize import Resizer

logger = logging.getLogger(__name__)

_WAITING_MOST = 16384
"""Events that may wait for a server that hangs; a text that is dictated brings two for each character."""

_FLOW_S = 0.004
"""Seconds from one motion or turn to the next: browsers tell each of their frames, which are 60 to 240 a second; only
who floods tells more, and each would wake the thread and the server."""

_TURN_MOST = 12_000
"""What the wheel turns at once at the most, in 120ths of a notch."""


class InputQueue:
    """Events in order, from the loop to the thread.

    A place that is overtaken by another is left out, and motion and turns of the wheel that wait are added up; but a
    button goes down and up where it did.
    """

    def __init__(self) -> None:
        self._events: deque[InputEvent] = deque()
        self._lock = threading.Lock()
        self._buttons = 0
        self._is_flowing = False
        """Whether the last event was one of those that may become one."""
        self.is_overrun = False

    def __bool__(self) -> bool:
        return bool(self._events)

    @property
    def may_grow(self) -> bool:
        """Whether nothing waits but what the next event may be added to."""
        with self._lock:
            return self._is_flowing and len(self._events) == 1

    def put(self, event: InputEvent) -> bool:
        """Add an event; False if it became one with the last, of which who takes it was told before."""
        with self._lock:
            if isinstance(event, Delivery | Resize):
                # Only one is pasted, and only one is the size; what waits for a server that hangs must not pile up.
                self._events = deque(other for other in self._events if not isinstance(other, type(event)))
            was_flowing, self._is_flowing = self._is_flowing, self._flows(event)
            if self._events and was_flowing and self._is_flowing and (one := _joined(self._events[-1], event)):
                self._events[-1] = one
                return False
            if len(self._events) < _WAITING_MOST:
                self._events.append(event)
            else:
                self.is_overrun = True
            return True

    def _flows(self, event: InputEvent) -> bool:
        """Whether it moves the pointer or turns the wheel, and does nothing else."""
        if not isinstance(event, Pointer | Motion):
            return isinstance(event, Wheel)
        before, self._buttons = self._buttons, event.buttons
        return event.buttons == before

    def take(self) -> InputEvent:
        """The next event; there must be one, and only one thread takes them."""
        with self._lock:
            return self._events.popleft()

    def put_back(self, event: InputEvent) -> None:
        """Make `event` the next again."""
        with self._lock:
            self._events.appendleft(event)


def _joined(last: InputEvent, event: InputEvent) -> InputEvent | None:
    """What does as much as both, where that is one event."""
    match last, event:
        case Pointer(), Pointer():
            return event
        case Motion(), Motion():
            return Motion(last.dx + event.dx, last.dy + event.dy, event.buttons)
        # What is turned back was turned.
        case Wheel(), Wheel() if last.dx * event.dx >= 0 and last.dy * event.dy >= 0:
            return Wheel(event.x, event.y, _within(last.dx + event.dx), _within(last.dy + event.dy))
    return None


def _within(turn: int) -> int:
    return max(-_TURN_MOST, min(_TURN_MOST, turn))


class Devices:
    """Pointer, keyboard, the clipboard that they paste, the screen's size. All calls come from the source's thread."""

    def __init__(self, connection: Connection, clipboard: Clipboard, resizer: Resizer) -> None:
        self._clipboard = clipboard
        self._resizer = resizer
        self._pointer: PointerDevice | None = None
        self._keyboard: Keyboard | None = None
        self._flow_due_at = 0.0
        self.reason = ""
        if not connection.has_extension(xtest.extname):
            self.reason = "The X server has no XTEST: its desktop can be seen, not used."
        else:
            self._pointer = PointerDevice(connection)
            try:
                self._keyboard = Keyboard(connection)
            except XkbMissing:
                self.reason = "The X server has no XKEYBOARD: its desktop takes no keys."
        if self.reason:
            logger.warning("%s", self.reason)

    def send(self, queue: InputQueue, screen: Size) -> float:
        """Send what waits; the seconds after which to try again where something still has to wait, else 0."""
        while queue:
            if queue.may_grow:
                now = time.monotonic()
                if now < self._flow_due_at:
                    return self._flow_due_at - now
                self._flow_due_at = now + _FLOW_S
            event = queue.take()
            try:
                if wait_s := self._send(event, screen):
                    queue.put_back(event)
                    return wait_s
            except error.XError as failure:
                logger.debug("! input %s: %s", event, failure)
        if queue.is_overrun:
            # Releases may be among what was dropped.
            queue.is_overrun = False
            self.release_all()
        return 0.0

    def notice(self, event: XkbEvent) -> None:
        """Take an event that tells of a changed keymap or state of the keyboard."""
        if self._keyboard:
            self._keyboard.notice(event)

    def release_all(self) -> None:
        """Leave nothing held."""
        if self._pointer:
            self._pointer.release_all()
        if self._keyboard:
            self._keyboard.release_all()

    def close(self) -> None:
        """Leave the server as it was found: nothing held, no spare key lent."""
        self.release_all()
        if self._keyboard:
            self._keyboard.keymap.return_spares()

    def _send(self, event: InputEvent, screen: Size) -> float:
        match event:
            case Key() if self._keyboard:
                return self._keyboard.type(event)
            case Pointer() if self._pointer:
                self._pointer.move(event, screen)
            case Motion() if self._pointer:
                self._pointer.nudge(event)
            case Wheel() if self._pointer:
                self._pointer.turn(event, screen)
            case Offer() | Delivery():
                self._clipboard.paste(event, time.monotonic())
            case Resize():
                self._resizer.want(event)
        return 0.0
