"""What a server says is read to the byte; whatever else it sends ends in an error, in bounded time and memory."""

import json
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.vnc.pump import pump
from voxy.blocks import Rect, Size
from voxy.errors import SourceError, SourceLost, SourceUnavailable
from voxy.screen.framebuffer import COLOUR
from voxy.sources.base import Cursor
from voxy.sources.vnc import requests
from voxy.sources.vnc.answers import (
    Answers,
    Can,
    ClipboardSaid,
    ContinuousEnded,
    FenceAsked,
    Named,
    Resized,
    TextCut,
    Updated,
)
from voxy.sources.vnc.encodings import COPY_RECT
from voxy.sources.vnc.handshake import agree_on_version, initialise
from voxy.sources.vnc.screen import Screen

REGRESSIONS = Path(__file__).parent / "regressions"
SIZE = Size(64, 48)


def screen_of(size: Size = SIZE) -> Screen:
    screen = Screen()
    screen.resize(*size)
    finished(screen)
    return screen


def finished(screen: Screen) -> tuple[Rect, ...]:
    """What a whole update changed."""
    screen.finish()
    return screen.take()[1]


def said(data: bytes, screen: Screen | None = None) -> list[object]:
    """What one message tells."""
    told, sent = pump(Answers(screen or screen_of()).read(), data)
    assert sent == b""
    return list(told)


def update(*rects: bytes, count: int | None = None) -> bytes:
    return struct.pack(">BxH", 0, len(rects) if count is None else count) + b"".join(rects)


def rect(x: int, y: int, width: int, height: int, encoding: int, data: bytes = b"") -> bytes:
    return struct.pack(">HHHHi", x, y, width, height, encoding) + data


