"""Pages of origins that are named may have the desktop, with a ticket or the token, and no other page may."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.stack import HELLO, TOKEN, RawViewer, Stack, running
from voxy.access.store import Store
from voxy.config import Config
from voxy.errors import ConfigError
from voxy.session import wire
from voxy.session.permissions import CONTROLLER, VIEWER, Person
from voxy.web.access import PASS_S, Access
from voxy.web.embedding import TICKET_S, Embedding

PORTAL = "https://portal.example"
EVIL = ["https://evil.example", "null", "https://portal.example.evil", "http://portal.example", f"{PORTAL}:8443", "*"]


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with running(token=TOKEN, embedders=frozenset({PORTAL})) as stack:
        yield stack


async def ticket(stack: Stack, session: aiohttp.ClientSession, **asked: object) -> str:
    """What a portal's server gets."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with session.post(f"{stack.url}/ticket", json={"origin": PORTAL, **asked}, headers=headers) as response:
        assert response.status == 200, await response.text()
        return str((await response.json())["ticket"])


async def log_in(stack: Stack, session: aiohttp.ClientSession, origin: str, **secret: str) -> tuple[int, str]:
    async with session.post(f"{stack.url}/login", json=secret, headers={"Origin": origin}) as response:
        assert not response.cookies
        return response.status, (await response.json())["pass"] if response.status == 200 else ""


async def connect(stack: Stack, session: aiohttp.ClientSession, origin: str | None, secret: str = "") -> int:
    """The status of an upgrade; 101 where it succeeds."""
    protocols = ["voxy", f"voxy.pass.{secret}"] if secret else ["voxy"]
    try:
        async with session.ws_connect(f"{stack.url}/stream", origin=origin, protocols=protocols) as socket:
            assert socket.protocol == "voxy", "the secret isn't said back"
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


async def test_page_of_the_portal_signs_in_with_a_ticket(stack: Stack, session: aiohttp.ClientSession) -> None:
    status, secret = await log_in(stack, session, PORTAL, ticket=await ticket(stack, session))
    assert status == 200
    # With each connection anew.
    for _ in range(2):
        assert await connect(stack, session, PORTAL, secret) == 101
    headers = {"Authorization": f"Bearer {secret}", "Origin": PORTAL}
    async with session.get(f"{stack.url}/session", headers=headers) as response:
        assert response.status == 200
        assert "keyboard" in (await response.json())["may"]
        assert response.headers["Access-Control-Allow-Origin"] == PORTAL


async def test_framed_page_of_ours_signs_in_with_a_ticket_too(stack: Stack, session: aiohttp.ClientSession) -> None:
    status, secret = await log_in(stack, session, stack.url, ticket=await ticket(stack, session))
    assert status == 200
    assert await connect(stack, session, stack.url, secret) == 101


async def test_page_of_the_portal_signs_in_with_the_token(stack: Stack, session: aiohttp.ClientSession) -> None:
    status, secret = await log_in(stack, session, PORTAL, token=TOKEN)
    assert status == 200
    assert await connect(stack, session, PORTAL, secret) == 101
    assert (await log_in(stack, session, PORTAL, token="wrong"))[0] == 401


async def test_ticket_is_good_once(stack: Stack, session: aiohttp.ClientSession) -> None:
    one = await ticket(stack, session)
    found = await asyncio.gather(*(log_in(stack, session, PORTAL, ticket=one) for _ in range(100)))
    assert sorted(status for status, _ in found) == [200] + 99 * [401]


