"""MovingSource: the screen of a machine that moves from one QEMU to another, shown without a gap."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace

from voxy.blocks import Size
from voxy.errors import MachineError, SourceError, SourceLost, SourceUnavailable
from voxy.screen.framebuffer import Framebuffer
from voxy.session.clips import Clip
from voxy.session.events import InputEvent, Key
from voxy.sources.base import Damage, Notify, PlaceChanged, SourceEvent, SourceState, StateChanged
from voxy.sources.vnc.held import HeldKeys
from voxy.sources.vnc.line import Address
from voxy.sources.vnc.security import Credentials
from voxy.sources.vnc.source import VncSource

_HELD_MOST = 1024
_HELD_S = 5.0
"""Seconds after which nobody expects what was typed to be typed yet."""

_PACE_S = 0.005
"""Seconds from key to key: a PC's keyboard keeps 16 bytes of what a guest hasn't read yet, and loses the rest."""

Find = Callable[[], Awaitable[tuple[str, bool]]]
"""The address that leads to the machine's VNC server, and whether that is on this host; MachineError."""


class MovingSource:
    """Shows the server that `find` names. Whoever knows that the machine moves says when to hold, and where to go on.

    While input is held, it is kept, in its order, for the server that is shown next.
    """

    def __init__(self, find: Find) -> None:
        self._find = find
        self._shown: VncSource | None = None
        self._next: tuple[VncSource, _Muted] | None = None
        self._waiting: deque[InputEvent] | None = None
        self._typing: asyncio.Task[None] | None = None
        self._held_at = 0.0
        self._keys = HeldKeys()
        self._is_halted = False
        self._notify: Notify = lambda _: None

    async def open(self, notify: Notify) -> Size:
        await self.close()
        self._notify = notify
        try:
            source = _source(*await self._find())
        except MachineError as error:
            raise SourceUnavailable(str(error)) from None
        size = await source.open(notify)
        self._shown, self._is_halted = source, False
        if self._waiting and asyncio.get_running_loop().time() > self._held_at + _HELD_S:
            self._waiting.clear()
        self._type_held(is_elsewhere=True)
        return size

    async def grab(self, framebuffer: Framebuffer) -> Damage:
        while True:
            source = self._open_source()
            try:
                return await source.grab(framebuffer)
            except SourceLost:
                if source is self._shown:
                    raise

    async def inject(self, event: InputEvent) -> None:
        if self._waiting is None:
            await self._send(event)
        elif len(self._waiting) < _HELD_MOST:
            self._waiting.append(event)

    async def _send(self, event: InputEvent) -> None:
        self._keys.note(event)
        await self._open_source().inject(event)

    async def fetch_clip(self, most_bytes: int) -> Clip:
        return await self._open_source().fetch_clip(most_bytes)

    async def close(self) -> None:
        await self._forget_next()
        await self._stop_typing()
        source, self._shown = self._shown, None
        if source:
            await source.close()

    def _open_source(self) -> VncSource:
        if self._shown is None:
            raise SourceLost("The machine's screen is not connected.")
        return self._shown

    # Moves

    async def hold(self) -> None:
        """Keep what is typed from here on, and wait until the guest has taken what was typed before."""
        if self._waiting is not None and self._typing is None:
            return
        await self._stop_typing()
        if self._waiting is None:
            self._waiting = deque()
        self._held_at = asyncio.get_running_loop().time()
        with contextlib.suppress(SourceError):
            for key in self._keys.lift():
                await self._open_source().inject(key)
            await self._open_source().settle()

    async def release(self, reason: str = "") -> None:
        """Type what was kept where the machine is; where there is a reason why it is halted, say that."""
        self._type_held(is_elsewhere=False)
        if self._is_halted or reason:
            self._is_halted = bool(reason)
            self._notify(StateChanged(SourceState.STALLED if reason else SourceState.LIVE, reason))

    async def prepare(self, address: str, is_near: bool) -> None:
        """Connect to where the machine will be; SourceUnavailable."""
        await self._forget_next()
        source, muted = _source(address, is_near), _Muted(self._notify)
        await source.open(muted)
        self._next = source, muted

    async def switch(self) -> None:
        """Show that from now on, and type there what was kept; SourceLost where nothing is prepared any more."""
        if self._next is None:
            raise SourceLost("No other server is connected.")
        (source, muted), self._next = self._next, None
        former, self._shown = self._shown, source
        if former:
            source.succeed(former)
        self._type_held(is_elsewhere=True)
        self._is_halted = False
        self._notify(StateChanged(SourceState.LIVE))
        muted.say_all()
        if former:
            # Whoever waits for its pixels waits for the others' then.
            await former.close()

    def place(self, host: str, to: str, is_near: bool) -> None:
        """Say where the machine is, and where it moves to, if it does."""
        self._notify(PlaceChanged(host, to, is_near))

    def _type_held(self, is_elsewhere: bool) -> None:
        """Begin to type what was kept; what comes meanwhile is typed after it."""
        if self._waiting is not None and self._typing is None:
            self._waiting.extendleft(reversed([*self._keys.press_again(is_elsewhere)]))
            self._typing = asyncio.create_task(self._type())

    async def _type(self) -> None:
        while self._waiting:
            event = self._waiting.popleft()
            with contextlib.suppress(SourceError):
                await self._send(event)
            if isinstance(event, Key):
                await asyncio.sleep(_PACE_S)
        self._waiting = self._typing = None

    async def _stop_typing(self) -> None:
        task, self._typing = self._typing, None
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _forget_next(self) -> None:
        found, self._next = self._next, None
        if found:
            await found[0].close()


class _Muted:
    """What a source that isn't shown yet has to say: the newest of each kind, for when it is."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._kept: dict[type, SourceEvent] | None = {}

    def __call__(self, event: SourceEvent) -> None:
        if self._kept is None:
            self._notify(event)
        else:
            self._kept[type(event)] = event

    def say_all(self) -> None:
        kept, self._kept = self._kept or {}, None
        for event in kept.values():
            self._notify(event)


def _source(address: str, is_near: bool) -> VncSource:
    where = replace(Address.parse(address), is_far=not is_near)
    return VncSource(where, Credentials(), absence="The machine is just starting or stopping.")
