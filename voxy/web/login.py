"""How somebody comes in and goes: the routes that exchange a secret, or somebody else's word, for a session."""

import logging
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec
from aiohttp import web

from voxy.access.claims import Claims
from voxy.errors import AuthError
from voxy.session.permissions import names_of
from voxy.web.auth import GATE, own_origin, page_path
from voxy.web.record import PERSON, TRIED, WAY, record

if TYPE_CHECKING:
    from voxy.access.launch import Launch

logger = logging.getLogger(__name__)

Asked = TypeVar("Asked")


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """What the page sends to exchange one of its secrets for a cookie, or a token or ticket for a pass."""

    token: str = ""
    ticket: str = ""
    keep: Literal["cookie", "page"] = "cookie"
    user: str = ""
    password: str = ""
    invitation: str = ""


async def read_body(request: web.Request, kind: type[Asked], example: str) -> Asked:
    if request.content_type != "application/json":
        raise AuthError("This is to be sent as application/json.", 415)
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.DecodeError:
        raise AuthError(f"This is to be such as {example}.", 400) from None


async def _session(request: web.Request) -> web.Response:
    """Whether the browser has a session, what it may do, and where else it has to sign out: 200 or 401."""
    person, gate = request[PERSON], request.app[GATE]
    has_cookie = gate.has_cookie(request)
    logout = "" if has_cookie or not gate.headers.person(request) else gate.headers.logout
    said = {"name": person.name, "may": names_of(person.permissions), "cookie": has_cookie, "logout": logout}
    return web.json_response(said)


async def _login(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    login = await read_body(request, Login, '{"token": "…"}')
    # A page of another origin is given no cookie: in some browsers it would be kept and in some not.
    keeps_pass = login.keep == "page" or request.headers["Origin"] != own_origin(request)
    claims = await _claims(request, login) if login.ticket else None
    if claims:
        secret = _let_in(request, claims, request.headers["Origin"] if keeps_pass else "")
    else:
        keeps_pass = keeps_pass or bool(login.ticket)
        secret = await _exchange(request, login, keeps_pass)
    if person := gate.access.person(secret, request.headers["Origin"], gate.proof):
        request[PERSON] = person
    if keeps_pass:
        return web.json_response({"pass": secret})
    return _enter(request, web.Response(status=204), secret)


async def _claims(request: web.Request, login: Login) -> "Launch | Claims | None":
    request[WAY] = "launch"
    return await request.app[GATE].ask_others(request, login.ticket)


def _let_in(request: web.Request, vouched: "Launch | Claims", origin: str) -> str:
    """The secret of a new session of whom another vouches for."""
    access = request.app[GATE].access
    return access.welcome(vouched, origin) if isinstance(vouched, Claims) else access.launch(vouched, origin)


async def _exchange(request: web.Request, login: Login, keeps_pass: bool) -> str:
    """The secret of a new session, for one that VoXY itself has given out."""
    gate = request.app[GATE]
    if login.user or login.password:
        request[WAY], request[TRIED] = "password", login.user if gate.access.knows(login.user) else ""
        return await gate.access.sign_in(login.user, login.password, request.remote or "")
    if login.invitation:
        request[WAY] = "invitation"
        return gate.access.accept(login.invitation)
    request[WAY] = "ticket" if login.ticket else "token"
    return gate.open_pass(request, login.token, login.ticket) if keeps_pass else gate.open_session(login.token)


def _enter(request: web.Request, response: web.Response, secret: str) -> web.Response:
    """Have the browser keep a session; what was planted in it before is no way in."""
    gate = request.app[GATE]
    gate.end_session(request, response)
    gate.set_cookie(request, response, secret)
    return response


async def _logout(request: web.Request) -> web.Response:
    response, gate = web.Response(status=204), request.app[GATE]
    if person := gate.person(request):
        request[PERSON] = person
    gate.end_session(request, response)
    return response


async def _sign_in(request: web.Request) -> web.Response:
    """Send the browser to the provider."""
    openid = request.app[GATE].openid
    if not openid:
        raise AuthError("Nobody signs in here at a provider: name one with --oidc-issuer.", 404)
    try:
        attempt, url = await openid.begin()
    except AuthError as error:
        return _back(request, error)
    response = web.Response(status=303, headers={"Location": url, "Cache-Control": "no-store"})
    # The browser comes back from another site, where it shows no strict cookie.
    response.set_cookie(
        _attempt_cookie(request),
        attempt.cookie,
        path=page_path(request),
        max_age=attempt.lasts_s,
        httponly=True,
        samesite="Lax",
        secure=request.scheme == "https",
    )
    return response


async def _signed_in(request: web.Request) -> web.Response:
    """Take the browser back from the provider: to the page, with a session or with what went wrong."""
    openid, request[WAY] = request.app[GATE].openid, "openid"
    if not openid:
        raise AuthError("Nobody signs in here at a provider: name one with --oidc-issuer.", 404)
    try:
        claims = await openid.finish(request, request.cookies.get(_attempt_cookie(request), ""))
    except AuthError as error:
        response = _back(request, error)
    else:
        record(request, "signed-in by openid", "allowed", claims.name)
        response = web.Response(status=303, headers={"Location": page_path(request), "Cache-Control": "no-store"})
        _enter(request, response, request.app[GATE].access.welcome(claims))
    response.del_cookie(_attempt_cookie(request), path=page_path(request))
    return response


def _back(request: web.Request, error: AuthError) -> web.Response:
    """Back to the page, which says in the person's language that it didn't work; the log says why."""
    logger.warning("! sign-in at the provider: %s", error)
    record(request, f"{request.match_info.route.name} by openid", f"refused {error.status}")
    what = "unreachable" if error.status >= 500 else "expired" if error.status == 400 else "refused"
    location = f"{page_path(request)}#sign-in={what}"
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def _attempt_cookie(request: web.Request) -> str:
    return f"{request.app[GATE].cookie_name(request)}-sign-in"


LOGIN_ROUTES = (
    web.get("/session", _session, name="session"),
    web.post("/login", _login, name="login"),
    web.post("/logout", _logout, name="logout"),
    web.get("/sign-in", _sign_in, name="provider"),
    web.get("/signed-in", _signed_in, name="provided"),
)
