"""The one thread that talks to one X server: it sleeps until the server, a grab or input wakes it."""

import asyncio
import contextlib
import logging
import math
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Any

from Xlib import X
from Xlib.ext import randr, xfixes
from Xlib.protocol import event as core
from Xlib.protocol import request

from voxy.blocks import Size
from voxy.errors import SourceError, SourceLost
from voxy.screen.framebuffer import Framebuffer
from voxy.session.clips import Clip
from voxy.session.events import InputEvent
from voxy.sources.base import ClipChanged, CursorChanged, Damage, SourceEvent
from voxy.sources.x11 import requests
from voxy.sources.x11.capture import Capture
from voxy.sources.x11.clipboard import Clipboard
from voxy.sources.x11.connection import Closed, Connection
from voxy.sources.x11.cursor import CursorTracker
from voxy.sources.x11.drawing import Drawing
from voxy.sources.x11.input import Devices, InputQueue
from voxy.sources.x11.moves import Moves
from voxy.sources.x11.resize import Resizer

logger = logging.getLogger(__name__)

_GOODBYE_S, _END_S = 0.4, 0.4
"""Seconds that a server has to take back what is held, and the thread to end once its socket is shut."""


class Worker:
    """Runs the thread. `tell` and `answer` are called in the loop, with events and for each answered ping."""

    def __init__(self, name: str, tell: Callable[[SourceEvent], None], answer: Callable[[], None]) -> None:
        self._name = name
        self._tell = tell
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[Size] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.failure: SourceError | None = None
        self.shm_reason = ""
        self.input_reason = ""
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.Lock()
        self._input = InputQueue()
        self._grab: tuple[Framebuffer, asyncio.Future[Damage]] | None = None
        self._is_owed = False
        self._drawing = Drawing()
        self._moves = Moves()
        self._asked_clip: tuple[int, asyncio.Future[Clip]] | None = None
        self._fetching: asyncio.Future[Clip] | None = None
        self._is_pinged = False
        self._is_closing = False
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name=f"voxy-x11{name}", daemon=True)
        self._thread.start()

    # Called in the loop

    def grab(self, framebuffer: Framebuffer) -> asyncio.Future[Damage]:
        """Have the next damage grabbed."""
        future: asyncio.Future[Damage] = self._loop.create_future()
        if self.failure:
            future.set_exception(self.failure)
        else:
            with self._lock:
                self._grab = framebuffer, future
            # Otherwise the damage wakes the thread, which then finds the grab.
            if self._drawing.begun_at is not None:
                self._wake()
        return future

    def owe(self) -> None:
        """Grab everything next time: who asked for the last grab has gone."""
        with self._lock:
            self._is_owed = True
        self._wake()

    def fetch_clip(self, most_bytes: int) -> asyncio.Future[Clip]:
        """Have the clipboard fetched; what was being fetched isn't any more."""
        if self._fetching:
            self._fetching.cancel()
        future = self._fetching = self._loop.create_future()
        if self.failure:
            future.set_exception(self.failure)
        else:
            self._asked_clip = most_bytes, future
            self._wake()
        return future

    def inject(self, event: InputEvent) -> None:
        if self._input.put(event):
            self._wake()

    def ping(self) -> None:
        """Ask the server for a sign of life; `answer` is called when it comes."""
        self._is_pinged = True
        self._wake()

    async def close(self) -> None:
        """End the thread, within a second even where the server hangs."""
        self._is_closing = True
        self._wake()
        await asyncio.wait([self.ended], timeout=_GOODBYE_S)
        if not self.ended.done() and self._connection:
            self._connection.shut()
            await asyncio.wait([self.ended], timeout=_END_S)
        if self.ended.done():
            self._thread.join()

    def _wake(self) -> None:
        if not self.ended.done():
            os.eventfd_write(self._wake_fd, 1)

    def _finish(self, failure: SourceError) -> None:
        """The thread's last word: nobody waits for it any more."""
        os.close(self._wake_fd)
        self.failure = failure
        self.ended.set_result(None)
        for future in (self.opened, self._grab and self._grab[1], self._fetching):
            if future and not future.done():
                future.set_exception(failure)
        self._grab = None
        if self.opened.done() and not self.opened.cancelled():
            # Read here, lest asyncio complains of an error that nobody asked for any more.
            self.opened.exception()

    def _resolve_grab(self, future: "asyncio.Future[Damage]", damage: Damage) -> None:
        if future.done():
            self.owe()
        else:
            future.set_result(damage)

    def _resolve_fetch(self, future: "asyncio.Future[Clip]", clip: Clip) -> None:
        if not future.done():
            future.set_result(clip)

    def _resolve_open(self, size: Size) -> None:
        if not self.opened.done():
            self.opened.set_result(size)

    # Called in the thread

    def _run(self) -> None:
        failure: SourceError = SourceLost(f"The X server at display {self._name} is gone.")
        try:
            self._open()
            while not self._is_closing:
                self._step()
            self._say_goodbye()
        except SourceError as reason:
            failure = reason
        except (Closed, OSError) as reason:
            logger.debug("x display %s: %s", self._name, reason)
        except Exception as reason:
            logger.exception("! display %s", self._name)
            failure = SourceLost(f"The display {self._name} can't be read: {reason}.")
        finally:
            self._tear_down()
            # The loop may have ended before its source was closed.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._finish, failure)

    def _open(self) -> None:
        connection = self._connection = Connection(self._name)
        self._capture = Capture(connection)
        self._clipboard = Clipboard(connection)
        self._cursors = CursorTracker(connection)
        watched = X.StructureNotifyMask | X.SubstructureNotifyMask
        request.ChangeWindowAttributes(display=connection, window=connection.root, event_mask=watched)
        self._resizer = Resizer(connection)
        self._devices = Devices(connection, self._clipboard, self._resizer)
        self._poll = select.poll()
        self._poll.register(connection.socket, select.POLLIN)
        self._poll.register(self._wake_fd, select.POLLIN)
        self._drawing.note(time.monotonic())
        self._is_readable = True
        self._input_due_at = 0.0
        self._clip_due_at: float | None = None
        self._clip_wanted: asyncio.Future[Clip]
        self.shm_reason, self.input_reason = self._capture.shm_reason, self._devices.reason
        if cursor := self._cursors.take_change():
            self._post(self._tell, CursorChanged(cursor))
        self._post(self._resolve_open, self._capture.size)

    def _step(self) -> None:
        """Do all there is to do, then sleep."""
        assert self._connection
        # Before the input: what it is to be typed with may have changed.
        for event in self._connection.take_events(self._is_readable):
            self._take(event)
        self._is_readable = False
        now = time.monotonic()
        self._input_due_at = now + self._devices.send(self._input, self._capture.size)
        self._tend_clipboard(now)
        for news in self._resizer.step(now):
            self._post(self._tell, news)
        if self._is_pinged:
            self._is_pinged = False
            self._connection.sync()
            self._post(self._answer)
        if self._is_grab_due():
            self._do_grab()
        # Answers to requests may have brought events along; nothing would wake us for those.
        elif not self._connection.event_queue:
            self._connection.flush()
            self._sleep()

    def _tend_clipboard(self, now: float) -> None:
        asked, self._asked_clip = self._asked_clip, None
        if asked:
            most_bytes, self._clip_wanted = asked
            self._clipboard.fetch(most_bytes, now)
        self._clip_due_at = self._clipboard.due
        if self._clip_due_at is not None and self._clip_due_at <= now:
            if clip := self._clipboard.step(now):
                self._post(self._resolve_fetch, self._clip_wanted, clip)
            self._clip_due_at = self._clipboard.due

    def _say_goodbye(self) -> None:
        """Send what input still waits, then take back everything."""
        assert self._connection
        self._devices.send(self._input, self._capture.size)
        self._devices.close()
        self._resizer.close()
        self._connection.sync()

    def _sleep(self) -> None:
        due = [self._input_due_at] if self._input else []
        if self._grab and self._drawing.begun_at is not None:
            due.append(self._drawing.ready_at)
        due += [at for at in (self._clip_due_at, self._resizer.due) if at is not None]
        timeout_s = max(0.0, min(due) - time.monotonic()) if due else None
        if timeout_s is not None and timeout_s < 0.001:
            # poll() counts in milliseconds.
            time.sleep(timeout_s)
            self._is_readable = True
            return
        ready = [descriptor for descriptor, _ in self._poll.poll(timeout_s and math.ceil(timeout_s * 1000))]
        if self._wake_fd in ready:
            os.eventfd_read(self._wake_fd)
        self._is_readable = ready != [self._wake_fd]

    def _is_grab_due(self) -> bool:
        with self._lock:
            is_owed, self._is_owed = self._is_owed, False
        if is_owed:
            self._capture.owe()
            self._drawing.note(time.monotonic())
        return self._grab is not None and time.monotonic() >= self._drawing.ready_at

    def _do_grab(self) -> None:
        with self._lock:
            grab, self._grab = self._grab, None
        assert grab
        framebuffer, future = grab
        if future.cancelled():
            return
        framebuffer.noticed_at = self._drawing.begin()
        framebuffer.moved = self._moves.take()
        damage = self._capture.grab(framebuffer)
        self._drawing.end(time.monotonic())
        self.shm_reason = self._capture.shm_reason
        if damage:
            self._post(self._resolve_grab, future, damage)
            return
        # What changed is off the screen, which has become smaller: go on waiting.
        with self._lock:
            self._grab = self._grab or grab

    def _take(self, event: Any) -> None:
        if isinstance(event, Clipboard.EVENTS):
            if self._clipboard.take(event, time.monotonic()):
                self._post(self._tell, ClipChanged())
            return
        match event:
            case requests.Damaged():
                self._drawing.note(time.monotonic())
            case xfixes.DisplayCursorNotify():
                if cursor := self._cursors.take_change(event.cursor_serial):
                    self._post(self._tell, CursorChanged(cursor))
            case requests.XkbEvent():
                self._devices.notice(event)
            case core.ConfigureNotify() if event.window != event.event:
                self._moves.note(event)
            case core.DestroyNotify() | core.ReparentNotify():
                self._moves.forget(int(event.window))
            case randr.ScreenChangeNotify() | core.ConfigureNotify():
                self._resizer.notice()
                if self._capture.measure():
                    self._drawing.note(time.monotonic())

    def _tear_down(self) -> None:
        if hasattr(self, "_capture"):
            self._capture.close()
        if self._connection:
            self._connection.close()

    def _post(self, function: Callable[..., None], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)
