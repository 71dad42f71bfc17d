"""What others may know is no way in, and nobody has us dial what he names."""

import asyncio
import json
import time
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from tests.security.test_gate import MESSAGES
from tests.stack import HELLO, RawViewer, running, viewing
from tests.web.test_access import PASSWORD, QUICK, browser, sign_in
from voxy.access.rules import RulesFile
from voxy.access.store import Store
from voxy.web.access import Access
from voxy.web.app import _NEEDED as ROUTES

TOKEN = "the token that was printed"


async def test_numbers_of_sessions_and_invitations_are_no_way_in(tmp_path: Path) -> None:
    with Store(tmp_path / "access.sqlite") as store:
        store.add_user("alice", QUICK, "owner")
        number, _ = store.invite("owner", time.time() + 60)
        store.open_session("alice", "owner", time.time(), user="alice")
        (session_,) = store.sessions(time.time())
        async with running(token=TOKEN, access=Access(tmp_path / "access.sqlite")) as stack:
            port = stack.url.rpartition(":")[2]
            for known in (str(number), session_.id, "alice", "1", ""):
                async with browser(stack) as session:
                    assert (await sign_in(session, invitation=known)).status == 401
                    assert (await sign_in(session, token=known)).status == 401
                    for headers in ({"Cookie": f"voxy-{port}={known}"}, {"Authorization": f"Bearer {known}"}):
                        async with session.get("/session", headers=headers) as answer:
                            assert answer.status == 401


async def test_another_persons_token_to_resume_by_gives_nothing(tmp_path: Path) -> None:
    """Neither his control nor what he was sent; it is as one that never was."""
    with Store(tmp_path / "access.sqlite") as store:
        store.add_user("alice", QUICK, "owner")
        store.add_user("ben", QUICK, "viewer")
        async with (
            running(token=TOKEN, access=Access(tmp_path / "access.sqlite")) as stack,
            browser(stack) as alices,
            browser(stack) as bens,
        ):
            await sign_in(alices, user="alice", password=PASSWORD)
            await sign_in(bens, user="ben", password=PASSWORD)
            async with alices.ws_connect("/stream") as socket:
                alice = RawViewer(socket)
                await alice.send(**HELLO)
                token = (await alice.next_text("welcome"))["token"]
                await alice.next_update()
                await alice.send(type="ask_control")
                for resumes in (token, "1", ""):
                    async with bens.ws_connect("/stream") as socket:
                        ben = RawViewer(socket)
                        resume = {"token": resumes, "seq": 1, "images": False}
                        await ben.send(**HELLO, resume=resume, capabilities=["control"])
                        assert not (await ben.next_text("welcome"))["resumed"]
                        holders = [one["name"] for one in (await ben.next_text("control"))["people"] if one["holds"]]
                        assert holders == ["alice"]
                await alice.send(type="ping", id=1)
                assert (await alice.next_text("pong"))["id"] == 1, "nobody took her place"


async def test_without_leave_to_look_no_route_gives_anything(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[rules.default]\ndeny = ["view", "status"]', encoding="utf-8")
    async with running(rules=RulesFile(rules)) as stack, aiohttp.ClientSession() as session:
        of_the_desktop = {"session": "/session", "stream": "/stream", "status": "/status.json"}
        assert set(of_the_desktop) == {name for name, needed in ROUTES.items() if needed}
        for path in of_the_desktop.values():
            async with session.get(f"{stack.url}{path}", headers={"Origin": stack.url}) as answer:
                assert answer.status == 403
                assert (await answer.text()).startswith("You may not do this here")


NAMES = [
    "127.0.0.1:{port}",
    "localhost:{port}",
    "[::ffff:127.0.0.1]:{port}",
    "2130706433:{port}",
    "http://127.0.0.1:{port}/",
]
PARAMETERS = ["host", "port", "path", "url", "vnc", "display", "vm", "target", "connect", "source", "token", "ticket"]


@pytest.mark.parametrize("name", NAMES)
async def test_nobody_names_a_host_that_is_dialled(name: str) -> None:
    dialled: list[object] = []
    canary = await asyncio.start_server(lambda reader, writer: dialled.append(writer), "127.0.0.1", 0)
    async with canary, running() as stack, aiohttp.ClientSession(headers={"Origin": stack.url}) as session:
        target = name.format(port=canary.sockets[0].getsockname()[1])
        query = "&".join(f"{parameter}={quote(target, safe='')}" for parameter in PARAMETERS)
        for path in ("/", "/session", "/status.json", "/livez", "/readyz", f"/{quote(target, safe='')}"):
            async with session.get(f"{stack.url}{path}?{query}") as answer:
                assert answer.status in (200, 404)
        for path in ("/login", "/ticket"):
            async with session.post(f"{stack.url}{path}", json=dict.fromkeys(PARAMETERS, target)) as answer:
                assert answer.status in (400, 401)
        async with session.ws_connect(f"{stack.url}/stream?{query}") as socket:
            await socket.send_json(HELLO | dict.fromkeys(PARAMETERS, target))
            assert await RawViewer(socket).close_code() == 4400
        for message in MESSAGES.values():
            if isinstance(message, str):
                async with viewing(stack) as viewer:
                    await viewer.socket.send_json(json.loads(message) | dict.fromkeys(PARAMETERS, target))
                    assert await viewer.close_code() == 4400
        assert dialled == []
