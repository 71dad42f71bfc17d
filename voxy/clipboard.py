"""SharedClipboard: what is copied on the desktop, fetched once for all viewers that may have it."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from voxy.errors import SourceError
from voxy.session import wire
from voxy.session.clips import UNLIMITED, Clip
from voxy.session.events import Offer
from voxy.session.permissions import Permission
from voxy.session.viewer import Viewer
from voxy.sources.base import Source

logger = logging.getLogger(__name__)


class SharedClipboard:
    """Used in the loop. `takes` and `gives` are the bytes that a clip from and for a viewer may have; 0 for none."""

    def __init__(self, source: Source, takes: int = UNLIMITED, gives: int = UNLIMITED) -> None:
        self._source = source
        self._takes = takes
        self._gives = gives
        self._task: asyncio.Task[None] | None = None

    def join(self, viewer: Viewer) -> None:
        """Note what a viewer may do now."""
        viewer.clipboard.limit(
            self._takes if Permission.CLIPBOARD_IN in viewer.permissions else 0,
            self._gives if Permission.CLIPBOARD_OUT in viewer.permissions else 0,
        )

    def copied(self, viewers: Mapping[Viewer, Callable[[], None]]) -> None:
        """Something was copied: fetch it for those who look on and may have it, and wake them when it is there.

        Whoever comes later doesn't get it: they may have copied something else meanwhile.
        """
        self.close()
        audience = {
            viewer: wake for viewer, wake in viewers.items() if viewer.clipboard.is_open and not viewer.is_hidden
        }
        allowed = {viewer for viewer in audience if self._gives and Permission.CLIPBOARD_OUT in viewer.permissions}
        for viewer in audience.keys() - allowed:
            self._give(viewer, Clip({}), audience[viewer])
        if allowed:
            wakes = {viewer: audience[viewer] for viewer in allowed}
            self._task = asyncio.create_task(self._fetch(wakes))

    def replaced(self, offer: Offer | None, viewers: Mapping[Viewer, Callable[[], None]]) -> None:
        """Let viewers know that the desktop has what one of them offers, or nothing, and theirs no more."""
        for viewer, wake in viewers.items():
            viewer.clipboard.replaced(offer)
            wake()

    def close(self) -> None:
        """Fetch nothing more."""
        if self._task:
            self._task.cancel()
            self._task = None

    async def _fetch(self, audience: Mapping[Viewer, Callable[[], None]]) -> None:
        try:
            clip = await self._source.fetch_clip(self._gives)
        except SourceError as error:
            logger.debug("x clipboard: %s", error)
            return
        for viewer, wake in audience.items():
            # What it may have was perhaps taken back meanwhile.
            if viewer.is_hidden or Permission.CLIPBOARD_OUT not in viewer.permissions:
                continue
            if clip.is_too_large and not clip.parts:
                viewer.clipboard.say(wire.Notice("copy_too_large", self._gives))
            self._give(viewer, clip, wake)

    @staticmethod
    def _give(viewer: Viewer, clip: Clip, wake: Callable[[], None]) -> None:
        viewer.clipboard.give(clip)
        wake()
