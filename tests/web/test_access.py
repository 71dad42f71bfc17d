"""People who sign in by name or by invitation, and what happens when that is taken from them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import argon2
import pytest

from tests.stack import HELLO, RawViewer, Stack, running
from voxy.access.passwords import Passwords
from voxy.access.store import Store
from voxy.session import wire
from voxy.session.permissions import ROLES
from voxy.web.access import Access

PASSWORD = "correct horse"
QUICK = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)).hash(PASSWORD)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "access.sqlite"


@pytest.fixture
async def stack(file: Path) -> AsyncIterator[Stack]:
    with Store(file) as store:
        store.add_user("alice", QUICK, "owner")
        store.add_user("ben", QUICK, "viewer")
    async with running(token="the token that was printed", access=Access(file)) as stack:
        yield stack


@contextlib.asynccontextmanager
async def browser(stack: Stack) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(stack.url, cookie_jar=jar, headers={"Origin": stack.url}) as session:
        yield session


async def sign_in(session: aiohttp.ClientSession, **secret: str) -> aiohttp.ClientResponse:
    async with session.post("/login", json=secret) as answer:
        await answer.read()
        return answer


@contextlib.asynccontextmanager
async def watching(session: aiohttp.ClientSession) -> AsyncIterator[RawViewer]:
    async with session.ws_connect("/stream") as socket:
        viewer = RawViewer(socket)
        await viewer.send(**HELLO)
        await viewer.next_update()
        yield viewer


@pytest.mark.parametrize("name", ["alice", "ben"])
async def test_a_name_and_a_password_let_in_as_their_role_says(stack: Stack, name: str) -> None:
    async with browser(stack) as session:
        assert (await sign_in(session, user=name, password=PASSWORD)).status == 204
        async with session.get("/session") as answer:
            said = await answer.json()
        role = {"alice": "owner", "ben": "viewer"}[name]
        assert said == {
            "name": name,
            "may": [one.name.lower() for one in ROLES[role] if one.name],
            "cookie": True,
            "logout": "",
        }
        async with watching(session):
            assert [viewer.person.name for viewer in stack.desktop.viewers] == [name]


@pytest.mark.parametrize(
    "secret",
    [
        {"user": "alice", "password": "wrong horse"},
        {"user": "nobody", "password": PASSWORD},
        {"user": "", "password": PASSWORD},
        {"user": "alice", "password": ""},
        {"user": "alice", "password": "x" * 10_000},
        {"invitation": "wrong"},
        {"token": ""},
        {"token": PASSWORD},
        {},
    ],
    ids=str,
)
async def test_what_is_wrong_lets_nobody_in(stack: Stack, secret: dict[str, str]) -> None:
    async with browser(stack) as session:
        answer = await sign_in(session, **secret)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "VoXY-Token, VoXY-Password"
        async with session.get("/session") as asked:
            assert asked.status == 401


async def test_a_thousand_wrong_passwords_keep_nobody_else_out(stack: Stack) -> None:
    async with browser(stack) as guesser:
        answers = [await sign_in(guesser, user="alice", password=f"guess number {n}") for n in range(1000)]
    assert [answer.status for answer in answers[:6]] == [401] * 6
    # While they are being refused one is heard after 1, 2, 4, 8… seconds.
    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) > 970
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    # Who comes from elsewhere; all of loopback is this machine's.
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(
        stack.url, connector=connector, cookie_jar=jar, headers={"Origin": stack.url}
    ) as right:
        assert (await sign_in(right, user="alice", password=PASSWORD)).status == 204


async def test_passwords_are_compared_beside_all_else(file: Path) -> None:
    with Store(file) as store:
        store.add_user("alice", Passwords().hash(PASSWORD), "owner")
    async with running(token="the token that was printed", access=Access(file)) as stack, browser(stack) as session:
        logins = [asyncio.create_task(sign_in(session, user="alice", password=PASSWORD)) for _ in range(20)]
        answered = 0
        while not all(task.done() for task in logins):
            async with session.get("/livez") as answer:
                assert answer.status == 200
            answered += 1
        assert {task.result().status for task in logins} <= {204, 429}
        assert any(task.result().status == 204 for task in logins)
        assert answered > 10


async def test_an_invitation_lets_in_until_it_is_revoked(stack: Stack, file: Path) -> None:
    with Store(file) as store:
        number, secret = store.invite("viewer", time.time() + 60, note="Ben")
        async with browser(stack) as session:
            assert (await sign_in(session, invitation=secret)).status == 204
            async with watching(session) as viewer:
                store.revoke(number)
                async with asyncio.timeout(2):
                    assert await viewer.close_code() == wire.CLOSE_SESSION_ENDED
            assert (await sign_in(session, invitation=secret)).status == 401


async def test_who_may_do_less_lets_go_at_once(stack: Stack, file: Path) -> None:
    async with browser(stack) as session:
        await sign_in(session, user="alice", password=PASSWORD)
        async with watching(session) as viewer:
            with Store(file) as store:
                store.change_user("alice", role="viewer")
            async with asyncio.timeout(2):
                assert await viewer.close_code() == wire.CLOSE_SESSION_ENDED


async def test_signing_out_ends_it_in_every_window(stack: Stack) -> None:
    for secret in ({"token": "the token that was printed"}, {"user": "alice", "password": PASSWORD}):
        async with browser(stack) as session:
            await sign_in(session, **secret)
            async with watching(session) as viewer:
                async with session.post("/logout") as answer:
                    assert answer.status == 204
                async with asyncio.timeout(2):
                    assert await viewer.close_code() == wire.CLOSE_SESSION_ENDED
            async with session.get("/session") as asked:
                assert asked.status == 401


async def test_what_was_planted_before_is_no_way_in(stack: Stack) -> None:
    async with browser(stack) as session:
        await sign_in(session, user="ben", password=PASSWORD)
        planted = {cookie.key: cookie.value for cookie in session.cookie_jar}
        await sign_in(session, user="alice", password=PASSWORD)
        assert {cookie.key: cookie.value for cookie in session.cookie_jar} != planted
    async with aiohttp.ClientSession(stack.url, cookies=planted) as session, session.get("/session") as answer:
        assert answer.status == 401
