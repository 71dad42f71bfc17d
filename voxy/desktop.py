"""Desktop: one source, one framebuffer, many viewers; the grab loop; the only user of executors."""

import asyncio
import functools
import logging
import time
from collections import deque
from collections.abc import Callable

from voxy.blocks import BLOCK, Size, Step
from voxy.blocks.generations import NO_BLOCKS, common, joined, without
from voxy.clipboard import SharedClipboard
from voxy.control import Control
from voxy.errors import SourceError, SourceLost, SourceUnavailable
from voxy.pixel_threads import FEW_BLOCKS, SOME_BLOCKS, PixelThreads
from voxy.projector import Projector
from voxy.screen.content import photographs
from voxy.screen.differ import BlockDiffer, Difference
from voxy.screen.encoders import encode_rgba_png
from voxy.screen.film import Film, FilmFinder
from voxy.screen.framebuffer import Framebuffer
from voxy.session import wire
from voxy.session.events import InputEvent, Key, Offer
from voxy.session.lead import Lead
from voxy.session.meter import Stages
from voxy.session.permissions import Permission
from voxy.session.resumption import Resumptions
from voxy.session.viewer import Viewer
from voxy.sources.base import (
    ClipChanged,
    Cursor,
    CursorChanged,
    Damage,
    MonitorsChanged,
    NameChanged,
    PlaceChanged,
    SizingChanged,
    Source,
    SourceEvent,
    SourceState,
    StateChanged,
)
from voxy.updates import MadeUpdate, Updates

logger = logging.getLogger(__name__)

_REOPEN_FIRST_S, _REOPEN_MOST_S = 0.2, 1.0
"""Seconds between tries to open a source that is gone: doubled from the first to the most, so that the picture is
back well within 2 s of its return."""

_AT_ONCE = 2
"""Grabs that may follow one another at once, after a quiet moment or what is typed: a clock of our own would be late
for each picture of a program that draws as often."""

_STEPS_KEPT = 8
"""Generations that a viewer may be behind and still be brought up to date in few words."""


