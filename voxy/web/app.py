"""The web application: routes, headers, and what a refusal looks like."""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Container

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from voxy.access.audit import Audit
from voxy.desktop import Desktop
from voxy.errors import AuthError
from voxy.session import wire
from voxy.session.permissions import CONTROLLER, VIEWER, Permission, names_of
from voxy.web.auth import GATE, Gate
from voxy.web.embedding import TICKET_S, Embedding, cors_headers, preflight
from voxy.web.files import serve_file
from voxy.web.forwarded import as_asked
from voxy.web.health import health_routes, metrics_response
from voxy.web.login import LOGIN_ROUTES, read_body
from voxy.web.proxied import FROM_PROXY
from voxy.web.record import (
    AUDIT,
    DESKTOP,
    PERSON,
    Changes,
    record,
    record_answer,
    record_refusal,
)
from voxy.web.status import status_of
from voxy.web.stream import Stream

logger = logging.getLogger(__name__)

_HEED_S, _ENDS_EVERY = 1.0, 10
"""Seconds between two looks whether somebody was put out, and how many of those also look whose time is over."""

PROXIES = web.AppKey("proxies", Container[object])
STREAMS = web.AppKey("streams", set[Stream])
CHANGED = web.AppKey("changed", asyncio.Event)
"""Set by who knows that something has changed that says who may do what."""

# Cursor shapes are blobs that the page makes; all else comes from here.
_POLICY = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors {}; require-trusted-types-for 'script'; trusted-types voxy-line voxy-markup"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",
}

_NEEDED: dict[str, Permission | None] = {
    "page": None,
    "files": None,
    "login": None,
    "logout": None,
    "provider": None,
    "provided": None,
    "embedding": None,
    "livez": None,
    "readyz": None,
    # A program shows the token itself.
    "ticket": None,
    "metrics": None,
    "session": Permission.VIEW,
    "stream": Permission.VIEW,
    "status": Permission.STATUS,
}
"""What each route asks for, by its name; None is open to whoever isn't signed in, and shows nothing of the desktop."""

_OF_PAGES = {"login", "logout", "stream"}
"""Routes that act for who has a cookie: pages of other origins, but for those that may embed, are refused first."""


class TicketFor(msgspec.Struct, forbid_unknown_fields=True):
    """What a portal's server sends to get a ticket for one of its pages."""

    origin: str
    view_only: bool = False


def make_app(
    desktop: Desktop | None, gate: Gate, proxies: Container[object] = (), audit: Audit | None = None
) -> web.Application:
    """The application that serves `desktop` to those whom `gate` lets in; without one it is put in at the startup.

    `proxies` are the addresses that are believed what they forward.
    """
    app = web.Application(middlewares=[_refuse, _check], client_max_size=wire.MAX_MESSAGE_BYTES)
    if desktop:
        app[DESKTOP] = desktop
    app[GATE] = gate
    app[PROXIES] = proxies
    app[AUDIT] = audit or Audit()
    app[STREAMS] = set()
    app[CHANGED] = asyncio.Event()
    app.on_response_prepare.append(_add_headers(gate.embedding))
    app.on_shutdown.append(_close_streams)
    app.cleanup_ctx.append(_heed_changes)
    app.add_routes(
        [
            web.get("/", serve_file, name="page"),
            *LOGIN_ROUTES,
            web.post("/ticket", _ticket, name="ticket"),
            web.get("/embedding.json", _embedding, name="embedding"),
            web.get("/stream", _stream, name="stream"),
            web.get("/status.json", _status, name="status"),
            web.get("/metrics", _metrics, name="metrics"),
            *health_routes(DESKTOP),
            web.get("/{path:.+}", serve_file, name="files"),
        ]
    )
    return app


def make_metrics_app(desktop: Desktop, gate: Gate) -> web.Application:
    """The application for whoever watches over VoXY, on a listener of its own: nobody has to show a token there."""

    async def metrics(request: web.Request) -> web.Response:
        return metrics_response(request.app[DESKTOP])

    app = web.Application(middlewares=[_refuse])
    app[DESKTOP], app[GATE], app[PROXIES], app[AUDIT] = desktop, gate, (), Audit()
    app.on_response_prepare.append(_add_headers(Embedding()))
    app.add_routes([web.get("/metrics", metrics), *health_routes(DESKTOP)])
    return app


