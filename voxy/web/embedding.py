"""Pages of other origins that may show the desktop, and how they sign in without a cookie.

Browsers keep cookies from pages that are inside of another site's, so that such a page shows a **ticket** instead: its
portal's server gets one with the token, for somebody whom it knows itself, and the page exchanges it at once for a
**pass**, which it keeps in its memory alone and shows with each connection. A ticket is good for one time, 30 seconds
and one origin; a pass is a session like others, for a day and for pages of the origin that got it. Neither is ever part
of an address.
"""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from aiohttp import web

from voxy.session.permissions import Permission

TICKET_S = 30.0
_TICKETS_MOST = 1024
"""Kept; past that the oldest ends."""
PROTOCOL = "voxy"
_PASS_PROTOCOL = "voxy.pass."
"""A WebSocket's subprotocols are the only words of its own that a page can send with it."""


class _Right(NamedTuple):
    origins: frozenset[str]
    permissions: Permission
    ends_at: float


@dataclass(slots=True)
class Embedding:
    """Knows the origins that may embed, and the tickets that are out. Clocks are passed in."""

    origins: frozenset[str] = frozenset()
    _tickets: OrderedDict[bytes, _Right] = field(default_factory=OrderedDict)

    def issue(self, origins: frozenset[str], permissions: Permission, now: float) -> str:
        """A new ticket, for a page of one of these origins."""
        ticket = secrets.token_urlsafe(24)
        self._tickets[_hash(ticket)] = _Right(origins, permissions, now + TICKET_S)
        while len(self._tickets) > _TICKETS_MOST:
            self._tickets.popitem(last=False)
        return ticket

    def has(self, ticket: str) -> bool:
        """Whether this is one of ours."""
        return _hash(ticket) in self._tickets

    def redeem(self, ticket: str, origin: str, now: float) -> Permission | None:
        """What a ticket allows, which is used up; None for one that is wrong, old, another origin's or used."""
        right = self._tickets.pop(_hash(ticket), None)
        return right.permissions if right and now < right.ends_at and origin in right.origins else None

    @property
    def frame_ancestors(self) -> str:
        """Who may have the page in a frame, as the policy of the page says it."""
        return " ".join(sorted(self.origins)) or "'none'"


def pass_of(request: web.Request) -> str:
    """The pass that a request shows, among its subprotocols or as a bearer's; empty without one."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind == "Bearer":
        return secret
    offered = ",".join(request.headers.getall("Sec-WebSocket-Protocol", ())).split(",")
    found = (name.strip() for name in offered)
    return next((name.removeprefix(_PASS_PROTOCOL) for name in found if name.startswith(_PASS_PROTOCOL)), "")


def cors_headers(request: web.Request, origins: frozenset[str]) -> dict[str, str]:
    """What lets a page of one of these origins read the answer. Cookies are never meant."""
    origin = request.headers.get("Origin", "")
    if not origins:
        return {}
    return {"Vary": "Origin", **({"Access-Control-Allow-Origin": origin} if origin in origins else {})}


def preflight(request: web.Request, origins: frozenset[str]) -> web.Response | None:
    """The answer to a browser that asks whether a page of one of these origins may ask; None if that is not asked."""
    if request.method != "OPTIONS" or request.headers.get("Origin", "") not in origins:
        return None
    headers = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "authorization, content-type",
        "Access-Control-Max-Age": "600",
    }
    return web.Response(status=204, headers=headers)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