class TestMessages:
    def test_an_update_draws_and_tells_where(self) -> None:
        screen = screen_of()
        data = update(rect(3, 4, 2, 1, 0, b"\3\2\1\0\6\5\4\xff"), rect(10, 10, 2, 1, 1, struct.pack(">HH", 3, 4)))
        assert said(data, screen) == [Updated()]
        shown = screen.pixels & COLOUR
        assert shown[4, 3:5].tolist() == shown[10, 10:12].tolist() == [0x010203, 0x040506]
        assert finished(screen) == (Rect(3, 4, 2, 1), Rect(10, 10, 2, 1))

    def test_an_update_may_not_know_its_end(self) -> None:
        data = update(rect(0, 0, 1, 1, 0, bytes(4)), rect(0, 0, 0, 0, requests.LAST_RECT), count=65535)
        assert said(data) == [Updated()]

    def test_sizes(self) -> None:
        screen = screen_of()
        assert said(update(rect(0, 0, 100, 50, requests.DESKTOP_SIZE)), screen) == [Resized(), Updated()]
        assert screen.size == (100, 50)
        layout = struct.pack(">Bxxx", 1) + bytes(16)
        extended = rect(0, 0, 30, 20, requests.EXTENDED_DESKTOP_SIZE, layout)
        assert said(update(extended), screen) == [Resized(), Can(requests.EXTENDED_DESKTOP_SIZE), Updated()]
        assert screen.size == (30, 20)
        assert finished(screen) == (Rect(0, 0, 30, 20),)
        refused = rect(1, 1, 9, 9, requests.EXTENDED_DESKTOP_SIZE, layout)
        assert Resized(1, 1) in said(update(refused), screen)
        assert screen.size == (30, 20)

    def test_pointers(self) -> None:
        pixels = bytes(range(16))
        told = said(update(rect(1, 0, 2, 2, requests.CURSOR, pixels + b"\x80\x40")))
        rgba = [2, 1, 0, 255, 6, 5, 4, 0, 10, 9, 8, 0, 14, 13, 12, 255]
        assert told[0] == Cursor(1, 2, 2, 1, 0, bytes(rgba))
        told = said(update(rect(0, 1, 2, 1, requests.X_CURSOR, b"\1\2\3\4\5\6" + b"\x80\xc0")))
        assert told[0] == Cursor(1, 2, 1, 0, 1, bytes([1, 2, 3, 255, 4, 5, 6, 255]))
        alpha = struct.pack(">i", 0) + bytes([64, 32, 0, 128, 0, 0, 0, 0])
        told = said(update(rect(0, 0, 2, 1, requests.ALPHA_CURSOR, alpha)))
        assert told[0] == Cursor(1, 2, 1, 0, 0, bytes([127, 63, 0, 128, 0, 0, 0, 0]))
        for encoding, data in ((requests.CURSOR, b""), (requests.X_CURSOR, b""), (requests.ALPHA_CURSOR, bytes(4))):
            assert said(update(rect(0, 0, 0, 0, encoding, data)))[0] == Cursor(1, 1, 1, 0, 0, bytes(4))

    def test_only_the_last_pointer_of_an_update_is_kept(self) -> None:
        one = rect(0, 0, 1024, 1024, requests.X_CURSOR, bytes(6 + 2 * 128 * 1024))
        last = rect(0, 0, 1, 1, requests.CURSOR, b"\3\2\1\0\x80")
        assert said(update(one, one, last)) == [Cursor(3, 1, 1, 0, 0, bytes([1, 2, 3, 255])), Updated()]

    def test_what_is_said_beside(self) -> None:
        assert said(b"\2") == []
        assert said(struct.pack(">BxHH", 1, 0, 2) + bytes(12)) == []
        assert said(struct.pack(">BxxxI", 3, 2) + b"\xe9!") == [TextCut("é!")]
        assert said(struct.pack(">BxxxiI", 3, -6, 1 << 24) + b"ab") == [ClipboardSaid(1 << 24, b"ab")]
        assert said(struct.pack(">BxxxI", 3, 20 << 20) + bytes(20 << 20)) == []
        assert said(struct.pack(">BxxxIB", 248, 1 << 31 | 1, 3) + b"abc") == [FenceAsked(1 << 31 | 1, b"abc")]
        assert said(bytes([150])) == [ContinuousEnded()]
        name = struct.pack(">I", 6) + b"de\n\0sk"
        pseudo = (rect(0, 0, 0, 0, requests.DESKTOP_NAME, name), rect(0, 0, 0, 0, requests.QEMU_KEYS))
        assert said(update(*pseudo)) == [Named("desk"), Can(requests.QEMU_KEYS), Updated()]

    def test_one_update_paints_the_screen_only_so_often(self) -> None:
        one = rect(0, 0, 64, 48, COPY_RECT, bytes(4))
        assert said(update(*[one] * 60), screen_of()) == [Updated()]
        with pytest.raises(SourceLost, match="again and again"):
            said(update(*[one] * 70), screen_of())


@pytest.mark.parametrize(
    "data",
    [
        b"\x07",
        update(rect(63, 0, 2, 1, 0)),
        update(rect(0, 0, 65535, 65535, 0)),
        update(rect(0, 0, 65535, 65535, requests.DESKTOP_SIZE)),
        update(rect(0, 0, 0, 10, requests.DESKTOP_SIZE)),
        update(rect(0, 0, 16384, 16384, requests.EXTENDED_DESKTOP_SIZE, bytes(4))),
        update(rect(0, 0, 10000, 10000, requests.CURSOR)),
        update(rect(0, 0, 10000, 10000, requests.X_CURSOR)),
        update(rect(0, 0, 10000, 10000, requests.ALPHA_CURSOR, bytes(4))),
        update(rect(0, 0, 2, 2, requests.ALPHA_CURSOR, struct.pack(">i", 7))),
        update(rect(0, 0, 0, 0, requests.DESKTOP_NAME, struct.pack(">I", 1 << 30))),
        update(rect(0, 0, 4, 4, 99)),
        update(rect(0, 0, 4, 4, 1, struct.pack(">HH", 62, 0))),
        struct.pack(">BxxxIB", 248, 0, 65),
        struct.pack(">Bxxxi", 3, -3) + b"abc",
    ],
)
def test_what_breaks_the_rules_is_refused(data: bytes) -> None:
    with pytest.raises(SourceLost) as caught:
        said(data)
    assert str(caught.value).endswith(".")


