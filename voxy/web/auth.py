"""Who may come in: the Host asked for, the Origin of the page, and a session behind a cookie."""

import hashlib
import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import web

from voxy.errors import AuthError

_SESSION_COOKIE_S = 30 * 24 * 3600
_SESSIONS_MOST = 1024
"""Sessions kept; past that the oldest ends."""


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


@dataclass(slots=True)
class Gate:
    """Checks requests; raises AuthError for those that may not pass.

    `token` None lets everybody in who gets past the Host and Origin checks. `hosts` are names, beside this machine's
    own and all addresses, by which VoXY may be called: an address can't be rebound by a foreign DNS server, a name can.
    """

    token: str | None
    hosts: frozenset[str] = frozenset()
    _sessions: dict[bytes, None] = field(default_factory=dict)

    def check_host(self, request: web.Request) -> None:
        """421 for a Host that isn't ours (DNS rebinding)."""
        name = _host_name(request.host)
        own = {"localhost", socket.gethostname().lower(), *self.hosts}
        if name not in own and not _is_address(name):
            raise AuthError(f"VoXY doesn't answer to the name “{name}”: add it with --host-name.", 421)

    def check_origin(self, request: web.Request) -> None:
        """403 for a page of another origin, or none, that wants to act with our cookie."""
        origin = request.headers.get("Origin", "")
        if origin != f"{request.scheme}://{request.host}":
            raise AuthError("This page belongs to another site and may not use this desktop.", 403)

    def check_session(self, request: web.Request) -> None:
        """401 without the cookie of a session."""
        if self.token is None:
            return
        if _hash(request.cookies.get(self._cookie_name(request), "")) not in self._sessions:
            raise AuthError("Sign in first: open the URL that voxy serve printed, with its token.", 401)

    def open_session(self, request: web.Request, token: str, response: web.Response) -> None:
        """Exchange the token for a session's cookie; 401 for a wrong one."""
        if self.token is not None and not hmac.compare_digest(_hash(token), _hash(self.token)):
            raise AuthError("The token is not right: copy the whole URL that voxy serve printed.", 401)
        session = secrets.token_urlsafe(32)
        self._sessions[_hash(session)] = None
        while len(self._sessions) > _SESSIONS_MOST:
            del self._sessions[next(iter(self._sessions))]
        response.set_cookie(
            self._cookie_name(request),
            session,
            path=request.path.removesuffix("login"),
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
    def _cookie_name(request: web.Request) -> str:
        """A name of its own for each port: browsers share cookies among the ports of a host, but not among paths."""
        port = urlsplit(f"//{request.host}").port or 0
        return f"voxy-{port}"


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
