import aiohttp
import pytest

from tests.stack import HELLO, TOKEN, UPGRADE, Stack, log_in, running, viewing


async def test_page_and_its_parts_are_served_with_modern_headers(locked: Stack, session: aiohttp.ClientSession) -> None:
    for path in ("/", "/style.css", "/js/main.js"):
        async with session.get(f"{locked.url}{path}") as response:
            assert response.status == 200
            assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert "Server" not in response.headers


async def test_token_opens_a_session(locked: Stack, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{locked.url}/session") as response:
        assert response.status == 401
    assert await log_in(session, locked.url, TOKEN) == 204
    async with session.get(f"{locked.url}/session") as response:
        assert response.status == 200
    async with session.ws_connect(f"{locked.url}/stream", origin=locked.url) as ws:
        await ws.send_json(HELLO)
        assert (await ws.receive_json())["type"] == "welcome"


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + " ", TOKEN[:-1]])
async def test_wrong_token_is_401(locked: Stack, session: aiohttp.ClientSession, token: str) -> None:
    assert await log_in(session, locked.url, token) == 401
    async with session.get(f"{locked.url}/stream", headers={**UPGRADE, "Origin": locked.url}) as response:
        assert response.status == 401


async def test_cookie_can_not_be_read_by_scripts_or_sent_by_other_sites(
    locked: Stack, session: aiohttp.ClientSession
) -> None:
    headers = {"Origin": locked.url}
    async with session.post(f"{locked.url}/login", json={"token": TOKEN}, headers=headers) as response:
        cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"token":"the-right-token"}', "text/plain", 415),
        (b"token=the-right-token", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"token":1}', "application/json", 400),
        (b'{"token":"the-right-token","more":1}', "application/json", 400),
        (b" " * 100_000, "application/json", 413),
    ],
)
async def test_login_that_is_none_is_refused(
    locked: Stack, session: aiohttp.ClientSession, body: bytes, kind: str, status: int
) -> None:
    headers = {"Origin": locked.url, "Content-Type": kind}
    async with session.post(f"{locked.url}/login", data=body, headers=headers) as response:
        assert response.status == status
        assert not response.cookies


async def test_status_needs_a_session(locked: Stack, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{locked.url}/status.json") as response:
        assert response.status == 401
    await log_in(session, locked.url, TOKEN)
    async with session.get(f"{locked.url}/status.json") as response:
        assert response.status == 200
        status = await response.json()
    assert status["viewers"] == []
    assert status["desktop"]["state"] == "live"
    assert status["desktop"]["viewers"] == 0


async def test_status_tells_how_each_viewer_fares(session: aiohttp.ClientSession) -> None:
    async with running() as stack, viewing(stack) as viewer, viewing(stack, greet=False):
        for _ in range(2):  # the picture, and its photograph at rest
            await viewer.next_update()
        await viewer.send(type="ping", id=1)
        await viewer.next_text("pong")
        async with session.get(f"{stack.url}/status.json") as response:
            status = await response.json()
    desktop, (shown, silent) = status["desktop"], status["viewers"]
    assert (desktop["width"], desktop["height"], desktop["viewers"]) == (320, 240, 2)
    assert shown["frames_s"] == 1.0
    assert shown["mbit_s"] > 0
    assert shown["round_trip_ms"] > 0
    assert shown["exact"] == 1.0
    assert shown["times"]["encode_ms"] > 0
    assert (silent["frames_s"], silent["times"]) == (0.0, None)