def test_endless_names_and_texts_are_not_kept() -> None:
    with pytest.raises(SourceLost):
        pump(initialise(Screen()), struct.pack(">HH16xI", 10, 10, 1 << 31))
    with pytest.raises(SourceLost):
        pump(initialise(Screen()), struct.pack(">HH16xI", 65535, 65535, 0))


@pytest.mark.parametrize(
    ("greeting", "version"),
    [
        (b"RFB 003.003\n", (3, 3)),
        (b"RFB 003.005\n", (3, 3)),
        (b"RFB 003.007\n", (3, 7)),
        (b"RFB 003.008\n", (3, 8)),
        (b"RFB 003.889\n", (3, 8)),
        (b"RFB 004.001\n", (3, 8)),
    ],
)
def test_versions(greeting: bytes, version: tuple[int, int]) -> None:
    assert pump(agree_on_version(), greeting) == (version, b"RFB %03d.%03d\n" % version)


@pytest.mark.parametrize("greeting", [b"SSH-2.0-Open", b"RFB 002.000\n", b"RFB 3.8     ", bytes(12)])
def test_what_is_no_vnc_server_is_said(greeting: bytes) -> None:
    with pytest.raises(SourceUnavailable):
        pump(agree_on_version(), greeting)


def test_a_server_learns_what_it_needs() -> None:
    name, sent = pump(initialise(Screen()), struct.pack(">HH16xI", 640, 480, 5) + b"d\xc3\xa9sk")
    assert name == "désk"
    assert sent == b"\1" + bytes.fromhex("00000000 20180001 00ff00ff00ff 100800 000000")


def feed(data: bytes) -> None:
    """All the messages of a stream; errors of a source are what may come of it."""
    answers = Answers(screen_of())
    flow = answers.read()
    at, step = 0, next(flow)
    try:
        while True:
            size = getattr(step, "size", 0)
            assert size <= 1 << 25
            piece = data[at : at + size]
            if len(piece) < size:
                return
            at += size
            try:
                step = flow.send(piece)
            except StopIteration:
                flow = answers.read()
                step = next(flow)
    except SourceError:
        return


ENCODINGS = [
    0,
    1,
    5,
    7,
    16,
    -260,
    *(value for value in vars(requests).values() if isinstance(value, int) and value < 0),
]
rects = st.builds(
    rect,
    st.integers(0, 70),
    st.integers(0, 50),
    st.integers(0, 64),
    st.integers(0, 48),
    st.sampled_from(ENCODINGS),
    st.binary(max_size=200),
)
streams = st.one_of(
    st.binary(max_size=400),
    st.lists(st.one_of(rects.map(update), st.binary(max_size=40)), max_size=8).map(b"".join),
)


@settings(max_examples=400, deadline=2000)
@given(streams)
def test_anything_ends_in_an_error_or_in_silence(data: bytes) -> None:
    feed(data)


@pytest.mark.parametrize("file", sorted(REGRESSIONS.glob("*.json")), ids=lambda file: file.stem)
def test_what_once_went_wrong(file: Path) -> None:
    started_at = time.monotonic()
    feed(bytes.fromhex(json.loads(file.read_text())["hex"]))
    assert time.monotonic() - started_at < 5


def test_many_rects_of_damage_become_few() -> None:
    screen = screen_of()
    for x in range(SIZE.width):
        for y in range(0, SIZE.height, 3):
            screen.note(Rect(x, y, 1, 1))
    damage = finished(screen)
    assert len(damage) <= 65
    covered = np.zeros((SIZE.height, SIZE.width), dtype=bool)
    for changed in damage:
        covered[changed.slices] = True
    assert covered[::3].all()
