"""Who may come in: the Host asked for, the Origin of the page, and a session behind a cookie or a pass."""

import hashlib
import hmac
import ipaddress
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from voxy.access.rules import RulesFile
from voxy.errors import AuthError
from voxy.session.permissions import OWNER, Permission, Person
from voxy.web.access import Access
from voxy.web.embedding import Embedding, pass_of
from voxy.web.proxied import ProxyHeaders
from voxy.web.vouching import Vouching

if TYPE_CHECKING:
    from voxy.access.claims import Claims
    from voxy.access.launch import Launch
    from voxy.web.openid import OpenId

_SESSION_COOKIE_S = 30 * 24 * 3600


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


ANY_HOST = "*"


@dataclass(slots=True)
class Gate:
    """Checks requests; raises AuthError for those that may not pass.

    `token` None lets everybody in who gets past the Host and Origin checks. `hosts` are names, beside this machine's
    own and all addresses, by which VoXY may be called: an address can't be rebound by a foreign DNS server, a name can.
    ANY_HOST among them lets pass all names, where only a proxy that checks them reaches VoXY.
    """

    token: str | None
    hosts: frozenset[str] = frozenset()
    most: Permission = OWNER
    """What anybody may do at the most, whatever else is said."""
    embedding: Embedding = field(default_factory=Embedding)
    access: Access = field(default_factory=Access)
    rules: RulesFile = field(default_factory=RulesFile)
    headers: ProxyHeaders = field(default_factory=ProxyHeaders)
    vouching: Vouching = field(default_factory=Vouching)
    openid: "OpenId | None" = None

    def check_host(self, request: web.Request) -> None:
        """421 for a Host that isn't ours (DNS rebinding)."""
        name = _host_name(request.host)
        own = {"localhost", socket.gethostname().lower(), *self.hosts}
        if name not in own and not _is_address(name) and ANY_HOST not in self.hosts:
            raise AuthError(f"VoXY doesn't answer to the name “{name}”: add it with --host-name.", 421)

    def check_origin(self, request: web.Request) -> None:
        """403 for a page of an origin that is neither ours nor one that may embed, or of none."""
        if request.headers.get("Origin", "") not in {own_origin(request), *self.embedding.origins}:
            raise AuthError("This page belongs to another site and may not use this desktop.", 403)

    @property
    def version(self) -> object:
        """Another one after each change that may put somebody out."""
        return self.access.version, self.rules.refresh()

    def check_session(self, request: web.Request) -> Person:
        """Who shows a pass, or our own page's cookie; 401 without either."""
        if person := self.person(request):
            return person
        raise AuthError("Sign in first: open the URL that voxy serve printed, with its token.", 401)

    def person(self, request: web.Request) -> Person | None:
        """Who that is and what he may do by the rules, as long as the pass or the session of the cookie lasts."""
        if person := self._person(request):
            return person._replace(permissions=self.rules.rules.permissions_of(person) & self.most)
        return None

    def _person(self, request: web.Request) -> Person | None:
        if self.token is None:
            return Person("", OWNER)
        origin = request.headers.get("Origin", own_origin(request))
        if secret := pass_of(request):
            return self.access.person(secret, origin, self.proof)
        # The cookie of somebody who has signed in here is no word for a page of another origin; no proxy's is either.
        if origin != own_origin(request):
            return None
        return self._cookies_person(request) or self.headers.person(request)

    def ways(self) -> list[str]:
        """How one may sign in, as challenges of HTTP name it."""
        ways = ["VoXY-Token"]
        if self.access.has_users:
            ways.append("VoXY-Password")
        if self.openid:
            ways.append(f'VoXY-OpenID realm="{self.openid.client.provider}"')
        return ways

    def has_cookie(self, request: web.Request) -> bool:
        """Whether somebody came by a session of the browser's, which he can end."""
        return self.token is not None and self._cookies_person(request) is not None

    def _cookies_person(self, request: web.Request) -> Person | None:
        secret = request.cookies.get(self.cookie_name(request), "")
        return self.access.person(secret, own_origin(request), self.proof)

    def issue_ticket(self, request: web.Request, origin: str, permissions: Permission) -> str:
        """A ticket for a page of `origin`, or for our own in a frame of it; 401 without the token, 400 for others."""
        self.check_bearer(request)
        if origin not in self.embedding.origins:
            raise AuthError(f"“{origin}” may not embed this desktop: add it with --embed-origin.", 400)
        return self.embedding.issue(frozenset({origin, own_origin(request)}), permissions, time.monotonic())

    async def ask_others(self, request: web.Request, ticket: str) -> "Launch | Claims | None":
        """Who comes by a ticket that isn't one of ours, as others say; None where nobody says anything."""
        return None if self.embedding.has(ticket) else await self.vouching.ask(ticket, request.remote or "")

    def open_pass(self, request: web.Request, token: str, ticket: str) -> str:
        """Exchange a ticket or the token for a pass, for the page that asks; 401 for a wrong one."""
        origin, now = request.headers["Origin"], time.monotonic()
        permissions = self.embedding.redeem(ticket, origin, now) if ticket else None
        if permissions is None:
            if ticket:
                raise AuthError("The ticket has been used, or is too old: get a new one.", 401)
            self._check_token(token)
        return self.access.admit(OWNER if permissions is None else permissions, self.proof, origin)

    @property
    def proof(self) -> bytes:
        """What sessions by the token have, so that none is good for another token."""
        return _hash(self.token or "")

    def _check_token(self, token: str) -> None:
        if self.token is not None and not hmac.compare_digest(_hash(token), _hash(self.token)):
            raise AuthError("The token is not right: copy the whole URL that voxy serve printed.", 401)

    def open_session(self, token: str) -> str:
        """Exchange the token for a new session's secret; 401 for a wrong one."""
        self._check_token(token)
        return self.access.admit(OWNER, self.proof)

    def end_session(self, request: web.Request, response: web.Response) -> None:
        """Sign out whoever shows the cookie, wherever he is in with it."""
        name = self.cookie_name(request)
        if secret := request.cookies.get(name, ""):
            self.access.end(secret)
        response.del_cookie(name, path=page_path(request))

    def set_cookie(self, request: web.Request, response: web.Response, secret: str) -> None:
        response.set_cookie(
            self.cookie_name(request),
            secret,
            path=page_path(request),
            max_age=_SESSION_COOKIE_S,
            httponly=True,
            samesite="Strict",
            secure=request.scheme == "https",
        )

    def check_bearer(self, request: web.Request) -> None:
        """401 for a program that doesn't show the token itself."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if self.token is None or kind != "Bearer" or not hmac.compare_digest(_hash(token), _hash(self.token)):
            raise AuthError("Send the token as “Authorization: Bearer …”, or use --metrics-listen.", 401)

    @staticmethod
    def cookie_name(request: web.Request) -> str:
        """A name of its own for each port: browsers share cookies among the ports of a host, but not among paths."""
        port = urlsplit(f"//{request.host}").port or 0
        return f"voxy-{port}"


GATE = web.AppKey("gate", Gate)


def page_path(request: web.Request) -> str:
    """The path of VoXY's own page."""
    return request.path.rpartition("/")[0] + "/"


def own_origin(request: web.Request) -> str:
    """The origin of VoXY's own page."""
    return f"{request.scheme}://{request.host}"


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
