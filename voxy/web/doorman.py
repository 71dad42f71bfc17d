"""Doorman: turns those away who come and then say nothing, so that there is room for those who do."""

import asyncio
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler

HEAD_S = 10.0
"""Seconds from the connection to the whole head of a request."""

IDLE_S = 75.0
"""Seconds from one request to the next one of the same connection, which then has as long for its head."""

_BODY_S = 30.0
"""Seconds for what a request brings along, and for the answer to that."""

_SILENT_MOST = 512
"""Connections that may be without a request; past that the one that came first goes."""

_ROUND_S = 0.5


class _Wait(NamedTuple):
    began: float
    until: float


class Doorman:
    """Knows the connections of a server that have no request, each from its beginning or its last request's end."""

    def __init__(self) -> None:
        self._waits: dict[web.RequestHandler, _Wait] = {}
        self._round: asyncio.TimerHandle | None = None

    def admit(self, connection: web.RequestHandler) -> web.RequestHandler:
        """Watch a connection that is about to be made."""
        self._watch(connection, HEAD_S)
        if len(self._waits) > _SILENT_MOST:
            self._forget_closed()
        while len(self._waits) > _SILENT_MOST:
            self._turn_away(next(iter(self._waits)))
        return connection

    @web.middleware
    async def leave_alone(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Don't watch a connection while it has a request; one that brings something mustn't take for ever to."""
        connection = request.protocol
        is_watched = self._waits.pop(connection, None)
        try:
            async with asyncio.timeout(_BODY_S if request.can_read_body else None):
                return await handler(request)
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        finally:
            if is_watched:
                self._watch(connection, IDLE_S + HEAD_S)

    def _watch(self, connection: web.RequestHandler, seconds: float) -> None:
        now = asyncio.get_running_loop().time()
        self._waits[connection] = _Wait(now, now + seconds)
        if self._round is None:
            self._round = asyncio.get_running_loop().call_later(_ROUND_S, self._go_round)

    def _go_round(self) -> None:
        self._round = None
        self._forget_closed()
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in [connection for connection, wait in self._waits.items() if wait.until <= now]:
            self._turn_away(connection)
        if self._waits:
            self._round = loop.call_later(_ROUND_S, self._go_round)

    def _forget_closed(self) -> None:
        # What has only just come has no transport yet.
        newest = asyncio.get_running_loop().time() - _ROUND_S / 2
        for connection, wait in list(self._waits.items()):
            if connection.transport is None and wait.began < newest:
                del self._waits[connection]

    def _turn_away(self, connection: web.RequestHandler) -> None:
        del self._waits[connection]
        if connection.transport:
            connection.transport.abort()
