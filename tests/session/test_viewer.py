import json

import numpy as np
import pytest

from voxy.blocks import BlockGrid, Generations, Projection, Rect, Size
from voxy.errors import ProtocolError
from voxy.session import wire
from voxy.session.events import Key, Motion, Pointer, Wheel
from voxy.session.meter import Stages
from voxy.session.permissions import VIEWER, Person
from voxy.session.viewer import LEASE_S, REST_S, Received, Viewer

HELLO = {"type": "hello", "protocol": wire.PROTOCOL}
NONE = np.empty(0, dtype=np.intp)


def greeted(**hello: object) -> Viewer:
    viewer = Viewer(0.0)
    viewer.receive(json.dumps({**HELLO, **hello}), 0.0)
    return viewer


def key(name: str, code: str, down: bool) -> str:
    return json.dumps({"type": "key", "key": name, "code": code, "down": down})


def test_nothing_is_planned_before_the_hello() -> None:
    assert Viewer(0.0).take_update(Generations(4), 0.0) is None


@pytest.mark.parametrize("first", ['{"type":"ping","id":1}', b"\x10\0\0\0\0\0"])
def test_first_message_must_be_a_hello(first: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        Viewer(0.0).receive(first, 0.0)


def test_second_hello_is_refused() -> None:
    with pytest.raises(ProtocolError):
        greeted().receive(json.dumps(HELLO), 1.0)


def test_other_protocol_has_its_own_code() -> None:
    with pytest.raises(ProtocolError) as caught:
        Viewer(0.0).receive('{"type":"hello","protocol":99}', 0.0)
    assert caught.value.close_code == wire.CLOSE_OTHER_VERSION


def test_a_key_without_a_name_is_that_at_its_place() -> None:
    viewer = greeted()
    assert viewer.receive(key("", "KeyW", True), 0.0) == [Key(0, "KeyW", True)]
    assert viewer.receive(key("", "KeyW", False), 0.0) == [Key(0, "KeyW", False)]
    assert viewer.receive(key("", "NoSuchKey", True), 0.0) == []
    assert viewer.receive(key("NoSuchName", "KeyW", True), 0.0) == []


def test_text_is_typed_character_by_character() -> None:
    typed = greeted().receive('{"type":"text","text":"aあ🙂\\n\\u0007"}', 0.0)
    keysyms = (0x61, 0x1003042, 0x101F642, 0xFF0D)
    assert typed == [Key(keysym, "", is_down) for keysym in keysyms for is_down in (True, False)]


def test_who_only_looks_types_no_text() -> None:
    viewer = Viewer(0.0, person=Person("", VIEWER))
    viewer.receive(json.dumps(HELLO), 0.0)
    assert viewer.receive('{"type":"text","text":"a"}', 0.0) == []


def test_first_update_has_everything_and_the_next_only_what_changed() -> None:
    viewer, generations = greeted(), Generations(6)
    plan = viewer.take_update(generations, 0.0)
    assert plan is not None
    assert plan.blocks.tolist() == [0, 1, 2, 3, 4, 5]
    viewer.sent(1, 100, NONE, (), 0.0)
    assert viewer.take_update(generations, 0.0) is None
    generations.mark(np.array([2, 4]))
    plan = viewer.take_update(generations, 0.1)
    assert plan is not None
    assert plan.blocks.tolist() == [2, 4]


def test_latest_wins_while_there_is_no_room() -> None:
    viewer, generations = greeted(), Generations(6)
    viewer.take_update(generations, 0.0)
    viewer.sent(1, 10_000_000, NONE, (), 0.0)
    for block in (1, 2, 1):
        generations.mark(np.array([block]))
        assert viewer.take_update(generations, 0.1) is None
    viewer.receive('{"type":"ack","seq":1}', 0.5)
    plan = viewer.take_update(generations, 0.5)
    assert plan is not None
    assert plan.blocks.tolist() == [1, 2]


def test_acknowledgement_says_where_nothing_waited_for_it() -> None:
    viewer, generations = greeted(), Generations(6)
    viewer.take_update(generations, 0.0)
    viewer.sent(1, 10_000_000, NONE, (), 0.0)
    assert viewer.receive('{"type":"ack","seq":0}', 0.1) == [wire.Ack(0)]
    generations.mark(np.array([1]))
    assert viewer.take_update(generations, 0.1) is None, "there is no room"
    assert viewer.receive('{"type":"ack","seq":1}', 0.5) == []
    viewer.take_update(generations, 0.5)
    viewer.sent(2, 10_000, np.array([1]), (), 0.5)
    assert viewer.receive('{"type":"ack","seq":2}', 0.6) == [], "what is rough waits to be exact"
    assert viewer.take_update(generations, 0.6) is None, "it hasn't rested"
    assert viewer.receive('{"type":"ack","seq":2}', 0.6) == []


def test_hidden_page_gets_nothing_until_it_is_seen() -> None:
    viewer, generations = greeted(hidden=True), Generations(2)
    assert viewer.take_update(generations, 0.0) is None
    viewer.receive('{"type":"view","hidden":false}', 1.0)
    assert viewer.take_update(generations, 1.0) is not None


def test_rough_blocks_become_exact_when_they_rest() -> None:
    viewer, generations = greeted(), Generations(4)
    viewer.take_update(generations, 0.0)
    viewer.sent(1, 100_000, np.array([1, 3]), (), 0.0)
    viewer.receive('{"type":"ack","seq":1}', 0.02)
    assert viewer.take_update(generations, REST_S / 2) is None
    assert viewer.rest_at() == REST_S
    plan = viewer.take_update(generations, REST_S)
    assert plan is not None
    assert (plan.blocks.tolist(), plan.exact.tolist()) == ([], [1, 3])
    viewer.sent(2, 100, NONE, (), REST_S)
    assert viewer.rest_at() == float("inf")


def test_more_blocks_of_text_than_of_photographs_become_exact_at_once() -> None:
    viewer, generations = greeted(), Generations(64)
    viewer.take_update(generations, 0.0)
    viewer.sent(1, 20_000, np.arange(64), (), 0.0)
    viewer.receive('{"type":"ack","seq":1}', 0.1)
    plan = viewer.take_update(generations, 1.0, photographs=lambda blocks: [block < 2 for block in blocks.tolist()])
    assert plan is not None
    assert plan.exact.tolist() == [0], "two photographs take longer than it should wait"
    viewer.sent(2, 8000, NONE, (), 1.0)
    viewer.receive('{"type":"ack","seq":2}', 1.04)
    plan = viewer.take_update(generations, 1.1, photographs=lambda blocks: [False] * blocks.size)
    assert plan is not None
    assert 6 <= plan.exact.size <= 12


def test_exact_blocks_follow_what_is_new_and_keep_a_slow_line_busy() -> None:
    viewer, generations = greeted(), Generations(4)
    viewer.take_update(generations, 0.0)
    viewer.sent(1, 20_000, np.array([0, 1, 3]), (), 0.0)
    viewer.receive('{"type":"ack","seq":1}', 0.1)
    generations.mark(np.array([2]))
    plan = viewer.take_update(generations, 1.0)
    assert plan is not None
    assert (plan.blocks.tolist(), plan.exact.tolist()) == ([2], []), "the line is too slow for both at once"
    viewer.sent(2, 1000, NONE, (), 1.0)
    assert 1.005 < viewer.rest_at() < 1.02, "when the line has been for it for a while"
    assert viewer.take_update(generations, 1.0) is None
    plan = viewer.take_update(generations, 1.02)
    assert plan is not None
    assert plan.exact.tolist() == [0]
    viewer.sent(3, 8000, NONE, (), 1.02)
    # What is on its way leaves room for something new, but not for what can wait.
    assert viewer.has_room(1.02)
    assert viewer.take_update(generations, 1.02) is None
    assert 1.03 < viewer.rest_at() < 1.04, "shortly before the line has sent that"
    plan = viewer.take_update(generations, viewer.rest_at() + 0.001)
    assert plan is not None
    assert plan.exact.tolist() == [1]


@pytest.mark.parametrize(("size", "exact"), [(1_000_000, [1, 2]), (20_000, [])])
def test_a_slow_film_becomes_exact_between_its_frames_where_the_line_is_fast(size: int, exact: list[int]) -> None:
    viewer, generations = greeted(), Generations(4)
    blocks = np.array([1, 2])
    film = Projection(BlockGrid(Size(256, 64)), Rect(64, 0, 128, 64), blocks, NONE, is_first=False)
    viewer.take_update(generations, 0.0, film=film)
    viewer.sent(1, size, NONE, (), 0.0)
    viewer.receive('{"type":"ack","seq":1}', 0.1)
    generations.mark(blocks, filmed=blocks)
    frame = viewer.take_update(generations, 0.5, film=film)
    assert frame is not None
    assert (frame.has_frame, frame.exact.tolist()) == (True, [])
    viewer.sent(2, 3000, blocks, (), 0.5)
    viewer.receive('{"type":"ack","seq":2}', 0.52)
    plan = viewer.take_update(generations, 0.51 + REST_S, film=film)
    assert (plan.exact.tolist() if plan else []) == exact


def test_new_generations_start_anew() -> None:
    viewer = greeted()
    viewer.take_update(Generations(4), 0.0)
    plan = viewer.take_update(Generations(9), 0.0)
    assert plan is not None
    assert plan.blocks.size == 9


def test_equal_needs_have_equal_keys() -> None:
    generations = Generations(4)
    first, second = greeted().take_update(generations, 0.0), greeted().take_update(generations, 0.0)
    assert first is not None
    assert second is not None
    assert first.key == second.key


def test_key_that_goes_up_is_the_one_that_went_down() -> None:
    viewer = greeted()
    assert viewer.receive(key("A", "KeyA", True), 0.0) == [Key(0x41, "KeyA", True)]
    assert viewer.receive(key("a", "KeyA", False), 0.0) == [Key(0x41, "KeyA", False)]
    assert viewer.receive(key("a", "KeyA", False), 0.0) == [], "an up without a down"


def test_held_keys_and_buttons_are_released_together() -> None:
    viewer = greeted()
    viewer.receive(key("Shift", "ShiftLeft", True), 0.0)
    viewer.receive(key("x", "KeyX", True), 0.0)
    viewer.receive(bytes.fromhex("100a00140001"), 0.0)
    assert viewer.receive('{"type":"release"}', 0.1) == [
        Key(0x78, "KeyX", False),
        Key(0xFFE1, "ShiftLeft", False),
        Pointer(10, 20, 0),
    ]
    assert viewer.release() == []


def test_buttons_held_in_motion_are_released_where_the_pointer_is() -> None:
    viewer = greeted()
    assert viewer.receive(b"\x12\xfb\xff\x07\x00\x01", 0.0) == [Motion(-5, 7, 1)]
    assert viewer.release() == [Motion(0, 0, 0)]
    assert viewer.release() == []


def test_lease_runs_only_while_something_is_held() -> None:
    viewer = greeted()
    assert viewer.lease_left(100.0) is None
    viewer.receive(key("Shift", "ShiftLeft", True), 100.0)
    assert viewer.lease_left(100.5) == pytest.approx(LEASE_S - 0.5)
    viewer.receive('{"type":"ping","id":1}', 101.0)
    assert viewer.lease_left(101.0) == pytest.approx(LEASE_S)
    assert viewer.lease_left(200.0) == 0.0


def test_wheel_and_ping() -> None:
    viewer = greeted()
    assert viewer.receive('{"type":"wheel","x":1,"y":2,"dx":0,"dy":-120}', 0.0) == [Wheel(1, 2, 0, -120)]
    assert viewer.receive('{"type":"ping","id":9}', 0.0) == [wire.Pong(9)]


def test_viewer_without_control_moves_nothing() -> None:
    viewer = Viewer(0.0, person=Person("", VIEWER))
    viewer.receive(json.dumps(HELLO), 0.0)
    assert viewer.receive(key("a", "KeyA", True), 0.0) == []
    assert viewer.receive(b"\x10\0\0\0\0\x01", 0.0) == []
    assert viewer.release() == []


def shown(viewer: Viewer, seq: int, now: float) -> Received:
    """Have update `seq` sent to the viewer, and acknowledged after 30 ms."""
    viewer.sent(seq, 100, np.array([1]), (), now)
    viewer.meter.sent(seq, 100, Stages(0.002, 0.001, now - 0.005, now - 0.001), now)
    return viewer.receive(json.dumps({"type": "ack", "seq": seq}), now + 0.03)


def test_times_come_with_each_acknowledgement_only_where_they_are_wanted() -> None:
    viewer = greeted()
    assert viewer.receive('{"type":"statistics","on":true}', 0.9) == [], "nothing has been shown"
    viewer.take_update(Generations(4), 1.0)
    times = wire.Times(5, 2.0, 1.0, 4.0, 1.0, 30.0, 0.75)
    assert shown(viewer, 5, 1.0) == [times]
    assert viewer.receive('{"type":"ack","seq":5}', 1.1) == [], "it was acknowledged before"
    assert viewer.receive('{"type":"statistics","on":false}', 1.1) == []
    assert shown(viewer, 6, 1.2) == []
    assert viewer.receive('{"type":"statistics","on":true}', 1.3) == [viewer.times()]


def test_blocks_that_rest_wait_until_it_is_known_that_nothing_changed() -> None:
    viewer, generations = greeted(), Generations(4)
    assert viewer.take_update(generations, 1.0)
    viewer.sent(1, 100, np.array([2]), (), 1.0)
    viewer.receive('{"type":"ack","seq":1}', 1.1)
    assert viewer.take_update(generations, 2.0, is_current=False) is None
    plan = viewer.take_update(generations, 2.0)
    assert plan
    assert plan.exact.tolist() == [2]
