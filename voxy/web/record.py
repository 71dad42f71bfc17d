"""What requests, streams and changes of the store leave in the audit."""

import time
from collections.abc import Callable

from aiohttp import web

from voxy.access.audit import Audit
from voxy.desktop import Desktop
from voxy.errors import AuthError
from voxy.session.permissions import Person
from voxy.web.access import Access

AUDIT = web.AppKey("audit", Audit)
DESKTOP = web.AppKey("desktop", Desktop)
PERSON = web.RequestKey("person", Person)
WAY = web.RequestKey("way", str)
"""How somebody tries to come in."""

TRIED = web.RequestKey("tried", str)
"""The name that he says to have, if there is such a user: what is no name may be a password at the wrong place."""


def record_answer(request: web.Request, answer: web.StreamResponse) -> None:
    """Note what was allowed that changes who may be here."""
    if request.method == "POST":
        _record_route(request, "allowed" if answer.status < 400 else f"refused {answer.status}")


def record_refusal(request: web.Request, error: AuthError) -> None:
    """Note what was refused; a page asks whether it is signed in, and that it isn't is no event."""
    if request.match_info.route.name != "session":
        _record_route(request, f"refused {error.status}")


def _record_route(request: web.Request, decision: str) -> None:
    way = f" by {request[WAY]}" if WAY in request else ""
    record(request, f"{request.match_info.route.name or 'unknown'}{way}", decision)


def record(request: web.Request, what: str, decision: str, who: str | None = None, viewer: int = 0) -> None:
    """Note what `who`, by default whoever sent the request, did with it."""
    if who is None:
        who = request[PERSON].name if PERSON in request else request.get(TRIED, "")
    address, name = request.remote or "", _name(request.app)
    request.app[AUDIT].note(
        time.time(), who=who, what=what, desktop=name, address=address, decision=decision, viewer=viewer
    )


def _name(app: web.Application) -> str:
    return app[DESKTOP].name if DESKTOP in app else ""


class Changes:
    """Notes what the commands change meanwhile: users, invitations and rules."""

    def __init__(self, app: web.Application, access: Access, rules: Callable[[], int]) -> None:
        self._app, self._access, self._rules = app, access, rules
        self._known, self._version = access.census(), rules()

    def record(self) -> None:
        known, version = self._access.census(), self._rules()
        for what, decision in ((self._known - known, "ended"), (known - self._known, "made")):
            for who, thing in sorted(what):
                self._note(who, thing, decision)
        if version != self._version:
            self._note("", "rules", "read anew")
        self._known, self._version = known, version

    def _note(self, who: str, what: str, decision: str) -> None:
        desktop = _name(self._app)
        self._app[AUDIT].note(time.time(), who=who, what=what, desktop=desktop, address="", decision=decision)
