import contextlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxy.blocks import Atlas, Copy, Deflated, Encoding, Fill, Operation, Patches, Recall, Rect, Size, Video, VideoCodec
from voxy.errors import ProtocolError
from voxy.session import wire
from voxy.session.events import Motion, Pointer
from voxy.session.permissions import _NEEDED as RULES
from voxy.session.update import Update

SIDES = ("left", "top", "width", "height")
GOLDEN = json.loads((Path(__file__).parent.parent / "data" / "wire.json").read_text(encoding="utf-8"))


def operation_of(message: dict) -> Operation:
    if message["kind"] == "copy":
        source = Rect(*(message[side] for side in SIDES))
        return Copy(source, message["x"], message["y"])
    if message["kind"] == "patches":
        rects = tuple(Rect(*(rect[side] for side in SIDES)) for rect in message["rects"])
        return Patches(Encoding[message["encoding"].upper()], rects, bytes.fromhex(message["image"]))
    if message["kind"] == "deflated":
        rects = tuple(Rect(*(rect[side] for side in SIDES)) for rect in message["rects"])
        return Deflated(rects, bytes.fromhex(message["data"]), message["isIndexed"])
    if message["kind"] == "video":
        rect = Rect(*(message[side] for side in SIDES))
        codec = VideoCodec[message["codec"].upper()]
        return Video(codec, message["stream"], message["isKey"], rect, bytes.fromhex(message["chunk"]))
    blocks = np.array(message["blocks"], dtype=np.intp)
    if message["kind"] == "fill":
        red, green, blue = map(int, message["colour"][4:-1].split(","))
        return Fill(red << 16 | green << 8 | blue, blocks)
    if message["kind"] == "recall":
        return Recall(message["number"], blocks, np.array(message["places"], dtype=np.intp))
    encoding = Encoding[message["encoding"].upper()]
    return Atlas(encoding, message["columns"], blocks, bytes.fromhex(message["image"]), message["number"])


@pytest.mark.parametrize("golden", GOLDEN["update"], ids=lambda g: g["name"])
def test_updates_serialize_as_agreed(golden: dict) -> None:
    message = golden["message"]
    size = Size(message["width"], message["height"])
    update = Update(message["seq"], size, map(operation_of, message["operations"]))
    assert update.serialize().hex() == golden["hex"]


@pytest.mark.parametrize("golden", GOLDEN["pointer"], ids=lambda g: g["name"])
def test_pointer_is_read_as_agreed(golden: dict) -> None:
    assert wire.parse(bytes.fromhex(golden["hex"])) == Pointer(**golden["message"])


@pytest.mark.parametrize("golden", GOLDEN["motion"], ids=lambda g: g["name"])
def test_motion_is_read_as_agreed(golden: dict) -> None:
    assert wire.parse(bytes.fromhex(golden["hex"])) == Motion(**golden["message"])


@pytest.mark.parametrize("golden", GOLDEN["clip_chunk"]["from_viewer"], ids=lambda g: g["name"])
def test_chunks_are_read_as_agreed(golden: dict) -> None:
    assert wire.parse(bytes.fromhex(golden["hex"])) == wire.ClipChunk(bytes.fromhex(golden["data"]))


@pytest.mark.parametrize("golden", GOLDEN["clip_chunk"]["from_server"], ids=lambda g: g["name"])
def test_chunks_serialize_as_agreed(golden: dict) -> None:
    assert wire.ClipChunk(bytes.fromhex(golden["data"])).serialize().hex() == golden["hex"]


@pytest.mark.parametrize("message", GOLDEN["text_from_viewer"], ids=lambda m: m["type"])
def test_text_is_read_as_agreed(message: dict) -> None:
    parsed = wire.parse(json.dumps(message))
    assert isinstance(parsed, wire.Message)
    assert json.loads(parsed.serialize()) == message


@pytest.mark.parametrize("message", GOLDEN["text_from_server"], ids=lambda m: m["type"])
def test_server_writes_text_as_agreed(message: dict) -> None:
    import msgspec

    kinds = (
        *(wire.Welcome, wire.State, wire.Cursor, wire.Pong, wire.Times),
        *(wire.Clipboard, wire.Sizing, wire.Monitors, wire.Notice, wire.People, wire.Title, wire.Place),
        *(wire.Clip, wire.ClipAck, wire.ClipGone, wire.May, wire.Control),
    )
    kind = next(kind for kind in kinds if kind.__struct_config__.tag == message["type"])
    assert json.loads(msgspec.convert(message, kind).serialize()) == message


@pytest.mark.parametrize("data", [bytes.fromhex(g["hex"]) for g in GOLDEN["malformed_pointer"]])
def test_malformed_binary_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        wire.parse(data)
    assert caught.value.close_code == wire.CLOSE_MALFORMED


@pytest.mark.parametrize("data", [*GOLDEN["malformed_text_from_viewer"], "[" * 60000, '{"type":' * 9000, "\ud800"])
def test_malformed_text_is_refused(data: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        wire.parse(data)
    assert caught.value.close_code == wire.CLOSE_MALFORMED


@given(st.one_of(st.binary(max_size=64), st.text(max_size=64)))
def test_random_data_is_a_message_or_refused(data: str | bytes) -> None:
    with contextlib.suppress(ProtocolError):
        wire.parse(data)


@given(st.sampled_from(GOLDEN["text_from_viewer"]), st.data())
def test_mutated_messages_are_a_message_or_refused(message: dict, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(message)))
    value = data.draw(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()))
    )
    with contextlib.suppress(ProtocolError):
        wire.parse(json.dumps({**message, key: value}))


@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 31))
def test_every_pointer_survives(x: int, y: int, buttons: int) -> None:
    assert wire.parse(struct.pack("<BHHB", 16, x, y, buttons)) == Pointer(x, y, buttons)


def test_every_message_of_a_viewer_has_a_rule() -> None:
    assert set(wire.FromViewer.__args__) == set(RULES)
