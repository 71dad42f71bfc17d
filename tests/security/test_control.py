"""One holds control: the input of all others is refused on the server, until it is given, left, taken or over."""

import json

import pytest

from tests.security.test_gate import echo
from tests.stack import HELLO, RawViewer, Stack, running, viewing
from tests.web.test_stream import RecordingSource
from voxy.session import wire
from voxy.session.events import InputEvent, Key
from voxy.session.lease import HELD, Lease
from voxy.session.permissions import CONTROLLER, INPUT, OWNER, VIEWER, Permission, Person
from voxy.session.viewer import Viewer


def viewers(*roles: object) -> list[Viewer]:
    made = [Viewer(0.0, f"token{n}", Person(f"name{n}", role)) for n, role in enumerate(roles)]  # type: ignore[arg-type]
    for number, viewer in enumerate(made):
        viewer.number = number
        viewer.receive(json.dumps(HELLO), 0.0)
    return made


def test_all_may_act_while_nobody_holds_control_and_one_alone_after() -> None:
    alice, bob = viewers(CONTROLLER, CONTROLLER)
    lease = Lease()
    assert INPUT in lease.leaves(alice) & lease.leaves(bob)
    lease.receive(alice, wire.AskControl(), (alice, bob), 0.0)
    assert lease.leaves(alice) == CONTROLLER
    assert lease.leaves(bob) == CONTROLLER & ~HELD


def test_who_asks_is_next_when_control_is_left_or_over() -> None:
    alice, bob, carol = everybody = viewers(CONTROLLER, CONTROLLER, CONTROLLER)
    lease = Lease()
    for viewer, seconds in ((alice, 10.0), (bob, 20.0), (carol, 30.0)):
        lease.receive(viewer, wire.AskControl("program", "a test", seconds), everybody, 0.0)
    lease.expire(9.9)
    assert lease.holder is alice
    lease.expire(10.0)
    assert lease.holder is bob
    assert lease.left_s(11.0) == 19.0
    lease.leave(bob, 12.0)
    assert lease.holder is carol
    lease.receive(carol, wire.LeaveControl(), everybody, 13.0)
    assert (lease.holder, lease.left_s(13.0)) == (None, None)


def test_only_who_holds_control_gives_it_and_only_to_who_may_have_it() -> None:
    alice, bob, viewer = everybody = viewers(CONTROLLER, CONTROLLER, VIEWER)
    lease = Lease()
    lease.receive(alice, wire.AskControl(), everybody, 0.0)
    for giver, to in ((bob, bob), (alice, viewer)):
        lease.receive(giver, wire.GiveControl(to.number), everybody, 0.0)
        assert lease.holder is alice
    lease.receive(alice, wire.GiveControl(99), everybody, 0.0)
    lease.receive(alice, wire.GiveControl(bob.number), everybody, 0.0)
    assert lease.holder is bob


def test_who_comes_back_by_another_connection_still_holds_it() -> None:
    alice, again = viewers(CONTROLLER, CONTROLLER)
    lease = Lease()
    lease.receive(alice, wire.AskControl(), (alice, again), 0.0)
    lease.succeed(alice, again)
    lease.leave(alice, 1.0)
    assert lease.holder is again


@pytest.mark.parametrize("role", [VIEWER, CONTROLLER, OWNER], ids=["viewer", "controller", "owner"])
def test_who_may_ask_for_control_and_who_may_take_it(role: object) -> None:
    (viewer,) = viewers(role)
    assert bool(viewer.receive('{"type":"ask_control"}', 0.0)) == (role != VIEWER)
    assert bool(viewer.receive('{"type":"take_control"}', 0.0)) == (role == OWNER)


async def greet(viewer: RawViewer) -> None:
    await viewer.send(**HELLO, capabilities=["control"])


async def until_held(viewer: RawViewer, by_me: bool | None) -> dict:
    """The news that this viewer, another one or nobody (None) holds control."""
    while True:
        news = await viewer.next_text("control")
        holders = [somebody["me"] for somebody in news["people"] if somebody["holds"]]
        if holders == ([] if by_me is None else [by_me]):
            return news


async def press(viewer: RawViewer, name: str, down: bool = True) -> None:
    await viewer.send(type="key", key=name, code=f"Key{name.upper()}", down=down)
    await echo(viewer)


async def test_input_of_others_is_refused_while_one_holds_control() -> None:
    source = RecordingSource()
    async with running(source) as stack, viewing(stack, greet=False) as alice, viewing(stack, greet=False) as bob:
        await greet(alice)
        await greet(bob)
        await press(bob, "b")
        await alice.send(type="ask_control", reason="a demonstration")
        news = await until_held(bob, by_me=False)
        assert [(p["reason"], p["kind"]) for p in news["people"] if p["holds"]] == [("a demonstration", "person")]
        expected: list[InputEvent] = [Key(0x62, "KeyB", True), Key(0x62, "KeyB", False)]
        assert source.injected == expected, "what bob held is let go"
        source.injected.clear()
        await press(bob, "x")
        assert source.injected == []
        await press(alice, "a")
        assert source.injected == [Key(0x61, "KeyA", True)]
        await bob.send(type="take_control", kind="program")
        await until_held(bob, by_me=True)
        source.injected.clear()
        await press(alice, "x")
        assert source.injected == []


async def test_control_is_free_when_its_holder_is_gone_or_its_time_is_over() -> None:
    async with running() as stack, viewing(stack, greet=False) as bob:
        await greet(bob)
        async with viewing(stack, greet=False) as alice:
            await greet(alice)
            await alice.send(type="ask_control")
            await until_held(bob, by_me=False)
        await until_held(bob, by_me=None)
        await bob.send(type="ask_control", seconds=1)
        await until_held(bob, by_me=True)
        await until_held(bob, by_me=None)


async def hold(viewer: RawViewer, stack: Stack) -> None:
    await greet(viewer)
    await viewer.send(type="ask_control")
    await until_held(viewer, by_me=True)
    assert stack.desktop.control.lease.holder


async def test_who_loses_the_right_loses_control() -> None:
    async with running() as stack, viewing(stack, greet=False) as alice:
        await hold(alice, stack)
        (viewer,) = stack.desktop.viewers
        await stack.desktop.control.admit(viewer, Person("", OWNER & ~Permission.CONTROL))
        await until_held(alice, by_me=None)
