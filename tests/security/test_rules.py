"""Rules that change while sessions run are in force before the next message."""

import os
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.support import serving
from tests.security.test_gate import echo
from tests.stack import HELLO, RawViewer, running, viewing
from tests.web.test_access import PASSWORD, QUICK, browser, sign_in
from tests.web.test_stream import RecordingSource
from tests.xservers import xvfb
from voxy.access.rules import RulesFile
from voxy.access.store import Store
from voxy.blocks import Size
from voxy.session import wire
from voxy.session.events import Key
from voxy.session.permissions import VIEWER
from voxy.web.access import Access

SHIFT_DOWN, SHIFT_UP = Key(0xFFE1, "ShiftLeft", True), Key(0xFFE1, "ShiftLeft", False)


def rule(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "rules.toml"
    rule(file, "[rules]")
    return file


async def until_may(viewer: RawViewer, keyboard: bool) -> None:
    while ("keyboard" in (await viewer.next_text("may"))["permissions"]) != keyboard:
        pass


async def test_new_rules_are_in_force_for_who_is_there(file: Path) -> None:
    source = RecordingSource()
    async with running(source, rules=RulesFile(file)) as stack, viewing(stack, greet=False) as viewer:
        await viewer.send(**HELLO, capabilities=["may"])
        await until_may(viewer, keyboard=True)
        await viewer.send(type="key", key="Shift", code="ShiftLeft", down=True)
        assert await source.next_injected() == SHIFT_DOWN
        rule(file, '[rules.default]\ndeny = ["keyboard"]')
        await until_may(viewer, keyboard=False)
        assert source.injected == [SHIFT_UP], "what was held is let go"
        await viewer.send(type="key", key="a", code="KeyA", down=True)
        await echo(viewer)
        assert source.injected == [SHIFT_UP]
        rule(file, "[rules]")
        await until_may(viewer, keyboard=True)
        await viewer.send(type="key", key="a", code="KeyA", down=True)
        await echo(viewer)
        assert source.injected[-1] == Key(0x61, "KeyA", True)


async def test_who_may_look_on_no_more_is_closed_and_refused(file: Path) -> None:
    async with running(rules=RulesFile(file)) as stack, viewing(stack) as viewer:
        await viewer.next_update()
        rule(file, '[rules.default]\ndisallow = ["view"]')
        assert await viewer.close_code() == wire.CLOSE_SESSION_ENDED
        async with aiohttp.ClientSession() as session, session.get(f"{stack.url}/session") as answer:
            assert answer.status == 403


async def test_what_all_may_at_the_most_stays_the_most(file: Path) -> None:
    rule(file, '[rules.default]\nallow = ["owner"]')
    async with running(rules=RulesFile(file)) as stack, aiohttp.ClientSession() as session:
        stack.gate.most = VIEWER
        async with session.get(f"{stack.url}/session") as answer:
            assert (await answer.json())["may"] == ["view"]


async def test_rules_are_for_groups_of_users_who_can_change(file: Path, tmp_path: Path) -> None:
    rule(file, '[rules.groups.staff]\nallow = ["controller"]\n[rules.persons.alice]\ndeny = ["resize"]')
    with Store(tmp_path / "access.sqlite") as store:
        store.add_user("alice", QUICK, "viewer", ["staff", "night"])
        access = Access(tmp_path / "access.sqlite")
        async with (
            running(token="the token that was printed", access=access, rules=RulesFile(file)) as stack,
            browser(stack) as session,
        ):
            await sign_in(session, user="alice", password=PASSWORD)
            async with session.ws_connect("/stream") as socket:
                viewer = RawViewer(socket)
                await viewer.send(**HELLO, capabilities=["may"])
                may = (await viewer.next_text("may"))["permissions"]
                assert "keyboard" in may
                assert "resize" not in may
                store.set_groups("alice", ["night"])
                assert (await viewer.next_text("may"))["permissions"] == ["view"]


async def test_sighup_has_rules_read_at_once(file: Path) -> None:
    options = ("--rules", str(file), "--auth", "none")
    with xvfb(Size(320, 240)) as server:
        async with serving("--display", server.display, *options) as served, aiohttp.ClientSession() as session:
            origin = served.url.rstrip("/")
            async with session.ws_connect(f"{origin}/stream", origin=origin) as socket:
                viewer = RawViewer(socket)
                await viewer.send(**HELLO)
                await viewer.next_update()
                rule(file, '[rules.default]\ndeny = ["view"]')
                served.process.send_signal(signal.SIGHUP)
                assert await viewer.close_code() == wire.CLOSE_SESSION_ENDED
            async with session.get(f"{origin}/session") as answer:
                assert answer.status == 403
