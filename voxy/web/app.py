"""The web application: routes, headers, and what a refusal looks like."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

import voxy
from voxy.desktop import Desktop
from voxy.errors import AuthError
from voxy.session import wire
from voxy.session.permissions import CONTROLLER, VIEWER
from voxy.web.auth import Gate, own_origin
from voxy.web.embedding import TICKET_S, Embedding, cors_headers, preflight
from voxy.web.forwarded import as_asked
from voxy.web.health import health_routes, metrics_response
from voxy.web.status import status_of
from voxy.web.stream import Stream

_HEED_S, _ENDS_EVERY = 1.0, 10
"""Seconds between two looks whether somebody was put out, and how many of those also look whose time is over."""

DESKTOP = web.AppKey("desktop", Desktop)
GATE = web.AppKey("gate", Gate)
PROXIES = web.AppKey("proxies", Container[object])
STREAMS = web.AppKey("streams", set[Stream])

# Cursor shapes are blobs that the page makes; all else comes from here.
_POLICY = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors {}; require-trusted-types-for 'script'; trusted-types voxy-line"
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


Asked = TypeVar("Asked")


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """What the page sends to exchange one of its secrets for a cookie, or a token or ticket for a pass."""

    token: str = ""
    ticket: str = ""
    keep: Literal["cookie", "page"] = "cookie"
    user: str = ""
    password: str = ""
    invitation: str = ""


class TicketFor(msgspec.Struct, forbid_unknown_fields=True):
    """What a portal's server sends to get a ticket for one of its pages."""

    origin: str
    view_only: bool = False


def make_app(desktop: Desktop | None, gate: Gate, proxies: Container[object] = ()) -> web.Application:
    """The application that serves `desktop` to those whom `gate` lets in; without one it is put in at the startup.

    `proxies` are the addresses that are believed what they forward.
    """
    app = web.Application(middlewares=[_refuse], client_max_size=wire.MAX_MESSAGE_BYTES)
    if desktop:
        app[DESKTOP] = desktop
    app[GATE] = gate
    app[PROXIES] = proxies
    app[STREAMS] = set()
    app.on_response_prepare.append(_add_headers(gate.embedding))
    app.on_shutdown.append(_close_streams)
    app.cleanup_ctx.append(_heed_changes)
    app.add_routes(
        [
            web.get("/", _page),
            web.get("/session", _session),
            web.post("/login", _login),
            web.post("/logout", _logout),
            web.post("/ticket", _ticket),
            web.get("/embedding.json", _embedding),
            web.get("/stream", _stream),
            web.get("/status.json", _status),
            web.get("/metrics", _metrics),
            *health_routes(DESKTOP),
            web.static("/", page_folder()),
        ]
    )
    return app


def make_metrics_app(desktop: Desktop, gate: Gate) -> web.Application:
    """The application for whoever watches over VoXY, on a listener of its own: nobody has to show a token there."""

    async def metrics(request: web.Request) -> web.Response:
        return metrics_response(request.app[DESKTOP])

    app = web.Application(middlewares=[_refuse])
    app[DESKTOP], app[GATE], app[PROXIES] = desktop, gate, ()
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


def page_folder() -> Path:
    """Where the page's files are: inside the installed package, or beside it in a checkout."""
    package = Path(voxy.__file__).parent
    installed = package / "static"
    return installed if installed.is_dir() else package.parent / "static"


async def _page(_: web.Request) -> web.FileResponse:
    return web.FileResponse(page_folder() / "index.html")


async def _session(request: web.Request) -> web.Response:
    """Whether the browser has a session, and what it may do: 200 or 401."""
    gate = request.app[GATE]
    person = gate.check_session(request)
    may = [str(one.name).lower() for one in person.permissions]
    return web.json_response({"name": person.name, "may": may, "cookie": gate.has_cookie(request)})


