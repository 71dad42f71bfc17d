"""A small portal of its own, with its own login, that has desktops inside of its pages.

    python docs/examples/portal/portal.py        # then open what it prints; alice's password is “wonderland”

It starts three demo desktops with VoXY, each on another origin than the portal's. Its server knows their token and gets
a ticket for whoever has logged in to the portal; the browser never sees more than that.
"""

import argparse
import asyncio
import contextlib
import hmac
import os
import secrets
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from aiohttp import web

FOLDER = Path(__file__).parent
PASSWORDS = {"alice": "wonderland"}
"""Only for this example: a real portal has hashes, or asks somebody else."""
COOKIE = "portal-session"

DESKTOPS = web.AppKey("desktops", list[str])
TOKEN = web.AppKey("token", str)
SESSIONS = web.AppKey("sessions", dict[str, str])
ORIGIN = web.AppKey("origin", list[str])
CLIENT = web.AppKey("client", aiohttp.ClientSession)


def user_of(request: web.Request) -> str:
    """Who has logged in to the portal; 401 for nobody."""
    user = request.app[SESSIONS].get(request.cookies.get(COOKIE, ""))
    if user is None:
        raise web.HTTPUnauthorized(text="Log in first.\n")
    return user


async def home(request: web.Request) -> web.Response:
    is_in = request.cookies.get(COOKIE, "") in request.app[SESSIONS]
    page = (FOLDER / ("portal.html" if is_in else "login.html")).read_text(encoding="utf-8")
    for number, url in enumerate(request.app[DESKTOPS]):
        page = page.replace(f"{{desktop {number}}}", url)
    return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-store"})


async def log_in(request: web.Request) -> web.Response:
    form = await request.post()
    user, password = str(form.get("user", "")), str(form.get("password", ""))
    if not hmac.compare_digest(password.encode(), PASSWORDS.get(user, secrets.token_hex()).encode()):
        raise web.HTTPUnauthorized(text="That is not right.\n")
    session = secrets.token_urlsafe()
    request.app[SESSIONS][session] = user
    response = web.HTTPSeeOther("/")
    response.set_cookie(COOKIE, session, httponly=True, samesite="Strict")
    raise response


async def ticket(request: web.Request) -> web.Response:
    """A ticket for one of the desktops, for who has logged in."""
    user_of(request)
    # A page of another site can send the form of a login, but not this.
    if request.headers.get("Origin") not in request.app[ORIGIN]:
        raise web.HTTPForbidden(text="Not from here.\n")
    try:
        url = request.app[DESKTOPS][int(request.match_info["number"])]
    except (ValueError, IndexError):
        raise web.HTTPNotFound from None
    asked = {"origin": request.app[ORIGIN][0], "view_only": "view-only" in request.query}
    headers = {"Authorization": f"Bearer {request.app[TOKEN]}"}
    async with request.app[CLIENT].post(f"{url}ticket", json=asked, headers=headers) as response:
        response.raise_for_status()
        return web.json_response(await response.json(), headers={"Cache-Control": "no-store"})


@contextlib.asynccontextmanager
async def desktop(name: str, origin: str, token: str) -> AsyncIterator[str]:
    """A desktop of VoXY's that the portal may embed; gives its address."""
    voxy = Path(sys.executable).parent / "voxy"
    options = ["--listen", "127.0.0.1:0", "--base-path", f"/{name}", "--embed-origin", origin, "--size", "800x450"]
    environment = {**os.environ, "VOXY_TOKEN": token}
    process = await asyncio.create_subprocess_exec(
        voxy, "serve", *options, "--resize", "fit", stdout=PIPE, env=environment
    )
    assert process.stdout
    try:
        url = (await process.stdout.readline()).decode().partition("#")[0].strip()
        if not url:
            raise SystemExit("VoXY did not start.")
        # Another site than the portal's, as in earnest: localhost and 127.0.0.1 are two.
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def main(port: int) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    app = web.Application()
    app[SESSIONS], app[DESKTOPS], app[ORIGIN], app[TOKEN] = {}, [], [], secrets.token_urlsafe(24)
    app.add_routes([web.get("/", home), web.post("/login", log_in), web.post("/ticket/{number}", ticket)])
    app.router.add_static("/static/", FOLDER / "static")
    async with contextlib.AsyncExitStack() as stack:
        app[CLIENT] = await stack.enter_async_context(aiohttp.ClientSession())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "localhost", port).start()
        app[ORIGIN].append(f"http://localhost:{runner.addresses[0][1]}")
        for name in ("lab", "office", "course"):
            app[DESKTOPS].append(await stack.enter_async_context(desktop(name, app[ORIGIN][0], app[TOKEN])))
        print(app[ORIGIN][0], flush=True)
        await stopping.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A portal with desktops in it.")
    parser.add_argument("--port", type=int, default=8090)
    asyncio.run(main(parser.parse_args().port))
