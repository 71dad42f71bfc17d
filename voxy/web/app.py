"""The web application: routes, headers, and what a refusal looks like."""

import asyncio
import time
from collections.abc import Container
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

import voxy
from voxy.desktop import Desktop
from voxy.errors import AuthError
from voxy.session import wire
from voxy.web.auth import Gate
from voxy.web.forwarded import as_asked
from voxy.web.health import health_routes, metrics_response
from voxy.web.status import status_of
from voxy.web.stream import Stream

DESKTOP = web.AppKey("desktop", Desktop)
GATE = web.AppKey("gate", Gate)
PROXIES = web.AppKey("proxies", Container[object])
STREAMS = web.AppKey("streams", set[Stream])

_HEADERS = {
    # Cursor shapes are blobs that the page makes; all else comes from here.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types voxy-line",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",
}


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """What the page sends to exchange its token for a cookie."""

    token: str


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
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(_close_streams)
    app.add_routes(
        [
            web.get("/", _page),
            web.get("/session", _session),
            web.post("/login", _login),
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
    app.on_response_prepare.append(_add_headers)
    app.add_routes([web.get("/metrics", metrics), *health_routes(DESKTOP)])
    return app


def mounted(app: web.Application, base_path: str) -> web.Application:
    """An application that has `app` under a path such as /desktops, and nothing else."""
    if not base_path:
        return app

    async def lead_in(request: web.Request) -> web.Response:
        raise web.HTTPPermanentRedirect(request.rel_url.with_path(f"{base_path}/", keep_query=True))

    root = web.Application()
    root.on_response_prepare.append(_add_headers)
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
    """Whether the browser has a session: 200 or 401."""
    request.app[GATE].check_session(request)
    return web.json_response({})


async def _login(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    gate.check_origin(request)
    if request.content_type != "application/json":
        raise AuthError("A login is sent as application/json.", 415)
    try:
        login = msgspec.json.decode(await request.read(), type=Login)
    except msgspec.DecodeError:
        raise AuthError('A login is {"token": "…"}.', 400) from None
    response = web.Response(status=204)
    gate.open_session(request, login.token, response)
    return response


async def _stream(request: web.Request) -> web.WebSocketResponse:
    gate = request.app[GATE]
    gate.check_origin(request)
    gate.check_session(request)
    stream = Stream(request.app[DESKTOP])
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
        return await handler(request)
    except AuthError as error:
        return web.Response(status=error.status, text=f"{error}\n")


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.popall("Server", None)


async def _close_streams(app: web.Application) -> None:
    await asyncio.gather(*(stream.close() for stream in app[STREAMS]))