class Desktop:
    """Shares one source among viewers: grabs when one can be sent something, encodes once for all that need the same.

    `wake` of each viewer is called in the loop whenever there may be something for it.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        max_fps: float = 60.0,
        clipboard: SharedClipboard | None = None,
        mode: wire.Mode = "fit",
    ) -> None:
        self.name = name
        self.state = wire.State("lost", "The desktop is starting.")
        self.title: wire.Title | None = None
        self.place: wire.Place | None = None
        self.cursor: Cursor | None = None
        self.cursor_png = b""
        self.news = 0
        """How often there was something to tell apart from pictures."""
        self.lead = Lead(mode)
        self.control = Control(self._settle, self._tell_viewers)
        self._source = source
        self._clipboard = clipboard or SharedClipboard(source)
        self._interval_s = 1.0 / max_fps
        self._framebuffer = Framebuffer(Size(1, 1))
        self._differ = BlockDiffer()
        self._finder = FilmFinder()
        self._projector = Projector()
        self._film: Film | None = None
        self._viewers: dict[Viewer, Callable[[], None]] = {}
        self._resumptions = Resumptions()
        self._wanted = asyncio.Event()
        self._front = asyncio.Lock()
        self._threads = PixelThreads()
        self._updates = Updates(self._threads)
        self._steps: deque[Step] = deque(maxlen=_STEPS_KEPT)
        self._has_picture = False
        self._is_watching = False
        """Whether what changes would be known at once; nobody looks while no viewer has room."""
        self._due = 0.0
        """When the next grab may be."""
        self._taken_s = (0.0, 0.0)
        """How long the newest pixels took to be grabbed, and to be compared."""

    @property
    def size(self) -> Size:
        return self._framebuffer.size

    @property
    def generation(self) -> int:
        return self._framebuffer.generations.current

    # Viewers

    @property
    def viewers(self) -> tuple[Viewer, ...]:
        return tuple(self._viewers)

    @property
    def people(self) -> int:
        """How many look at it."""
        return sum(viewer.has_greeted and not viewer.is_replaced for viewer in self._viewers)

    def join(self, viewer: Viewer, wake: Callable[[], None]) -> None:
        self._viewers[viewer] = wake
        self.control.join(viewer)
        self._clipboard.join(viewer)
        self.want()

    def welcome(self, viewer: Viewer) -> bool:
        """Let a viewer that has said hello be resumed later; whether it goes on with what it has had itself."""
        self._resumptions.enter(viewer)
        resume, who = viewer.resume, viewer.person.name
        former = self._resumptions.take(resume.token, who, time.monotonic()) if resume else None
        resumed = former is not None and viewer.go_on_from(former)
        if former:
            self.lead.succeed(former, viewer)
            self.control.succeed(former, viewer)
        self._tell_viewers()
        return resumed

    def leave(self, viewer: Viewer) -> None:
        self._viewers.pop(viewer, None)
        self._projector.leave(viewer)
        self.control.leave(viewer)
        self._resumptions.leave(viewer, time.monotonic())
        self._tell_viewers()

    async def follow(self, viewer: Viewer, window: wire.Window | None) -> None:
        """Have the desktop take the size of this viewer's window, if it leads; None where it is hidden or has left."""
        if resize := self.lead.follow(viewer, window):
            await self.inject(resize)

    async def _settle(self, viewer: Viewer, held: list[InputEvent]) -> None:
        """Let go of what a viewer may hold no more, and have it know what it may do now."""
        self._clipboard.join(viewer)
        for event in held:
            await self.inject(event)
        if Permission.RESIZE not in viewer.permissions:
            await self.follow(viewer, None)

    def want(self) -> None:
        """A viewer may have room now: look again whether to grab."""
        self._wanted.set()

    async def inject(self, event: InputEvent) -> None:
        """Send input to the source; while there is none, it goes nowhere."""
        if isinstance(event, Offer):
            self._clipboard.replaced(event, self._viewers)
        if isinstance(event, Key):
            self._due = 0.0
        try:
            await self._source.inject(event)
        except SourceError as error:
            logger.debug("x input dropped: %s", error)

    async def next_update(self, viewer: Viewer) -> MadeUpdate | None:
        """The update that brings `viewer` up to date, or None while it has no room or lacks nothing."""
        if not self._has_picture:
            return None
        async with self._front:
            now = time.monotonic()
            film = self._finder.current(now)
            projection = self._projector.project(viewer, film) if film else None
            is_photo = functools.partial(photographs, self._framebuffer)
            plan = viewer.take_update(
                self._framebuffer.generations, now, self._steps, projection, self._is_watching, is_photo
            )
            if plan is None:
                return None
            frame = self._projector.next_frame(viewer, plan.generation) if plan.has_frame else None
            made = await self._updates.make(viewer, plan, frame, self._framebuffer, Stages(*self._taken_s, now))
        update = made.result() if made.done() else await asyncio.shield(made)
        if frame:
            self._projector.sent(viewer, frame.stream, update.chunks)
        return update

    # The source

    async def open(self) -> None:
        """Open the source; raises SourceUnavailable."""
        await self._source.open(self._notice)
        self._clipboard.replaced(None, self._viewers)
        self._set_state(SourceState.LIVE)
        if self.lead.wish:
            await self.inject(self.lead.wish)

    async def run(self) -> None:
        """Grab from the source, which is open, and open it anew whenever it is lost; until cancelled."""
        try:
            while True:
                try:
                    await self._grab_forever()
                except SourceLost as error:
                    self._set_state(SourceState.LOST, str(error))
                except Exception:
                    # A fault of our own must not leave viewers with a picture that looks alive.
                    logger.exception("! desktop %s", self.name)
                    self._set_state(SourceState.LOST, "The desktop could not be read; VoXY opens it again.")
                await self._reopen()
        finally:
            self._clipboard.close()
            self.control.close()
            await self._source.close()
            self._threads.close()

    async def _reopen(self) -> None:
        delay_s = _REOPEN_FIRST_S
        while True:
            await self._source.close()
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _REOPEN_MOST_S)
            try:
                return await self.open()
            except SourceUnavailable as error:
                self._set_state(SourceState.LOST, str(error))

    async def _grab_forever(self) -> None:
        while True:
            await self._until_wanted()
            asked_at = time.monotonic()
            self._is_watching = True
            try:
                damage = await self._source.grab(self._framebuffer)
            finally:
                self._is_watching = False
            grabbed_at = time.monotonic()
            self._due = max(self._due + self._interval_s, grabbed_at - _AT_ONCE * self._interval_s)
            await self._take(damage, grabbed_at - max(asked_at, self._framebuffer.noticed_at), grabbed_at)
            await asyncio.sleep(max(0.0, self._due - time.monotonic()))

    async def _take(self, damage: Damage, grab_s: float, grabbed_at: float) -> None:
        """Compare what was grabbed, and let the viewers know of the blocks that changed."""
        async with self._front:
            blocks = sum(rect.area for rect in damage) // (BLOCK * BLOCK)
            shows_video = any(map(self._projector.may_serve, self._viewers))
            # What moves mostly goes on, and so does a film; then nothing is searched.
            few = SOME_BLOCKS if self._differ.follows or self._film else FEW_BLOCKS
            comparing = self._compare, damage, time.monotonic(), shows_video
            difference, film = await self._threads.compute(blocks, *comparing, few=few)
            self._mark(difference, film)
            self._has_picture = True
        if difference.changed.size:
            self._taken_s = grab_s, time.monotonic() - grabbed_at
            self._updates.clear()
            self._wake_viewers()

    def _compare(self, damage: Damage, now: float, shows_video: bool) -> tuple[Difference, Film | None]:
        """What changed, and the film of which it is a frame, if it is one."""
        running = self._finder.current(now)
        difference = self._differ.diff(self._framebuffer, damage, running.rect if running else None)
        film = self._finder.feed(self._framebuffer, difference, now)
        if film and shows_video:
            # The first time this loads what encodes, 80 ms: in the loop, keys would wait for it.
            self._projector.prepare()
        return difference, film

    def _mark(self, difference: Difference, film: Film | None) -> None:
        generations = self._framebuffer.generations
        base, changed = generations.current, difference.changed
        running = self._finder.current(time.monotonic())
        if running is not self._film:
            self._film = running
            generations.end_film()
            film = None
        if not changed.size:
            return
        grid, copies = self._framebuffer.grid, difference.copies
        filmed = NO_BLOCKS
        if film:
            moved = common(film.edges, grid.touched(copy.target for copy in copies))
            filmed = without(common(changed, film.blocks), joined(difference.beside, moved))
        generations.mark(changed, filmed)
        if copies or difference.patches or film:
            rect = film.rect if film else None
            self._steps.append(Step(base, grid, difference.left, copies, difference.patches, rect, difference.beside))
        else:
            self._steps.clear()

    async def _until_wanted(self) -> None:
        while not any(viewer.has_room(time.monotonic()) for viewer in self._viewers):
            self._wanted.clear()
            await self._wanted.wait()

    def _notice(self, event: SourceEvent) -> None:
        match event:
            case CursorChanged(cursor):
                self.cursor = cursor
                self.cursor_png = encode_rgba_png(cursor.rgba, cursor.width, cursor.height)
                self._tell_viewers()
            case NameChanged(name):
                self.title = wire.Title(name) if name else None
                self._tell_viewers()
            case StateChanged(state, reason):
                self._set_state(state, reason)
            case PlaceChanged(host, to, is_near):
                self.place = wire.Place(host, to, is_near)
                self._tell_viewers()
            case ClipChanged():
                self._clipboard.copied(self._viewers)
            case MonitorsChanged(monitors):
                self.lead.monitors = wire.Monitors([wire.Monitor(m.name, *m.rect, m.is_primary) for m in monitors])
                self._tell_viewers()
            case SizingChanged(reason):
                self.lead.fix(reason)
                if reason and self.lead.mode == "follow":
                    logger.warning("%s", reason)
                self._tell_viewers()

    def _set_state(self, state: SourceState, reason: str = "") -> None:
        if self.state != (new := wire.State(state.value, reason)):
            logger.info("= source %s: %s %s", self.name, state.value, reason)
            self.state = new
            self._tell_viewers()

    def _tell_viewers(self) -> None:
        """Have all viewers told what they don't know yet."""
        self.news += 1
        self._wake_viewers()

    def _wake_viewers(self) -> None:
        for wake in self._viewers.values():
            wake()
