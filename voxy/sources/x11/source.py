"""X11Source: an X display as a source, and the watch over a server that hangs."""

import asyncio
import time

from voxy.blocks import Size
from voxy.errors import SourceLost
from voxy.screen.framebuffer import Framebuffer
from voxy.session.events import InputEvent
from voxy.sources.base import Damage, Notify, SourceEvent, SourceState, StateChanged
from voxy.sources.x11.worker import Worker

_PING_S = 0.5
"""Seconds between signs of life asked of a server while a grab waits."""

_STALLED_S = 1.2
"""Seconds without an answer after which the server counts as hung."""


class X11Source:
    """Serves one X display, by its name (`:1`, `host:0`); an empty name is that of $DISPLAY."""

    def __init__(self, display: str) -> None:
        self._name = display
        self._worker: Worker | None = None
        self._notify: Notify = lambda event: None
        self._is_stalled = False

    @property
    def shm_reason(self) -> str:
        """Why pixels don't come through shared memory; empty where they do."""
        return self._worker.shm_reason if self._worker else ""

    async def open(self, notify: Notify) -> Size:
        await self.close()
        self._notify = notify
        self._worker = Worker(self._name, self._tell)
        try:
            return await self._worker.opened
        except BaseException:
            await self.close()
            raise

    async def grab(self, framebuffer: Framebuffer) -> Damage:
        worker = self._worker
        if worker is None:
            raise SourceLost("The display is not open.")
        future = worker.grab(framebuffer)
        asked_at = time.monotonic()
        try:
            while not (await asyncio.wait([future], timeout=_PING_S))[0]:
                self._watch(worker, asked_at)
                asked_at = time.monotonic() if worker.answered_at >= asked_at else asked_at
                worker.ping()
        except asyncio.CancelledError:
            future.cancel()
            raise
        self._set_stalled(False)
        return future.result()

    async def inject(self, event: InputEvent) -> None:
        if self._worker is None or self._worker.ended.done():
            raise SourceLost("The display is not open.")
        self._worker.inject(event)

    async def close(self) -> None:
        worker, self._worker = self._worker, None
        if worker:
            await worker.close()

    def _tell(self, event: SourceEvent) -> None:
        self._notify(event)

    def _watch(self, worker: Worker, asked_at: float) -> None:
        """Tell of a server that has answered nothing since `asked_at`, and of one that answers again."""
        is_silent = worker.answered_at < asked_at
        self._set_stalled(is_silent and time.monotonic() - asked_at > _STALLED_S)

    def _set_stalled(self, is_stalled: bool) -> None:
        if is_stalled != self._is_stalled:
            self._is_stalled = is_stalled
            if is_stalled:
                self._notify(StateChanged(SourceState.STALLED, f"The X server at display {self._name} doesn't answer."))
            else:
                self._notify(StateChanged(SourceState.LIVE))
