"""Whom others vouch for: a proxy by its headers, a portal by its signature, a service that is asked."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web

from tests.stack import HELLO, RawViewer, Stack, running
from voxy.access.launch import Launches
from voxy.access.rules import RulesFile
from voxy.values import Peers
from voxy.web.access import Access
from voxy.web.proxied import ProxyHeaders
from voxy.web.vouching import Verifier, Vouching

TOKEN = "the token that was printed"
SECRET = b"a secret of the portal's, 32 bytes or more"
HEADERS = ProxyHeaders("Remote-User", "Remote-Groups", "viewer", "https://auth.example/logout")
PORTAL = "https://portal.example"


@contextlib.asynccontextmanager
async def browser(stack: Stack, origin: str = "") -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(stack.url, cookie_jar=jar, headers={"Origin": origin or stack.url}) as session:
        yield session


async def session_of(session: aiohttp.ClientSession, *headers: tuple[str, str]) -> dict[str, Any] | int:
    async with session.get("/session", headers=[("Origin", session.headers["Origin"]), *headers]) as answer:
        return await answer.json() if answer.status == 200 else answer.status


# A proxy's headers


async def test_a_proxy_says_who_asks_and_in_which_groups(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[rules.groups.admins]\nallow = ["owner"]\n', encoding="utf-8")
    ways = {"proxies": Peers.parse("127.0.0.1"), "headers": HEADERS, "rules": RulesFile(rules)}
    async with running(token=TOKEN, **ways) as stack, browser(stack) as session:
        said = await session_of(session, ("Remote-User", "alice"), ("Remote-Groups", "staff,math"))
        assert said == {"name": "alice", "may": ["view"], "cookie": False, "logout": "https://auth.example/logout"}
        said = await session_of(session, ("Remote-User", "root"), ("Remote-Groups", "admins"))
        assert isinstance(said, dict)
        assert "take_control" in said["may"]
        async with session.ws_connect("/stream", headers={"Remote-User": "alice"}) as socket:
            viewer = RawViewer(socket)
            await viewer.send(**HELLO)
            await viewer.next_update()
            assert [each.person.name for each in stack.desktop.viewers] == ["alice"]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Remote-User", "")],
        [("Remote-User", " ")],
        [("Remote-User", "alice"), ("Remote-User", "alice")],
        [("Remote-User", "x" * 200)],
        [("Remote-User", "a\u00adb")],
        [("Remote-Groups", "admins")],
    ],
)
async def test_a_header_that_doesnt_say_it_once_and_plainly_lets_nobody_in(headers: list[tuple[str, str]]) -> None:
    ways = {"proxies": Peers.parse("127.0.0.1"), "headers": HEADERS}
    async with running(token=TOKEN, **ways) as stack, browser(stack) as session:
        assert await session_of(session, *headers) in (400, 401)


async def test_nobody_else_is_believed_to_be_the_proxy() -> None:
    ways = {"proxies": Peers.parse("10.0.0.1"), "headers": HEADERS}
    async with running(token=TOKEN, **ways) as stack, browser(stack) as session:
        said = [("Remote-User", "alice"), ("X-Forwarded-For", "10.0.0.1")]
        assert await session_of(session, *said) == 401


async def test_a_foreign_page_doesnt_act_by_the_proxys_word() -> None:
    ways = {"proxies": Peers.parse("127.0.0.1"), "headers": HEADERS, "embedders": frozenset({PORTAL})}
    async with running(token=TOKEN, **ways) as stack:
        for origin in ("https://evil.example", PORTAL):
            async with browser(stack, origin) as session:
                assert await session_of(session, ("Remote-User", "alice")) == 401


# A portal's tickets


def ticket(**changed: Any) -> str:
    now = int(time.time())
    said = {"sub": "alice", "aud": "voxy", "iat": now, "exp": now + 30, "jti": "1", "role": "viewer", **changed}
    return jwt.encode(said, SECRET, "HS256")


async def log_in(session: aiohttp.ClientSession, **secret: str) -> tuple[int, dict[str, Any]]:
    async with session.post("/login", json=secret) as answer:
        return answer.status, await answer.json() if answer.status == 200 else {"said": await answer.text()}


async def test_a_launch_ticket_lets_in_once_also_after_a_restart(tmp_path: Path) -> None:
    launched = ticket(groups=["math"])
    for round_ in range(2):
        vouching = Vouching(Launches(SECRET, "voxy"))
        async with running(token=TOKEN, access=Access(tmp_path / "a.sqlite"), vouching=vouching) as stack:
            async with browser(stack) as session:
                status, _ = await log_in(session, ticket=launched)
                assert status == (401 if round_ else 204)
                if not round_:
                    said = await session_of(session)
                    assert said == {"name": "alice", "may": ["view"], "cookie": True, "logout": ""}
            async with browser(stack) as session:
                assert (await log_in(session, ticket=launched))[0] == 401


async def test_one_of_many_at_once_gets_in_by_a_ticket(tmp_path: Path) -> None:
    vouching = Vouching(Launches(SECRET, "voxy"))
    access = Access(tmp_path / "a.sqlite")
    async with running(token=TOKEN, access=access, vouching=vouching) as stack, browser(stack) as session:
        same = ticket()
        tries = await asyncio.gather(*(log_in(session, ticket=same) for _ in range(20)))
    assert sorted(status for status, _ in tries) == [204, *[401] * 19]


async def test_a_page_within_a_portals_gets_a_pass_for_its_ticket() -> None:
    vouching = Vouching(Launches(SECRET, "voxy"))
    async with running(token=TOKEN, embedders=frozenset({PORTAL}), vouching=vouching) as stack:
        async with browser(stack, PORTAL) as session:
            status, said = await log_in(session, ticket=ticket())
            assert status == 200
            shown = ("Authorization", f"Bearer {said['pass']}")
            assert (await session_of(session, shown))["name"] == "alice"  # type: ignore[index]
        async with browser(stack) as session:
            assert await session_of(session, shown) == 401, "another origin's"


async def test_our_own_tickets_are_taken_as_well() -> None:
    vouching = Vouching(Launches(SECRET, "voxy"))
    ways = {"embedders": frozenset({PORTAL}), "vouching": vouching}
    async with running(token=TOKEN, **ways) as stack, browser(stack, PORTAL) as session:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        async with session.post("/ticket", json={"origin": PORTAL}, headers=bearer) as answer:
            own = (await answer.json())["ticket"]
        assert (await log_in(session, ticket=own))[0] == 200
        assert (await log_in(session, ticket=own))[0] == 401


# A service that is asked


@contextlib.asynccontextmanager
async def service(answer: Any) -> AsyncIterator[tuple[str, list[dict]]]:
    """A verifier on loopback that answers by `answer`, and what it was asked."""
    asked: list[dict] = []

    async def verify(request: web.Request) -> web.StreamResponse:
        asked.append(await request.json())
        return await answer(request) if callable(answer) else web.json_response(answer)

    app = web.Application()
    app.add_routes([web.post("/verify", verify)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/verify", asked
    finally:
        await runner.cleanup()


async def try_by(url: str) -> tuple[int, Any]:
    vouching = Vouching(None, Verifier(url, "viewer"))
    async with running(token=TOKEN, vouching=vouching) as stack, browser(stack) as session:
        status, said = await log_in(session, ticket="of the portal's own kind")
        return status, await session_of(session) if status == 204 else said["said"]


async def test_a_verifier_says_who_comes() -> None:
    async with service({"name": "alice", "role": "controller", "groups": ["math"]}) as (url, asked):
        status, said = await try_by(url)
    assert (status, said["name"], "keyboard" in said["may"]) == (204, "alice", True)
    assert asked == [{"ticket": "of the portal's own kind", "address": "127.0.0.1"}]


async def test_who_gives_only_a_name_lets_in_as_the_configuration_says() -> None:
    async with service({"name": "alice"}) as (url, _):
        assert (await try_by(url))[1]["may"] == ["view"]


async def redirects(_: web.Request) -> web.StreamResponse:
    raise web.HTTPTemporaryRedirect("/elsewhere")


async def refuses(_: web.Request) -> web.StreamResponse:
    raise web.HTTPForbidden


async def fails(_: web.Request) -> web.StreamResponse:
    raise web.HTTPServiceUnavailable


async def goes_on_and_on(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        for _ in range(4096):
            await response.write(b" " * 65536)
    return response


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (redirects, 502),
        (refuses, 401),
        (fails, 502),
        (goes_on_and_on, 502),
        ([], 502),
        ("alice", 502),
        ({}, 401),
        ({"name": ""}, 401),
        ({"name": "alice\n"}, 401),
        ({"name": "alice", "role": "root"}, 401),
        ({"name": "alice", "groups": {"math": 1}}, 204),
    ],
)
async def test_what_else_a_verifier_answers_lets_nobody_in(answer: Any, status: int) -> None:
    async with service(answer) as (url, _):
        assert (await try_by(url))[0] == status


async def test_a_verifier_that_isnt_there_is_told_of() -> None:
    async with service({}) as (url, _):
        pass
    assert await try_by(url) == (502, "The verifier can't be reached: try again when it is there.\n")
