"""What people do is in the audit, what they know isn't, and no name makes a line of its own."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.security.test_gate import echo
from tests.stack import HELLO, RawViewer, running
from tests.web.test_access import PASSWORD, QUICK, browser, sign_in, watching
from voxy.access.audit import Audit
from voxy.access.rules import RulesFile
from voxy.access.store import Store
from voxy.session import wire
from voxy.web.access import Access

TOKEN = "the token that was printed"
PORTAL = "https://portal.example"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def content(file: Path) -> str:
    return file.read_text(encoding="ascii")


def lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in content(file).splitlines()]


def told(file: Path) -> list[tuple[str, str, str]]:
    return [(line["who"], line["what"], line["decision"]) for line in lines(file)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.05)


async def test_who_comes_in_and_who_does_not(file: Path, tmp_path: Path) -> None:
    with Store(tmp_path / "access.sqlite") as store, closing(Audit(file)) as audit:
        store.add_user("alice", QUICK, "controller")
        _, secret = store.invite("viewer", time.time() + 60, note="Ben")
        access = Access(tmp_path / "access.sqlite")
        async with (
            running(token=TOKEN, access=access, audit=audit, embedders=frozenset({PORTAL})) as stack,
            browser(stack) as session,
        ):
            for wrong in (
                {"token": f"{TOKEN}!"},
                {"user": "alice", "password": "wrong horse"},
                {"user": PASSWORD, "password": "alice"},
                {"invitation": f"{secret}!"},
            ):
                assert (await sign_in(session, **wrong)).status == 401
            for right in ({"token": TOKEN}, {"invitation": secret}, {"user": "alice", "password": PASSWORD}):
                assert (await sign_in(session, **right)).status == 204
            async with watching(session):
                pass
            async with session.get("/status.json") as answer:
                assert answer.status == 403
            async with session.post("/logout") as answer:
                assert answer.status == 204
            async with session.get("/stream", headers={"Origin": "https://evil.example"}) as answer:
                assert answer.status == 403
            body = {"origin": PORTAL}
            async with session.post("/ticket", json=body, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
                ticket = (await answer.json())["ticket"]
            assert (await sign_in(session, ticket=ticket)).status == 200
            assert (await sign_in(session, ticket=ticket)).status == 401
    assert told(file) == [
        ("", "login by token", "refused 401"),
        ("alice", "login by password", "refused 401"),
        # A password at the wrong place is no name.
        ("", "login by password", "refused 401"),
        ("", "login by invitation", "refused 401"),
        ("", "login by token", "allowed"),
        ("Ben 1.1", "login by invitation", "allowed"),
        ("alice", "login by password", "allowed"),
        ("alice", "join", "allowed"),
        ("alice", "leave", "done"),
        ("alice", "status", "refused 403"),
        ("alice", "logout", "allowed"),
        ("", "stream", "refused 403"),
        ("", "ticket", "allowed"),
        ("", "login by ticket", "allowed"),
        ("", "login by ticket", "refused 401"),
    ]
    text = content(file)
    assert {(line["desktop"], line["address"]) for line in lines(file)} == {("test", "127.0.0.1")}
    assert not any(known in text for known in (TOKEN, PASSWORD, "wrong horse", secret, ticket, "voxy-"))


async def test_who_acts_and_who_may_not(file: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[rules.default]\ndisallow = ["keyboard"]', encoding="utf-8")
    with closing(Audit(file)) as audit:
        async with running(audit=audit, rules=RulesFile(rules)) as stack, browser(stack) as session:
            async with session.ws_connect("/stream") as socket:
                viewer = RawViewer(socket)
                await viewer.send(**HELLO, capabilities=["control"])
                for _ in range(100):
                    await viewer.send(type="key", key="s", code="KeyS", down=True)
                await viewer.send(type="text", text="my secret")
                await viewer.send(type="ask_control", reason="my reason")
                await viewer.send(type="leave_control")
                await echo(viewer)
                rules.write_text('[rules.default]\ndisallow = ["view"]\n', encoding="utf-8")
                assert await viewer.close_code() == wire.CLOSE_SESSION_ENDED
            await until(lambda: told(file)[-1][1] == "leave")
    assert told(file) == [
        ("", "join", "allowed"),
        ("", "Key", "refused"),
        ("", "Text", "refused"),
        ("", "ask_control", "held by 1"),
        ("", "leave_control", "held by nobody"),
        ("", "rules", "read anew"),
        ("", "session", "ended"),
        ("", "leave", "done"),
    ]
    assert {line.get("viewer") for line in lines(file)} == {1, None}
    assert "my " not in content(file)


async def test_what_the_commands_change(file: Path, tmp_path: Path) -> None:
    with Store(tmp_path / "access.sqlite") as store, closing(Audit(file)) as audit:
        async with running(token=TOKEN, access=Access(tmp_path / "access.sqlite"), audit=audit):
            before = len(told(file))
            store.add_user("alice", QUICK, "controller", ["staff"])
            number, _ = store.invite("viewer", time.time() + 60, note="Ben")
            await until(lambda: len(told(file)) == before + 2)
            store.revoke(number)
            await until(lambda: len(told(file)) == before + 3)
    assert set(told(file)[before:-1]) == {
        ("alice", "user controller staff", "made"),
        ("Ben", "invitation 1 viewer", "made"),
    }
    assert told(file)[-1] == ("Ben", "invitation 1 viewer", "ended")


async def test_hostile_names_stay_in_their_line(file: Path, tmp_path: Path) -> None:
    name = 'a\r\n{"who":"root"}\nINFO ok\x1b[2J\x7f\u202e'
    with Store(tmp_path / "access.sqlite") as store, closing(Audit(file)) as audit:
        _, secret = store.invite("viewer", time.time() + 60, note=name)
        access = Access(tmp_path / "access.sqlite")
        async with running(token=TOKEN, access=access, audit=audit) as stack, browser(stack) as session:
            assert (await sign_in(session, user=name, password=name)).status == 401
            assert (await sign_in(session, invitation=secret)).status == 204
            async with watching(session):
                pass
    assert [who for who, _, _ in told(file)] == ["", f"{name} 1.1", f"{name} 1.1", f"{name} 1.1"]
    assert all(" " <= character <= "~" or character == "\n" for character in content(file))
    assert os.stat(file).st_mode & 0o777 == 0o600
