"""Tickets of others: a portal's signature says who comes, or a verifier does that is asked."""

import asyncio
from typing import TYPE_CHECKING

from voxy.access.claims import ROLE, Claims, read_claims
from voxy.errors import AuthError
from voxy.web.asking import ask

if TYPE_CHECKING:
    from voxy.access.launch import Launch, Launches

_AT_ONCE, _WAITING_MOST = 4, 32
"""Questions that are under way, and that may wait for their turn; whoever comes then is told to come again."""


class Verifier:
    """Asks the service at `url` who comes by a ticket.

    It is posted {"ticket": …, "address": …} and answers 200 with {"name": …, "role": …, "groups": […]}, of which only
    the name has to be there, or 401, 403 or 404. Nothing else lets anybody in, and no redirect is followed.
    """

    def __init__(self, url: str, role: str = ROLE) -> None:
        self._url = url
        self._role = role
        self._asking = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def claims(self, ticket: str, address: str) -> Claims:
        """Who that is; AuthError 401 for nobody, 429 in a rush, 502 where it can't be told now."""
        if self._waiting >= _WAITING_MOST:
            raise AuthError("Too many come in at once: try again in a second.", 429, retry_after=1)
        self._waiting += 1
        try:
            async with self._asking:
                said = await ask(
                    "verifier",
                    "POST",
                    self._url,
                    (401, 403, 404),
                    "The ticket is not right: open the desktop from the portal again.",
                    json={"ticket": ticket, "address": address},
                )
        finally:
            self._waiting -= 1
        if not isinstance(said, dict):
            raise AuthError("The verifier's answer is not an object with a name: have it checked.", 502)
        return read_claims(said.get("name"), said.get("role", self._role), said.get("groups", ()))


class Vouching:
    """Whom tickets let in that VoXY hasn't issued itself, if any are taken."""

    def __init__(self, launches: "Launches | None" = None, verifier: Verifier | None = None) -> None:
        self._launches = launches
        self._verifier = verifier

    async def ask(self, ticket: str, address: str) -> "Launch | Claims | None":
        """Who comes by a ticket; None where nobody is known who could say it. AuthError where that one refuses."""
        if self._launches and (ticket.count(".") == 2 or not self._verifier):
            return self._launches.read(ticket)
        return await self._verifier.claims(ticket, address) if self._verifier else None
