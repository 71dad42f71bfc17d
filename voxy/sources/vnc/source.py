"""VncSource: what a VNC server shows as a source."""

import asyncio
import contextlib
import logging
import ssl
from collections import deque
from pathlib import Path

from voxy.blocks import Rect, Size
from voxy.errors import SourceError, SourceLost, SourceUnavailable
from voxy.screen.framebuffer import Framebuffer
from voxy.session.clips import Clip
from voxy.session.events import Delivery, InputEvent, Offer, Resize
from voxy.sources.base import (
    ClipChanged,
    Cursor,
    CursorChanged,
    Damage,
    NameChanged,
    Notify,
    SizingChanged,
    SourceState,
    StateChanged,
)
from voxy.sources.vnc import requests
from voxy.sources.vnc.answers import (
    Answers,
    Can,
    ClipboardSaid,
    ContinuousEnded,
    FenceAsked,
    Named,
    PointerIs,
    Resized,
    TextCut,
    Told,
    Updated,
)
from voxy.sources.vnc.clipboard import Clipboard
from voxy.sources.vnc.encodings import COPY_RECT, HEXTILE, RAW, TIGHT, TIGHT_PNG, ZRLE
from voxy.sources.vnc.handshake import agree_on_version, initialise
from voxy.sources.vnc.input import Hands
from voxy.sources.vnc.line import Address, Line
from voxy.sources.vnc.screen import Screen
from voxy.sources.vnc.security import Credentials, authenticate
from voxy.sources.vnc.steps import StartTls
from voxy.sources.vnc.tls import tls_context
from voxy.sources.watch import Watch

logger = logging.getLogger(__name__)

_OPEN_S = 10.0
"""Seconds that a server has from the connection to its first word about the screen."""

_FETCH_S = 3.0
"""Seconds that a server has to send what was copied."""

_SETTLE_S = 0.5
"""Seconds that a server has to take what was sent."""

_HELD_BACK_MOST = 1024
"""Events that may wait for what they paste."""

_NEAR = (COPY_RECT, RAW)
_FAR = (TIGHT, TIGHT_PNG, ZRLE, HEXTILE, COPY_RECT, RAW, requests.LAST_RECT)
"""Encodings, the preferred first. On the same machine packing takes longer than copying, and TigerVNC takes any other
for better than Raw. For who knows LastRect it looks for areas of one colour, and writes those pixel by pixel: a third
of its time where they are as raw as the rest."""

_EXTRAS = (
    *(requests.ALPHA_CURSOR, requests.CURSOR, requests.X_CURSOR, requests.DESKTOP_NAME),
    *(requests.EXTENDED_DESKTOP_SIZE, requests.DESKTOP_SIZE, requests.FENCE),
    *(requests.CONTINUOUS_UPDATES, requests.QEMU_KEYS, requests.QEMU_POINTER, requests.EXTENDED_CLIPBOARD),
    requests.COMPRESS_LEVEL_1,
)
"""Not the LED state (-261): QEMU sets a guest's locks right for what is typed, except for those who ask for it."""


