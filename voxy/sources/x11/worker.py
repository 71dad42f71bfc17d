"""The one thread that talks to one X server: it sleeps until the server, a grab or input wakes it."""

import asyncio
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

from Xlib import X, error
from Xlib.display import Display
from Xlib.ext import randr, xtest
from Xlib.protocol import rq

from voxy.blocks import Size
from voxy.errors import SourceLost, SourceUnavailable
from voxy.screen.framebuffer import Framebuffer
from voxy.session.events import InputEvent, Key, Pointer, Wheel
from voxy.sources.base import CursorChanged, Damage, SourceEvent
from voxy.sources.x11.capture import Capture
from voxy.sources.x11.cursor import CursorTracker
from voxy.sources.x11.keyboard import Keyboard
from voxy.sources.x11.pointer import PointerDevice

logger = logging.getLogger(__name__)

_SETTLE_S = 0.0007
"""Seconds to wait after the first damage for the rest of the same drawing."""

_INPUT_MOST = 1024
"""Input events that may wait; past that the oldest pointer motion goes, and then nothing more comes in."""

_GONE = (error.ConnectionClosedError, BrokenPipeError, ConnectionError, OSError, ValueError)
"""What python-xlib raises when the server goes (ValueError: the socket was shut under its select)."""


class Worker:
    """Runs the thread. `tell` is called in the loop with what happens; futures get the answers."""

    def __init__(self, display_name: str, tell: Callable[[SourceEvent], None]) -> None:
        self._name = display_name
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[Size] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.answered_at = 0.0
        self.shm_reason = ""
        self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._input: deque[InputEvent] = deque()
        self._grab: tuple[Framebuffer, asyncio.Future[Damage]] | None = None
        self._is_pinged = False
        self._is_closing = False
        self._display: Display | None = None
        self._thread = threading.Thread(target=self._run, name=f"voxy-x11{display_name}", daemon=True)
        self._thread.start()

    # Called in the loop

    def grab(self, framebuffer: Framebuffer) -> asyncio.Future[Damage]:
        """Have the next damage grabbed."""
        future: asyncio.Future[Damage] = self._loop.create_future()
        if self.ended.done():
            future.set_exception(SourceLost(self._lost_reason()))
        else:
            self._grab = framebuffer, future
            self._wake()
        return future

    def inject(self, event: InputEvent) -> None:
        with self._lock:
            if isinstance(event, Pointer) and self._input:
                last = self._input[-1]
                if isinstance(last, Pointer) and last.buttons == event.buttons:
                    self._input.pop()
            if len(self._input) < _INPUT_MOST:
                self._input.append(event)
        self._wake()

    def ping(self) -> None:
        """Ask the server for a sign of life; `answered_at` tells when it came."""
        self._is_pinged = True
        self._wake()

    async def close(self) -> None:
        """End the thread, within a second even where the server hangs."""
        self._is_closing = True
        if not self.ended.done():
            self._wake()
            await asyncio.wait([self.ended], timeout=0.3)
        if not self.ended.done() and self._display:
            # The thread waits for a server that doesn't answer: take the socket away under it.
            self._display.display.socket.shutdown(2)
            await asyncio.wait([self.ended], timeout=0.7)

    def _wake(self) -> None:
        if not self.ended.done():
            os.write(self._wake_in, b"\0")

    def _lost_reason(self) -> str:
        return f"The X server at display {self._name} is gone; VoXY tries to reach it again."

    # Called in the thread

    def _run(self) -> None:
        failure: Exception | None = None
        try:
            self._open()
            while not self._is_closing:
                self._step()
            self._let_go()
        except SourceUnavailable as reason:
            failure = reason
        except _GONE as reason:
            logger.debug("x display %s: %s", self._name, reason)
            failure = SourceLost(self._lost_reason())
        except Exception as reason:
            logger.exception("! display %s", self._name)
            failure = SourceLost(f"The display {self._name} can't be read: {reason}.")
        finally:
            self._tear_down()
            self._loop.call_soon_threadsafe(self._finish, failure)

    def _finish(self, failure: Exception | None) -> None:
        """In the loop: nobody waits any more for a thread that has ended."""
        os.close(self._wake_in)
        os.close(self._wake_out)
        self.ended.set_result(None)
        failure = failure or SourceLost(self._lost_reason())
        if not self.opened.done():
            self.opened.set_exception(failure)
        if self._grab and not self._grab[1].done():
            self._grab[1].set_exception(failure)

    def _open(self) -> None:
        display = self._display = _connect(self._name)
        display.set_error_handler(lambda failure, _: logger.debug("! %s", failure))
        root = display.screen().root
        self._capture = Capture(display)
        self._keyboard = self._pointer = None
        if display.query_extension(xtest.extname):
            self._keyboard, self._pointer = Keyboard(display), PointerDevice(display)
        else:
            logger.warning("The X server has no XTEST: its desktop can be seen, not used.")
        self._cursors = CursorTracker(display)
        root.change_attributes(event_mask=X.StructureNotifyMask)
        if display.query_extension(randr.extname):
            randr.select_input(root, randr.RRScreenChangeNotifyMask)
        self._damaged_at: float | None = time.monotonic() - 1
        self._retry_at = 0.0
        self.shm_reason = self._capture.shm_reason
        self._post(self._tell, CursorChanged(self._cursors.shape()))
        self._post(_resolve, self.opened, self._capture.size)

    def _step(self) -> None:
        display = self._display
        assert display
        self._send_input()
        if self._is_pinged:
            self._is_pinged = False
            display.sync()
            self.answered_at = time.monotonic()
        while display.pending_events():
            self._take(display.next_event())
        timeout = self._until_grab()
        if timeout is not None and timeout <= 0:
            self._do_grab()
            return
        display.flush()
        # Flushing reads too: what came in must not sleep here until something else wakes us.
        if not display.display.event_queue:
            self._sleep(timeout)

    def _sleep(self, timeout: float | None) -> None:
        assert self._display
        if self._input:
            retry_s = max(0.0, self._retry_at - time.monotonic())
            timeout = retry_s if timeout is None else min(timeout, retry_s)
        ready, _, _ = select.select([self._display, self._wake_out], [], [], timeout)
        if self._wake_out in ready:
            os.read(self._wake_out, 4096)
        self.answered_at = time.monotonic()

    def _until_grab(self) -> float | None:
        """Seconds until the grab that is asked for is due; None while there is none or nothing changed."""
        if self._grab is None or self._damaged_at is None:
            return None
        return self._damaged_at + _SETTLE_S - time.monotonic()

    def _do_grab(self) -> None:
        assert self._grab
        framebuffer, future = self._grab
        self._grab, self._damaged_at = None, None
        if future.cancelled():
            self._damaged_at = time.monotonic()
            return
        damage = self._capture.grab(framebuffer)
        self.shm_reason = self._capture.shm_reason
        self._post(_resolve, future, damage)

    def _take(self, event: rq.Event) -> None:
        # By name: python-xlib makes new classes of an extension's events for each display.
        match type(event).__name__:
            case "DamageNotify":
                self._damaged_at = self._damaged_at or time.monotonic()
            case "DisplayCursorNotify":
                self._post(self._tell, CursorChanged(self._cursors.shape(event.cursor_serial)))
            case "MappingNotify":
                if self._keyboard and event.request == X.MappingKeyboard:
                    self._keyboard.keymap.notice(event.first_keycode, event.count)
            case "ScreenChangeNotify" | "ConfigureNotify":
                self._capture.measure()
                self._damaged_at = self._damaged_at or time.monotonic()

    def _send_input(self) -> None:
        if time.monotonic() < self._retry_at:
            return
        while self._input:
            event = self._input[0]
            if wait_s := self._send(event):
                self._retry_at = time.monotonic() + wait_s
                break
            with self._lock:
                if self._input and self._input[0] is event:
                    self._input.popleft()

    def _send(self, event: InputEvent) -> float:
        """Send one event; seconds after which to try it again, or 0."""
        if self._keyboard is None or self._pointer is None:
            return 0.0
        match event:
            case Key():
                return self._keyboard.type(event)
            case Pointer():
                self._pointer.move(event, self._capture.size)
            case Wheel():
                self._pointer.turn(event, self._capture.size)
        return 0.0

    def _let_go(self) -> None:
        """Leave the server as it was found: nothing held, no spare key lent."""
        assert self._display
        if self._keyboard and self._pointer:
            self._keyboard.release_all()
            self._pointer.release_all()
            self._keyboard.keymap.return_spares()
        self._display.sync()

    def _tear_down(self) -> None:
        if hasattr(self, "_capture"):
            self._capture.close()
        if self._display:
            try:
                self._display.display.socket.close()
            except OSError:
                logger.debug("= socket of %s was closed already", self._name)

    def _post(self, function: Callable[..., None], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)


def _resolve(future: "asyncio.Future[object]", value: object) -> None:
    if not future.done():
        future.set_result(value)


def _connect(name: str) -> Display:
    try:
        return Display(name)
    except error.DisplayNameError:
        raise SourceUnavailable(f"“{name}” is not the name of a display: use one such as :1.") from None
    except error.DisplayConnectionError as failure:
        if "uthoriz" in str(failure) or "rotocol specified" in str(failure):
            raise SourceUnavailable(
                f"The X server at display {name} refuses VoXY: set XAUTHORITY to the file with its key."
            ) from None
        raise SourceUnavailable(
            f"There is no X server at display {name}: start one, or name another with --display."
        ) from None
    except (error.XError, OSError) as failure:
        raise SourceUnavailable(f"The X server at display {name} can't be used: {failure}.") from None