async def _login(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    gate.check_origin(request)
    login = await _read_json(request, Login, '{"token": "…"}')
    # A page of another origin is given no cookie: in some browsers it would be kept and in some not.
    keeps_pass = login.ticket or login.keep == "page" or request.headers["Origin"] != own_origin(request)
    if login.user or login.password:
        secret = await gate.access.sign_in(login.user, login.password, request.remote or "")
    elif login.invitation:
        secret = gate.access.accept(login.invitation)
    elif keeps_pass:
        secret = gate.open_pass(request, login.token, login.ticket)
    else:
        secret = gate.open_session(login.token)
    if keeps_pass:
        return web.json_response({"pass": secret})
    response = web.Response(status=204)
    # What was planted here before is no way in.
    gate.end_session(request, response)
    gate.set_cookie(request, response, secret)
    return response


async def _logout(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    gate.check_origin(request)
    response = web.Response(status=204)
    gate.end_session(request, response)
    return response


async def _ticket(request: web.Request) -> web.Response:
    asked = await _read_json(request, TicketFor, '{"origin": "https://…", "view_only": false}')
    permissions = VIEWER if asked.view_only else CONTROLLER
    ticket = request.app[GATE].issue_ticket(request, asked.origin, permissions)
    return web.json_response({"ticket": ticket, "expires_in": TICKET_S}, headers={"Cache-Control": "no-store"})


async def _embedding(request: web.Request) -> web.Response:
    """Whom the page listens to in a frame; the policy of each answer says the same."""
    return web.json_response({"origins": sorted(request.app[GATE].embedding.origins)})


async def _read_json(request: web.Request, kind: type[Asked], example: str) -> Asked:
    if request.content_type != "application/json":
        raise AuthError("This is to be sent as application/json.", 415)
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.DecodeError:
        raise AuthError(f"This is to be such as {example}.", 400) from None


async def _stream(request: web.Request) -> web.WebSocketResponse:
    gate = request.app[GATE]
    gate.check_origin(request)
    stream = Stream(request.app[DESKTOP], gate.check_session(request), lambda: gate.person(request))
    request.app[STREAMS].add(stream)
    try:
        return await stream.run(request)
    finally:
        request.app[STREAMS].discard(stream)


async def _status(request: web.Request) -> web.Response:
    request.app[GATE].check_session(request)
    status = status_of(request.app[DESKTOP], time.monotonic())
    return web.Response(body=msgspec.json.encode(status), content_type="application/json")


async def _metrics(request: web.Request) -> web.Response:
    request.app[GATE].check_bearer(request)
    return metrics_response(request.app[DESKTOP])


@web.middleware
async def _refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check the Host of every request, and answer what may not pass with one sentence."""
    try:
        request = as_asked(request, request.app[PROXIES])
        request.app[GATE].check_host(request)
        if answer := preflight(request, request.app[GATE].embedding.origins):
            return answer
        return await handler(request)
    except AuthError as error:
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        if error.status == 401:
            names = ["VoXY-Token", *(["VoXY-Password"] if request.app[GATE].access.has_users else [])]
            headers["WWW-Authenticate"] = ", ".join(names)
        return web.Response(status=error.status, text=f"{error}\n", headers=headers)


def _add_headers(embedding: Embedding) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """What adds the headers of every answer, where `embedding` says who may have the page inside of theirs."""
    headers = {**_HEADERS, "Content-Security-Policy": _POLICY.format(embedding.frame_ancestors)}
    # It knows no list of origins; the policy does.
    if embedding.origins:
        del headers["X-Frame-Options"]

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in {**headers, **cors_headers(request, embedding.origins)}.items():
            response.headers.setdefault(name, value)
        response.headers.popall("Server", None)

    return add


async def _heed_changes(app: web.Application) -> AsyncIterator[None]:
    """Whoever may no longer be here goes, and whoever may do something else can, within two seconds."""
    task = asyncio.create_task(_heed_forever(app))
    yield
    task.cancel()
    await asyncio.wait([task])
    app[GATE].access.close()


async def _heed_forever(app: web.Application) -> None:
    gate, heeded, rounds = app[GATE], app[GATE].version, 0
    while True:
        await asyncio.sleep(_HEED_S)
        rounds += 1
        # Sessions also end by themselves, which changes nothing that is kept.
        if app[STREAMS] and (heeded != (version := gate.version) or rounds % _ENDS_EVERY == 0):
            heeded = version
            await asyncio.gather(*(stream.heed() for stream in app[STREAMS]))


async def _close_streams(app: web.Application) -> None:
    await asyncio.gather(*(stream.close() for stream in app[STREAMS]))