class VncSource:
    """Serves what the server at `address` shows. Pixels are asked for only while somebody waits for them.

    `absence` is what people are told while nobody listens there, where there is more to say than that.
    """

    def __init__(
        self, address: Address, credentials: Credentials, ca_file: Path | None = None, absence: str = ""
    ) -> None:
        self._address = address
        self._credentials = credentials
        self._ca_file = ca_file
        self._absence = absence
        self._line: Line | None = None
        self._task: asyncio.Task[None] | None = None
        self._watch = Watch(self._ping, self._tell_stalled)

    async def open(self, notify: Notify) -> Size:
        await self.close()
        self._notify = notify
        self._screen, self._hands, self._clipboard = Screen(), Hands(), Clipboard()
        self._failure: SourceError | None = None
        self._filled: Framebuffer | None = None
        self._is_asked = self._can_continue = self._is_continuous = False
        self._asked_size = Size(0, 0)
        self._waiting: tuple[Framebuffer, asyncio.Future[Damage]] | None = None
        self._copied = asyncio.Event()
        self._answered = asyncio.Event()
        self._awaited: Offer | None = None
        self._held_back: deque[InputEvent] = deque()
        self._watch = Watch(self._ping, self._tell_stalled)
        try:
            async with asyncio.timeout(_OPEN_S):
                await self._begin()
        except TimeoutError:
            await self.close()
            raise SourceUnavailable(f"The VNC server at {self._address} doesn't answer.") from None
        except SourceLost as failure:
            await self.close()
            raise SourceUnavailable(str(failure)) from None
        except BaseException:
            await self.close()
            raise
        self._task = asyncio.create_task(self._follow())
        return self._screen.size

    async def _begin(self) -> None:
        try:
            line = self._line = await Line.connect(self._address, self._tls)
        except SourceUnavailable as failure:
            raise SourceUnavailable(self._absence or str(failure)) from None
        version = await line.run(agree_on_version())
        line.cipher = await line.run(authenticate(version, self._credentials), is_slow=True)
        self._notify(NameChanged(await line.run(initialise(self._screen))))
        line.send(self._encodings)

    @property
    def _encodings(self) -> bytes:
        return requests.set_encodings((*(_NEAR if self._address.is_near else _FAR), *_EXTRAS))

    def _tls(self, step: StartTls) -> ssl.SSLContext:
        return tls_context(step.kind, self._ca_file, self._credentials.insecure)

    # Pixels

    async def grab(self, framebuffer: Framebuffer) -> Damage:
        with self._watch:
            if self._failure:
                raise self._failure
            line = self._open_line()
            if self._is_fresh(framebuffer):
                return self._give(framebuffer, line)
            self._ask(line)
            given: asyncio.Future[Damage] = asyncio.get_running_loop().create_future()
            self._waiting = framebuffer, given
            try:
                return await given
            except asyncio.CancelledError:
                if given.done() and not given.cancelled():
                    self._screen.owe()
                raise
            finally:
                self._waiting = None

    def _is_fresh(self, framebuffer: Framebuffer) -> bool:
        return self._screen.is_whole and (self._screen.is_damaged or self._filled is not framebuffer)

    def _give(self, framebuffer: Framebuffer, line: Line) -> Damage:
        """What is whole becomes the back; the server draws the next meanwhile."""
        is_known = self._filled is framebuffer
        pixels, damage, framebuffer.moved = self._screen.take()
        framebuffer.lend_back(self._screen.size, pixels)
        self._filled = framebuffer
        self._ask(line)
        return damage if is_known else (Rect.of(self._screen.size),)

    def _ask(self, line: Line) -> None:
        if self._is_asked or self._is_continuous:
            return
        whole = Rect.of(self._screen.size)
        # A server may answer with its size alone, each time that all is asked for: the pixels are changes then.
        is_incremental = self._filled is not None or self._asked_size == self._screen.size
        if self._can_continue and self._filled is not None and not self._address.is_near:
            # Over a long line an update for each asking is one for each round trip.
            self._is_continuous = True
            line.send(requests.continue_updates(whole, is_on=True))
        else:
            self._is_asked, self._asked_size = True, self._screen.size
            line.send(requests.ask_update(whole, is_incremental))

    def _take_update(self, line: Line) -> None:
        was_asked, self._is_asked = self._is_asked, False
        if self._is_continuous and self._screen.is_damaged:
            # The last one waits still: they come faster than they are wanted.
            self._is_continuous = False
            line.send(requests.continue_updates(Rect.of(self._screen.size), is_on=False))
        self._watch.take_answer()
        self._screen.finish(*((self._filled.front, self._filled.back) if self._filled else ()))
        if self._waiting and self._is_fresh(self._waiting[0]):
            framebuffer, given = self._waiting
            if not given.done():
                given.set_result(self._give(framebuffer, line))
        elif was_asked and (self._waiting or self._screen.is_blank):
            # It had no pixels, but a size, or what a ping asks for.
            self._ask(line)

    def _open_line(self) -> Line:
        if self._line is None:
            raise SourceLost("The VNC server is not connected.")
        return self._line

    async def _follow(self) -> None:
        """Take what the server says, until it ends."""
        answers = Answers(self._screen)
        try:
            while True:
                for told in await self._open_line().run(answers.read()):
                    self._take(told)
        except SourceError as failure:
            self._fail(failure)
        except Exception as failure:
            logger.exception("! VNC server %s", self._address)
            self._fail(SourceLost(f"What the VNC server at {self._address} says can't be read: {failure}."))

    def _fail(self, failure: SourceError) -> None:
        self._failure = failure if isinstance(failure, SourceLost) else SourceLost(str(failure))
        if self._waiting and not self._waiting[1].done():
            self._waiting[1].set_exception(self._failure)
        self._copied.set()
        self._answered.set()

    def _take(self, told: Told) -> None:
        line = self._open_line()
        match told:
            case Updated():
                self._take_update(line)
            case ContinuousEnded():
                self._can_continue = True
            case Named(name):
                self._notify(NameChanged(name))
            case Cursor():
                self._notify(CursorChanged(told))
            case Resized():
                self._filled = None
                self._is_continuous = False
            case Can(requests.QEMU_KEYS):
                self._hands.takes_places = True
                self._answered.set()
            case PointerIs(is_relative):
                self._hands.takes_motion = is_relative
            case Can(requests.EXTENDED_DESKTOP_SIZE):
                self._notify(SizingChanged(""))
            case FenceAsked(flags, payload) if flags & requests.FENCE_REQUEST:
                line.send(requests.fence(flags & requests.FENCE_KNOWN, payload))
            case TextCut(text):
                self._clipboard.take_text(text)
            case ClipboardSaid(flags, payload):
                if answer := self._clipboard.take(flags, payload):
                    line.send(answer)
        if self._clipboard.is_fresh:
            self._clipboard.is_fresh = False
            self._notify(ClipChanged())
        if self._clipboard.text is not None:
            self._copied.set()

    # Input

    async def inject(self, event: InputEvent) -> None:
        if self._failure:
            raise self._failure
        line = self._open_line()
        match event:
            case Offer():
                self._awaited = event
            case Delivery(offer):
                if data := self._clipboard.paste(event):
                    line.send(data)
                if offer is self._awaited:
                    self._awaited = None
                    while self._held_back:
                        line.send(self._hands.act(self._held_back.popleft()))
            case Resize(width, height):
                line.send(requests.desktop_size(width, height))
            case _ if self._awaited and len(self._held_back) < _HELD_BACK_MOST:
                # What pastes waits for what it is to paste.
                self._held_back.append(event)
            case _:
                line.send(self._hands.act(event))
                self._watch.note_use()

    async def settle(self) -> None:
        """Wait until QEMU has taken all that was sent. It knows no fences, but answers encodings in their turn."""
        self._answered.clear()
        self._open_line().send(self._encodings)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_S):
                await self._answered.wait()

    def succeed(self, former: "VncSource") -> None:
        """Go on with the pointer where it was on another server, and have QEMU, which slows down idle, draw at once."""
        if self._failure:
            raise self._failure
        self._open_line().send(self._hands.succeed(former._hands))

    async def fetch_clip(self, most_bytes: int) -> Clip:
        self._copied.clear()
        if data := self._clipboard.fetch():
            self._open_line().send(data)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FETCH_S):
                    await self._copied.wait()
        return self._clipboard.clip(most_bytes)

    # Life

    def _ping(self) -> None:
        """Ask for one pixel, changed or not: what a server that lives sends at once."""
        if self._line and not self._failure:
            with contextlib.suppress(SourceLost):
                self._line.send(requests.ask_update(Rect(0, 0, 1, 1), is_incremental=False))

    def _tell_stalled(self, is_stalled: bool) -> None:
        reason = f"The VNC server at {self._address} doesn't answer." if is_stalled else ""
        self._notify(StateChanged(SourceState.STALLED if is_stalled else SourceState.LIVE, reason))

    async def close(self) -> None:
        task, self._task = self._task, None
        # Whoever waits for a server that was never there would be told that it stalls.
        self._watch.stop()
        if task:
            task.cancel()
            await asyncio.wait([task])
        line, self._line = self._line, None
        if line:
            line.close()
            self._fail(SourceLost("The VNC server is not connected."))
