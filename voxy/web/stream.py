"""Stream: one viewer's WebSocket. Takes its messages to the Viewer, and what the desktop has for it back."""

import asyncio
import logging
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Protocol

from aiohttp import WSCloseCode, WSMsgType, web

from voxy import __version__
from voxy.desktop import Desktop
from voxy.errors import ProtocolError
from voxy.session import wire
from voxy.session.permissions import Permission, Person, names_of
from voxy.session.viewer import Viewer
from voxy.web.embedding import PROTOCOL

logger = logging.getLogger(__name__)

_HEARTBEAT_S = 15.0
_HELLO_S = 10.0
_PACED_LETTERS = 64
"""Letters that count as a message: a text is typed one by one."""

_LEAST_REST_S, _LEAST_ROOM_S = 0.05, 0.001
_STUCK_S = 30.0
"""Seconds in which a viewer may not take what was sent before it is closed."""


class Note(Protocol):
    """Takes what a viewer does to the audit."""

    def __call__(self, what: str, decision: str, who: str, viewer: int) -> None: ...


class Stream:
    """Runs one viewer from the upgrade to the end."""

    def __init__(self, desktop: Desktop, person: Person, still: Callable[[], Person | None], note: Note) -> None:
        self._desktop = desktop
        self._audit = note
        self._still = still
        self._socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_S,
            max_msg_size=wire.MAX_MESSAGE_BYTES,
            compress=False,
            timeout=1.0,
            protocols=(PROTOCOL,),
            autoping=False,
        )
        self._viewer = Viewer(time.monotonic(), secrets.token_urlsafe(16), person)
        self._wake = asyncio.Event()
        self._transport: asyncio.Transport
        self._lease: asyncio.TimerHandle | None = None
        self._letting_go: asyncio.Task[None] | None = None
        """Kept only so that it isn't collected before it ends."""
        self._told: dict[type, wire.Message] = {}
        self._news_told = -1
        self._cursor_id: int | None = None
        self._cursors: OrderedDict[int, None] = OrderedDict()
        self._pong: wire.Pong | None = None
        self._times: wire.Times | None = None

    async def run(self, request: web.Request) -> web.WebSocketResponse:
        await self._socket.prepare(request)
        if not request.transport:
            return self._socket
        self._transport = request.transport
        sender = asyncio.create_task(self._send_forever())
        self._desktop.join(self._viewer, self._wake.set)
        self._note("join", "allowed")
        try:
            await self._receive_forever()
        except ProtocolError as error:
            logger.info("x viewer closed with %d: %s", error.close_code, error)
            await self._socket.close(code=error.close_code, message=str(error).encode()[:120])
        finally:
            self._note("leave", "done")
            self._desktop.leave(self._viewer)
            sender.cancel()
            if self._lease:
                self._lease.cancel()
            await self._inject_release()
            for event in self._viewer.clipboard.abandon():
                await self._desktop.inject(event)
            await self._desktop.follow(self._viewer, None)
        return self._socket

    async def heed(self) -> None:
        """See who the viewer still is: one who may be here no more is closed, one who may do less lets go at once."""
        person = self._still()
        if person is None or Permission.VIEW not in person.permissions:
            self._note("session", "ended")
            await self._socket.close(code=wire.CLOSE_SESSION_ENDED, message=b"the session has ended")
        elif person != self._viewer.person:
            self._note("permissions", " ".join(names_of(person.permissions)))
            await self._desktop.control.admit(self._viewer, person)

    async def close(self, code: int = WSCloseCode.GOING_AWAY) -> None:
        await self._socket.close(code=code)

    def _note(self, what: str, decision: str) -> None:
        self._audit(what, decision, who=self._viewer.person.name, viewer=self._viewer.number)

    # In

    async def _receive_forever(self) -> None:
        greet_by = time.monotonic() + _HELLO_S
        while True:
            patience_s = None if self._viewer.has_greeted else max(0.0, greet_by - time.monotonic())
            try:
                message = await self._socket.receive(timeout=patience_s)
            except TimeoutError:
                raise ProtocolError("no hello within 10 s", wire.CLOSE_TOO_SLOW) from None
            match message.type:
                case WSMsgType.TEXT | WSMsgType.BINARY:
                    await self._take(message.data)
                case WSMsgType.PING:
                    await self._socket.pong(message.data)
                case WSMsgType.PONG:
                    pass
                case _:
                    return
            # Who floods us waits, by way of his own connection; nothing is left out.
            weight = len(message.data) / _PACED_LETTERS if message.type is WSMsgType.TEXT else 1.0
            if rest_s := self._viewer.pace.rest(time.monotonic(), max(1.0, weight)):
                await asyncio.sleep(rest_s)

    async def _take(self, data: str | bytes) -> None:
        results = self._viewer.receive(data, time.monotonic())
        if not self._lease:
            self._watch_lease()
        while self._viewer.refused:
            self._note(self._viewer.refused.pop(), "refused")
        for result in results:
            match result:
                case wire.Pong():
                    self._pong = result
                case wire.Times():
                    self._times = result
                case wire.Window():
                    await self._desktop.follow(self._viewer, result)
                case wire.View():
                    await self._desktop.follow(self._viewer, None)
                case wire.AskControl() | wire.TakeControl() | wire.GiveControl() | wire.LeaveControl():
                    await self._desktop.control.receive(self._viewer, result)
                    holder = self._desktop.control.lease.holder
                    self._note(str(result.__struct_config__.tag), f"held by {holder.number if holder else 'nobody'}")
                case wire.Ack():
                    self._desktop.want()
                case event:
                    await self._desktop.inject(event)
        # Input brings nothing to send by itself; looking for it would hold up the thread that types it.
        if not results or self._pong or self._times or self._viewer.clipboard.has_message:
            self._wake.set()
            self._desktop.want()

    def _watch_lease(self) -> None:
        """See that what is held is let go when too long nothing was heard; looked at no oftener than that may be."""
        left_s, self._lease = self._viewer.lease_left(time.monotonic()), None
        if left_s:
            self._lease = asyncio.get_running_loop().call_later(left_s, self._watch_lease)
        elif left_s is not None:
            self._letting_go = asyncio.create_task(self._inject_release())

    async def _inject_release(self) -> None:
        for event in self._viewer.release():
            await self._desktop.inject(event)

    # Out: nothing is queued; whatever is newest when the socket takes more is sent

    async def _send_forever(self) -> None:
        try:
            await self._wake.wait()
            while not self._viewer.has_greeted:
                self._wake.clear()
                await self._wake.wait()
            await self._welcome()
            while not self._viewer.is_replaced:
                if self._wake.is_set():
                    self._wake.clear()
                    await self._send_messages()
                has_sent = await self._send_clipboard()
                has_more = await self._send_update() and self._viewer.is_held_back
                if not has_sent and not has_more:
                    await self._until_wake()
            # At once: a line that is dead may take its time to close.
            await self._inject_release()
            await self._socket.close(code=wire.CLOSE_RESUMED, message=b"resumed by another connection")
        except TimeoutError:
            await self._socket.close(code=wire.CLOSE_TOO_SLOW, message=b"nothing was read for 30 s")
        except ConnectionError as error:
            logger.debug("x viewer gone: %s", error)
        except Exception:
            logger.exception("! viewer closed")
            await self._socket.close(code=WSCloseCode.INTERNAL_ERROR)

    async def _welcome(self) -> None:
        viewer, name = self._viewer, self._desktop.name
        resumed = self._desktop.welcome(viewer)
        await self._send(wire.Welcome(wire.PROTOCOL, __version__, name, viewer.token, resumed))
        viewer.welcomed(time.monotonic())

    async def _send_messages(self) -> None:
        if self._pong:
            pong, self._pong = self._pong, None
            await self._send(pong)
        if self._times:
            times, self._times = self._times, None
            await self._send(times)
        if self._news_told != self._desktop.news:
            self._news_told = self._desktop.news
            await self._send_news()

    async def _send_news(self) -> None:
        for news in self._news():
            if self._told.get(type(news)) != news:
                self._told[type(news)] = news
                await self._send(news)
        cursor = self._desktop.cursor
        if cursor and cursor.id != self._cursor_id:
            self._cursor_id = cursor.id
            png = None if cursor.id in self._cursors else self._desktop.cursor_png
            self._cursors[cursor.id] = None
            self._cursors.move_to_end(cursor.id)
            if len(self._cursors) > wire.CURSORS_KEPT:
                self._cursors.popitem(last=False)
            await self._send(wire.Cursor(cursor.id, cursor.x, cursor.y, png))

    def _news(self) -> Iterator[wire.Message]:
        """All that a viewer is to know of; what it was told already isn't said again."""
        desktop = self._desktop
        yield desktop.state
        if desktop.title:
            yield desktop.title
        if desktop.place and "place" in self._viewer.capabilities:
            yield desktop.place
        yield wire.People(desktop.people)
        if "may" in self._viewer.capabilities:
            yield wire.May(names_of(self._viewer.permissions))
        if "control" in self._viewer.capabilities:
            yield desktop.control.lease.news_for(self._viewer, desktop.viewers)
        yield from desktop.lead.news_for(self._viewer)

    async def _send_clipboard(self) -> bool:
        """Send one message of the clipboard at a time, so that pictures go between them."""
        message = self._viewer.clipboard.take(self._viewer.flow.window_bytes)
        if isinstance(message, wire.ClipChunk):
            await self._send_bytes(message.serialize())
        elif message:
            await self._send(message)
        return message is not None

    async def _send_update(self) -> bool:
        update = await self._desktop.next_update(self._viewer)
        if update is None:
            return False
        now = time.monotonic()
        self._viewer.sent(update.seq, len(update.data), update.rough, update.used, now)
        self._viewer.meter.sent(update.seq, len(update.data), update.stages, now)
        await self._send_bytes(update.data)
        return True

    async def _send_bytes(self, data: bytes) -> None:
        # As little as that is taken at once, and its time needn't be watched, which takes longer than to send it.
        least, _ = self._transport.get_write_buffer_limits()
        if self._transport.get_write_buffer_size() + len(data) <= least:
            await self._socket.send_bytes(data)
            return
        async with asyncio.timeout(_STUCK_S):
            await self._socket.send_bytes(data)

    async def _send(self, message: wire.Message) -> None:
        async with asyncio.timeout(_STUCK_S):
            await self._socket.send_str(message.serialize())

    async def _until_wake(self) -> None:
        now = time.monotonic()
        if self._viewer.has_room(now):
            rest_at = self._viewer.rest_at()
            # What has rested may have to wait for the end of a film.
            until = rest_at + _LEAST_ROOM_S if rest_at > now else now + _LEAST_REST_S
        else:
            until = max(self._viewer.room_at(now), now) + _LEAST_ROOM_S
        if until == math.inf:
            await self._wake.wait()
            return
        try:
            async with asyncio.timeout(until - now):
                await self._wake.wait()
        except TimeoutError:
            self._desktop.want()