def mounted(app: web.Application, base_path: str) -> web.Application:
    """An application that has `app` under a path such as /desktops, and nothing else."""
    if not base_path:
        return app

    async def lead_in(request: web.Request) -> web.Response:
        raise web.HTTPPermanentRedirect(request.rel_url.with_path(f"{base_path}/", keep_query=True))

    root = web.Application()
    root.on_response_prepare.append(_add_headers(app[GATE].embedding))
    root.router.add_get(base_path, lead_in)
    root.add_subapp(f"{base_path}/", app)
    return root


async def _ticket(request: web.Request) -> web.Response:
    asked = await read_body(request, TicketFor, '{"origin": "https://…", "view_only": false}')
    permissions = VIEWER if asked.view_only else CONTROLLER
    ticket = request.app[GATE].issue_ticket(request, asked.origin, permissions)
    return web.json_response({"ticket": ticket, "expires_in": TICKET_S}, headers={"Cache-Control": "no-store"})


async def _embedding(request: web.Request) -> web.Response:
    """Whom the page listens to in a frame; the policy of each answer says the same."""
    return web.json_response({"origins": sorted(request.app[GATE].embedding.origins)})


async def _stream(request: web.Request) -> web.WebSocketResponse:
    gate = request.app[GATE]
    note = functools.partial(record, request)
    stream = Stream(request.app[DESKTOP], request[PERSON], lambda: gate.person(request), note)
    request.app[STREAMS].add(stream)
    try:
        return await stream.run(request)
    finally:
        request.app[STREAMS].discard(stream)


async def _status(request: web.Request) -> web.Response:
    status = status_of(request.app[DESKTOP], time.monotonic())
    return web.Response(body=msgspec.json.encode(status), content_type="application/json")


async def _metrics(request: web.Request) -> web.Response:
    request.app[GATE].check_bearer(request)
    return metrics_response(request.app[DESKTOP])


@web.middleware
async def _refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check the Host of every request, and answer what may not pass with one sentence."""
    try:
        is_proxy = (request.remote or "") in request.app[PROXIES]
        request = as_asked(request, request.app[PROXIES])
        request[FROM_PROXY] = is_proxy
        request.app[GATE].check_host(request)
        if answer := preflight(request, request.app[GATE].embedding.origins):
            return answer
        response = await handler(request)
        record_answer(request, response)
        return response
    except AuthError as error:
        record_refusal(request, error)
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        if error.status == 401:
            headers["WWW-Authenticate"] = ", ".join(request.app[GATE].ways())
        return web.Response(status=error.status, text=f"{error}\n", headers=headers)


@web.middleware
async def _check(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check that whoever asks may do what the route does; a route without a rule serves nobody."""
    if request.match_info.http_exception is None:
        name = request.match_info.route.name or ""
        if name in _OF_PAGES:
            request.app[GATE].check_origin(request)
        needed = _NEEDED[name]
        if needed is not None:
            person = request[PERSON] = request.app[GATE].check_session(request)
            if needed not in person.permissions:
                permission = "+".join(names_of(needed))
                raise AuthError(f"You may not do this here: it takes the permission “{permission}”.", 403)
    return await handler(request)


def _add_headers(embedding: Embedding) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """What adds the headers of every answer, where `embedding` says who may have the page inside of theirs."""
    headers = {**_HEADERS, "Content-Security-Policy": _POLICY.format(embedding.frame_ancestors)}
    # It knows no list of origins; the policy does.
    if embedding.origins:
        del headers["X-Frame-Options"]

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in {**headers, **cors_headers(request, embedding.origins)}.items():
            # An answer may differ by more than one thing.
            (response.headers.add if name == "Vary" else response.headers.setdefault)(name, value)
        response.headers.popall("Server", None)

    return add


async def _heed_changes(app: web.Application) -> AsyncIterator[None]:
    """Whoever may no longer be here goes, and whoever may do something else can, within two seconds."""
    task = asyncio.create_task(_heed_forever(app))
    yield
    task.cancel()
    await asyncio.wait([task])
    app[GATE].access.close()
    app[AUDIT].close()


async def _heed_forever(app: web.Application) -> None:
    gate, heeded, rounds = app[GATE], app[GATE].version, 0
    changes = Changes(app, gate.access, gate.rules.refresh)
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HEED_S):
                await app[CHANGED].wait()
        app[CHANGED].clear()
        rounds += 1
        try:
            # Sessions also end by themselves, which changes nothing that is kept.
            if heeded != (version := gate.version) or rounds % _ENDS_EVERY == 0:
                heeded = version
                changes.record()
                await asyncio.gather(*(stream.heed() for stream in app[STREAMS]))
        except Exception:
            logger.exception("! who may be here can't be told now")


async def _close_streams(app: web.Application) -> None:
    await asyncio.gather(*(stream.close() for stream in app[STREAMS]))
