"""X11Source: an X display as a source."""

import asyncio
import os

from voxy.blocks import Size
from voxy.errors import SourceLost, SourceUnavailable
from voxy.screen.framebuffer import Framebuffer
from voxy.session.clips import Clip
from voxy.session.events import InputEvent
from voxy.sources.base import Damage, Notify, SourceEvent, SourceState, StateChanged
from voxy.sources.watch import Watch
from voxy.sources.x11.worker import Worker

_OPEN_S = 5.0
"""Seconds that a server has to open: one that greets and then hangs must not be waited for."""


class X11Source:
    """Serves one X display, by its name (`:1`, `host:0`); an empty name is that of $DISPLAY."""

    def __init__(self, display: str) -> None:
        self._name = display or os.environ.get("DISPLAY", "")
        self._worker: Worker | None = None
        self._watch: Watch | None = None

    @property
    def shm_reason(self) -> str:
        """Why pixels don't come through shared memory; empty where they do."""
        return self._worker.shm_reason if self._worker else ""

    @property
    def input_reason(self) -> str:
        """Why the desktop can be seen but not used, or not by the keyboard; empty where it can."""
        return self._worker.input_reason if self._worker else ""

    async def open(self, notify: Notify) -> Size:
        await self.close()

        def tell(event: SourceEvent) -> None:
            if self._worker is worker and not worker.failure:
                notify(event)

        def tell_stalled(is_stalled: bool) -> None:
            reason = f"The X server at display {self._name} doesn't answer." if is_stalled else ""
            tell(StateChanged(SourceState.STALLED if is_stalled else SourceState.LIVE, reason))

        worker = self._worker = Worker(self._name, tell, lambda: watch.take_answer())
        watch = self._watch = Watch(worker.ping, tell_stalled)
        try:
            async with asyncio.timeout(_OPEN_S):
                return await worker.opened
        except TimeoutError:
            await self.close()
            raise SourceUnavailable(f"The X server at display {self._name} doesn't answer.") from None
        except BaseException:
            await self.close()
            raise

    async def grab(self, framebuffer: Framebuffer) -> Damage:
        worker, watch = self._worker, self._watch
        if worker is None or watch is None:
            raise SourceLost("The display is not open.")
        future = worker.grab(framebuffer)
        try:
            with watch:
                damage = await future
                watch.take_answer()
                return damage
        except asyncio.CancelledError:
            if not future.cancelled() and not future.exception():
                worker.owe()
            raise

    async def inject(self, event: InputEvent) -> None:
        if self._worker is None or self._watch is None:
            raise SourceLost("The display is not open.")
        if self._worker.failure:
            raise self._worker.failure
        self._worker.inject(event)
        self._watch.note_use()

    async def fetch_clip(self, most_bytes: int) -> Clip:
        if self._worker is None:
            raise SourceLost("The display is not open.")
        return await self._worker.fetch_clip(most_bytes)

    async def close(self) -> None:
        worker, self._worker = self._worker, None
        watch, self._watch = self._watch, None
        if watch:
            watch.stop()
        if worker:
            await worker.close()