@pytest.mark.parametrize("origin", EVIL)
async def test_foreign_origins_get_nothing_whatever_they_show(
    stack: Stack, session: aiohttp.ClientSession, origin: str
) -> None:
    _, secret = await log_in(stack, session, PORTAL, ticket=await ticket(stack, session))
    assert await connect(stack, session, origin, secret) == 403
    assert (await log_in(stack, session, origin, ticket=await ticket(stack, session)))[0] == 403
    assert (await log_in(stack, session, origin, token=TOKEN))[0] == 403
    for path in ("/js/main.js", "/session", "/"):
        async with session.get(f"{stack.url}{path}", headers={"Origin": origin}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
    async with session.options(f"{stack.url}/login", headers={"Origin": origin}) as response:
        assert response.status != 204


async def test_pass_is_for_the_origin_that_got_it(stack: Stack, session: aiohttp.ClientSession) -> None:
    _, secret = await log_in(stack, session, PORTAL, ticket=await ticket(stack, session))
    assert await connect(stack, session, stack.url, secret) == 401
    assert await connect(stack, session, None, secret) == 403


async def test_cookie_of_our_own_page_is_no_word_for_a_portal(stack: Stack, session: aiohttp.ClientSession) -> None:
    headers = {"Origin": stack.url}
    async with session.post(f"{stack.url}/login", json={"token": TOKEN}, headers=headers) as response:
        assert response.status == 204
    assert await connect(stack, session, stack.url) == 101
    assert await connect(stack, session, PORTAL) == 401


async def test_ticket_to_look_on_lets_look_on(stack: Stack, session: aiohttp.ClientSession) -> None:
    _, secret = await log_in(stack, session, PORTAL, ticket=await ticket(stack, session, view_only=True))
    protocols = ["voxy", f"voxy.pass.{secret}"]
    async with session.ws_connect(f"{stack.url}/stream", origin=PORTAL, protocols=protocols) as socket:
        await (viewer := RawViewer(socket)).send(**HELLO)
        await viewer.next_update()
        assert stack.desktop.viewers[0].permissions == VIEWER


async def test_server_that_lets_look_on_only_is_not_overridden(stack: Stack, session: aiohttp.ClientSession) -> None:
    stack.gate.most = VIEWER
    _, secret = await log_in(stack, session, PORTAL, token=TOKEN)
    async with session.get(
        f"{stack.url}/session", headers={"Authorization": f"Bearer {secret}", "Origin": PORTAL}
    ) as r:
        assert (await r.json())["may"] == ["view"]


@pytest.mark.parametrize(
    ("token", "asked", "status"),
    [
        ("wrong", {"origin": PORTAL}, 401),
        ("", {"origin": PORTAL}, 401),
        (TOKEN, {"origin": "https://evil.example"}, 400),
        (TOKEN, {"origin": "*"}, 400),
        (TOKEN, {}, 400),
        (TOKEN, {"origin": PORTAL, "role": "owner"}, 400),
    ],
)
async def test_tickets_are_for_who_has_the_token_and_for_origins_that_are_named(
    stack: Stack, session: aiohttp.ClientSession, token: str, asked: dict[str, str], status: int
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with session.post(f"{stack.url}/ticket", json=asked, headers=headers) as response:
        assert response.status == status


async def test_portal_may_frame_the_page_and_load_its_modules(stack: Stack, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{stack.url}/js/main.js", headers={"Origin": PORTAL}) as response:
        assert f"frame-ancestors {PORTAL};" in response.headers["Content-Security-Policy"]
        assert "X-Frame-Options" not in response.headers
        assert response.headers["Access-Control-Allow-Origin"] == PORTAL
        assert "Access-Control-Allow-Credentials" not in response.headers
        assert response.headers.getall("Vary") == ["Accept-Encoding", "Origin"]
    asked = {"Origin": PORTAL, "Access-Control-Request-Method": "POST"}
    async with session.options(f"{stack.url}/login", headers=asked) as response:
        assert response.status == 204
        assert "content-type" in response.headers["Access-Control-Allow-Headers"]


async def test_portal_may_frame_the_page_under_a_path_too(session: aiohttp.ClientSession) -> None:
    async with running(embedders=frozenset({PORTAL}), base_path="/desk") as stack:
        for path in ("", "/", "/js/main.js", "/nothing"):
            async with session.get(f"{stack.url}/desk{path}", allow_redirects=False) as response:
                assert f"frame-ancestors {PORTAL};" in response.headers["Content-Security-Policy"]


async def test_nobody_may_frame_the_page_by_default(session: aiohttp.ClientSession) -> None:
    async with running() as stack, session.get(f"{stack.url}/", headers={"Origin": PORTAL}) as response:
        assert "frame-ancestors 'none';" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Frame-Options"] == "DENY"
        assert "Access-Control-Allow-Origin" not in response.headers


def test_tickets_end() -> None:
    embedding = Embedding(frozenset({PORTAL}))
    here = frozenset({PORTAL})
    assert embedding.redeem(embedding.issue(here, CONTROLLER, 0), PORTAL, TICKET_S - 1) == CONTROLLER
    assert embedding.redeem(embedding.issue(here, CONTROLLER, 0), PORTAL, TICKET_S) is None


def test_passes_are_listed_and_last_a_day_where_the_token_is_the_same(tmp_path: Path) -> None:
    access = Access(tmp_path / "access.sqlite")
    secret = access.admit(VIEWER, b"token", PORTAL)
    assert access.person(secret, PORTAL, b"token") == Person("", VIEWER)
    assert access.person(secret, PORTAL, b"another token") is None
    assert access.person(secret, "https://evil.example", b"token") is None
    access.close()
    with Store(tmp_path / "access.sqlite") as store:
        (listed,) = store.sessions(time.time())
        assert (listed.role, listed.origin) == ("viewer", PORTAL)
        assert 0 < listed.ends_at - time.time() <= PASS_S
    with contextlib.closing(Access(tmp_path / "access.sqlite")) as another:
        assert another.person(secret, PORTAL, b"token") == Person("", VIEWER)


async def test_a_pass_that_is_revoked_closes_its_windows(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    access = Access(tmp_path / "access.sqlite")
    async with running(token=TOKEN, embedders=frozenset({PORTAL}), access=access) as stack:
        _, secret = await log_in(stack, session, PORTAL, ticket=await ticket(stack, session))
        protocols = ["voxy", f"voxy.pass.{secret}"]
        async with session.ws_connect(f"{stack.url}/stream", origin=PORTAL, protocols=protocols) as socket:
            await (viewer := RawViewer(socket)).send(**HELLO)
            await viewer.next_update()
            with Store(tmp_path / "access.sqlite") as store:
                store.end_session_of(store.sessions(time.time())[0].id)
            async with asyncio.timeout(2):
                assert await viewer.close_code() == wire.CLOSE_SESSION_ENDED
        assert await connect(stack, session, PORTAL, secret) == 401


async def test_passes_are_good_where_nothing_can_be_kept(
    tmp_path: Path, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    access = Access(tmp_path / "file" / "access.sqlite")
    async with running(token=TOKEN, embedders=frozenset({PORTAL}), access=access) as stack:
        _, secret = await log_in(stack, session, PORTAL, token=TOKEN)
        assert await connect(stack, session, PORTAL, secret) == 101
    assert "Sessions end with the server." in caplog.text


def test_memory_of_tickets_is_bounded() -> None:
    embedding = Embedding(frozenset({PORTAL}))
    first = embedding.issue(frozenset({PORTAL}), CONTROLLER, 0)
    for _ in range(5000):
        embedding.issue(frozenset({PORTAL}), CONTROLLER, 0)
    assert embedding.redeem(first, PORTAL, 0) is None
    assert len(embedding._tickets) == 1024


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("https://Portal.example/", ("https://portal.example",)),
        ("https://a.example:443, http://b.example:80", ("https://a.example", "http://b.example")),
        ("http://[::1]:8000 http://127.0.0.1:1", ("http://[::1]:8000", "http://127.0.0.1:1")),
    ],
)
def test_origins_are_read_as_browsers_say_them(given: str, origins: tuple[str, ...]) -> None:
    assert Config.load({"embed_origin": given}, {}, None).embed_origin == origins


@pytest.mark.parametrize(
    "text",
    ["portal.example", "*", "https://*.example", "https://a.example/path", "https://u@a.example", "ftp://a", "null"],
)
def test_origins_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--embed-origin"):
        Config.load({"embed_origin": text}, {}, None)
