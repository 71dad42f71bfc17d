"""One gate: each message type and each route has a rule, and what isn't allowed doesn't act."""

import json
import time
import typing
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.stack import HELLO, RawViewer, running, viewing
from tests.web.test_stream import RecordingSource
from voxy.access.store import Store
from voxy.blocks import Size
from voxy.desktop import Desktop
from voxy.session import wire
from voxy.session.events import Delivery, InputEvent, Key, Motion, Pointer
from voxy.session.permissions import _NEEDED as MESSAGE_RULES
from voxy.session.permissions import CONTROLLER, OWNER, ROLES, VIEWER, Permission, Person, allows
from voxy.session.viewer import Viewer
from voxy.sources.demo import DemoSource
from voxy.values import ROLES as ROLE_NAMES
from voxy.web.access import Access
from voxy.web.app import _NEEDED as ROUTE_RULES
from voxy.web.app import make_app
from voxy.web.auth import Gate

MESSAGES: dict[type, str | bytes] = {
    wire.Ack: '{"type":"ack","seq":0}',
    wire.View: '{"type":"view","hidden":true}',
    wire.Quality: '{"type":"quality","level":"exact"}',
    wire.Statistics: '{"type":"statistics","on":true}',
    wire.Ping: '{"type":"ping","id":1}',
    wire.Release: '{"type":"release"}',
    wire.Key: '{"type":"key","key":"a","code":"KeyA","down":true}',
    wire.Text: '{"type":"text","text":"a"}',
    wire.Wheel: '{"type":"wheel","x":1,"y":1,"dx":0,"dy":120}',
    wire.Window: '{"type":"window","width":800,"height":600,"scale":1}',
    wire.Clip: '{"type":"clip","parts":[{"mime":"text/plain","size":1}]}',
    wire.ClipChunk: b"\x11a",
    wire.ClipAck: '{"type":"clip_ack","size":1}',
    wire.AskControl: '{"type":"ask_control"}',
    wire.TakeControl: '{"type":"take_control","kind":"program","reason":"a test","seconds":5}',
    wire.GiveControl: '{"type":"give_control","to":1}',
    wire.LeaveControl: '{"type":"leave_control"}',
    Pointer: b"\x10\1\0\1\0\1",
    Motion: b"\x12\1\0\1\0\1",
}
"""One of each kind that may follow a hello."""


def types() -> Iterator[type]:
    for part in typing.get_args(wire.FromViewer):
        yield from typing.get_args(part) or [part]


def test_each_role_that_can_be_named_is_a_preset() -> None:
    assert tuple(ROLES) == ROLE_NAMES


def test_each_message_type_has_a_rule_and_each_rule_a_type() -> None:
    assert set(types()) == set(MESSAGE_RULES) == {*MESSAGES, wire.Hello}
    assert all(MESSAGE_RULES.values()), "a rule that needs nothing lets everybody act"


def test_a_type_without_a_rule_is_refused() -> None:
    class Unheard:
        pass

    with pytest.raises(KeyError):
        allows(OWNER, Unheard())  # type: ignore[arg-type]


async def test_each_route_has_a_rule_and_each_rule_a_route() -> None:
    source = DemoSource(Size(64, 64), is_still=True)
    app = make_app(Desktop("test", source), Gate(None))
    assert {resource.name for resource in app.router.resources()} == set(ROUTE_RULES)


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("role", [VIEWER, CONTROLLER, OWNER, Permission(0)], ids=str)
def test_what_a_role_may_not_send_leads_to_nothing(kind: type, role: Permission) -> None:
    viewer = Viewer(0.0, person=Person("", VIEWER))
    viewer.receive(json.dumps({**HELLO, "capabilities": ["clipboard"]}), 0.0)
    viewer.permit(role)
    viewer.clipboard.limit(1, 1)
    if kind is wire.ClipChunk:
        viewer.receive(MESSAGES[wire.Clip], 0.0)
    answer = viewer.receive(MESSAGES[kind], 0.0)
    if MESSAGE_RULES[kind] not in role:
        assert answer == []
        assert viewer.release() == []
        assert viewer.lease_left(0.0) is None


def test_a_paste_that_was_cut_off_does_not_spoil_the_next() -> None:
    viewer = Viewer(0.0, person=Person("", CONTROLLER))
    viewer.receive(json.dumps({**HELLO, "capabilities": ["clipboard"]}), 0.0)
    viewer.clipboard.limit(99, 99)
    clip = '{"type":"clip","parts":[{"mime":"text/plain","size":2}]}'
    (offer,) = viewer.receive(clip, 0.0)
    assert viewer.permit(VIEWER) == [Delivery(offer, None)]
    assert viewer.receive(b"\x11a", 0.0) == viewer.receive(clip, 0.0) == []
    viewer.permit(CONTROLLER)
    assert viewer.receive(b"\x11ab", 0.0) == []
    offer, delivery = [*viewer.receive(clip, 0.0), *viewer.receive(b"\x11cd", 0.0)]
    assert delivery.offer is offer
    assert delivery.clip.parts == {"text/plain": b"cd"}


async def echo(viewer: RawViewer) -> None:
    """Wait until all that was sent has been taken."""
    await viewer.send(type="ping", id=7)
    await viewer.next_text("pong")


async def test_permissions_that_change_are_in_force_before_the_next_message() -> None:
    source = RecordingSource()
    async with running(source) as stack, viewing(stack, greet=False) as viewer:
        await viewer.send(**HELLO, capabilities=["may"])
        assert set((await viewer.next_text("may"))["permissions"]) >= {"view", "keyboard", "pointer", "status"}
        await viewer.send(type="key", key="Shift", code="ShiftLeft", down=True)
        assert await source.next_injected() == Key(0xFFE1, "ShiftLeft", True)
        (known,) = stack.desktop.viewers
        await stack.desktop.control.admit(known, Person("", OWNER & ~Permission.KEYBOARD))
        assert source.injected == [Key(0xFFE1, "ShiftLeft", False)], "what was held is let go at once"
        source.injected.clear()
        assert "keyboard" not in (await viewer.next_text("may"))["permissions"]
        await viewer.send(type="key", key="a", code="KeyA", down=True)
        await viewer.socket.send_bytes(MESSAGES[Pointer])
        await echo(viewer)
        expected: list[InputEvent] = [Pointer(1, 1, 1)]
        assert source.injected == expected
        await stack.desktop.control.admit(known, Person("", OWNER))
        await viewer.send(type="key", key="a", code="KeyA", down=True)
        await echo(viewer)
        assert source.injected[-1] == Key(0x61, "KeyA", True)


async def test_status_is_not_for_everybody(tmp_path: Path) -> None:
    with Store(tmp_path / "access.sqlite") as store:
        _, secret = store.invite("viewer", time.time() + 60)
    async with (
        running(token="the token that was printed", access=Access(tmp_path / "access.sqlite")) as stack,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Origin": stack.url}) as session,
    ):
        async with session.post(f"{stack.url}/login", json={"invitation": secret}) as response:
            assert response.status == 204
        async with session.get(f"{stack.url}/status.json") as response:
            assert response.status == 403
            assert await response.text() == "You may not do this here: it takes the permission “status”.\n"
