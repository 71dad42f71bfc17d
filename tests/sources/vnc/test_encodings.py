"""Pixels as VNC servers pack them, by encoders that were written for the test alone."""

import io
import itertools
import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from tests.pictures import photograph, text
from tests.sources.vnc.pump import pump
from voxy.blocks import Rect, Size
from voxy.errors import SourceLost
from voxy.screen.framebuffer import COLOUR, Pixels
from voxy.sources.vnc.encodings import COPY_RECT, HEXTILE, RAW, TIGHT, TIGHT_PNG, ZRLE, Decoders
from voxy.sources.vnc.screen import Screen
from voxy.sources.vnc.steps import Read

SIZE = Size(150, 101)
PNG_OF_NO_SCREEN = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", 65535, 65535, 8, 2, 0, 0, 0, 0)
SEVERAL = [text(SIZE), photograph(SIZE), np.full((101, 150), 0x123456, np.uint32), text(SIZE) // 255 * 255]


def shown_of(encoding: int, rect: Rect, data: bytes, decoders: Decoders | None = None) -> Pixels:
    """The screen after a rect."""
    screen = Screen()
    screen.resize(SIZE.width, SIZE.height)
    decoder = (decoders or Decoders()).get(encoding)
    assert decoder
    assert pump(decoder(screen, rect), data) == (None, b"")
    return screen.pixels[: SIZE.height, : SIZE.width] & COLOUR


def bgr(pixels: Pixels) -> bytes:
    return pixels.astype("<u4").tobytes()


def triples(pixels: Pixels, order: str) -> bytes:
    channels = {"r": 16, "g": 8, "b": 0}
    return np.stack([(pixels >> channels[name] & 255).astype(np.uint8) for name in order], axis=-1).tobytes()


def compact(length: int) -> bytes:
    if length < 1 << 7:
        return bytes([length])
    if length < 1 << 14:
        return bytes([length & 127 | 128, length >> 7])
    return bytes([length & 127 | 128, length >> 7 & 127 | 128, length >> 14])


def hextile(pixels: Pixels, chance: random.Random) -> bytes:
    """Each tile raw, of one colour, or of a background with rows of other colours."""
    parts, height, width = [], *pixels.shape
    for y in range(0, height, 16):
        for x in range(0, width, 16):
            tile = pixels[y : y + 16, x : x + 16]
            colours = np.unique(tile)
            if len(colours) == 1:
                parts.append(b"\2" + bgr(tile[:1, :1]))
            elif chance.random() < 0.5 or len(colours) > 200:
                parts.append(b"\1" + bgr(tile))
            else:
                rects = [
                    (int(tile[row, column]), column, row)
                    for row in range(tile.shape[0])
                    for column in range(tile.shape[1])
                    if tile[row, column] != tile[0, 0]
                ]
                if len(rects) > 255:
                    parts.append(b"\1" + bgr(tile))
                    continue
                parts.append(bytes([2 | 8 | 16]) + bgr(tile[:1, :1]) + bytes([len(rects)]))
                parts += [struct.pack("<IBB", colour, column << 4 | row, 0) for colour, column, row in rects]
    return b"".join(parts)


class ZrleServer:
    """Packs rects as ZRLE in one stream, each tile in a way that chance has."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.stream = zlib.compressobj()

    def __call__(self, pixels: Pixels) -> bytes:
        height, width = pixels.shape
        tiles = [self.tile(pixels[y : y + 64, x : x + 64]) for y in range(0, height, 64) for x in range(0, width, 64)]
        data = self.stream.compress(b"".join(tiles)) + self.stream.flush(zlib.Z_SYNC_FLUSH)
        return struct.pack(">I", len(data)) + data

    def tile(self, tile: Pixels) -> bytes:
        palette, flat = np.unique(tile), tile.ravel()
        if len(palette) == 1:
            return b"\1" + triples(palette, "bgr")
        ways: list[Callable[[Pixels], bytes]] = [lambda flat: b"\0" + triples(flat, "bgr"), self.runs]
        if len(palette) <= 127:
            ways.append(lambda flat: self.palette_runs(flat, palette))
        if len(palette) <= 16:
            ways.append(lambda _: self.packed(tile, palette))
        return self.chance.choice(ways)(flat)

    def runs(self, flat: Pixels) -> bytes:
        return bytes([128]) + b"".join(triples(np.array([colour]), "bgr") + self.run(n) for colour, n in found(flat))

    def palette_runs(self, flat: Pixels, palette: Pixels) -> bytes:
        parts = []
        for colour, length in found(flat):
            index = int(np.searchsorted(palette, colour))
            parts.append(bytes([index]) if length == 1 else bytes([index | 128]) + self.run(length))
        return bytes([128 + len(palette)]) + triples(palette, "bgr") + b"".join(parts)

    def packed(self, tile: Pixels, palette: Pixels) -> bytes:
        bits = 1 if len(palette) == 2 else 2 if len(palette) <= 4 else 4
        rows = []
        for row in np.searchsorted(palette, tile):
            line = "".join(f"{index:0{bits}b}" for index in row)
            line += "0" * (-len(line) % 8)
            rows.append(int(line, 2).to_bytes(len(line) // 8))
        return bytes([len(palette)]) + triples(palette, "bgr") + b"".join(rows)

    @staticmethod
    def run(length: int) -> bytes:
        whole, rest = divmod(length - 1, 255)
        return b"\xff" * whole + bytes([rest])


def found(flat: Pixels) -> list[tuple[int, int]]:
    """Runs of one colour, with their lengths."""
    edges = [0, *(np.flatnonzero(flat[1:] != flat[:-1]) + 1).tolist(), flat.size]
    return [(int(flat[start]), end - start) for start, end in itertools.pairwise(edges)]


class TightServer:
    """Packs rects as Tight, basic with a filter that is asked for, in streams that go on."""

    def __init__(self) -> None:
        self.streams = [zlib.compressobj() for _ in range(4)]

    def pack(self, stream: int, data: bytes) -> bytes:
        if len(data) < 12:
            return data
        packed = self.streams[stream].compress(data) + self.streams[stream].flush(zlib.Z_SYNC_FLUSH)
        return compact(len(packed)) + packed

    def copy(self, pixels: Pixels) -> bytes:
        return b"\x00" + self.pack(0, triples(pixels, "rgb"))

    def palette(self, pixels: Pixels) -> bytes:
        palette = np.unique(pixels)
        indices = np.searchsorted(palette, pixels).astype(np.uint8)
        data = np.packbits(indices, axis=1) if len(palette) <= 2 else indices
        head = bytes([0x50, 1, len(palette) - 1]) + triples(palette, "rgb")
        return head + self.pack(1, data.tobytes())

    def gradient(self, pixels: Pixels) -> bytes:
        height, width = pixels.shape
        rgb = np.frombuffer(triples(pixels, "rgb"), np.uint8).reshape(height, width, 3).astype(int)
        sent = np.zeros_like(rgb)
        for y in range(height):
            for x in range(width):
                left = rgb[y, x - 1] if x else 0
                up = rgb[y - 1, x] if y else 0
                corner = rgb[y - 1, x - 1] if x and y else 0
                sent[y, x] = (rgb[y, x] - np.clip(left + up - corner, 0, 255)) & 255
        return b"\x62\x02" + self.pack(2, sent.astype(np.uint8).tobytes())


@pytest.mark.parametrize("pixels", SEVERAL, ids=["text", "photograph", "one colour", "two colours"])
class TestPixelsArrive:
    rect = Rect(0, 0, *SIZE)

    def test_raw(self, pixels: Pixels) -> None:
        assert (shown_of(RAW, self.rect, bgr(pixels | np.uint32(0xAA000000))) == pixels).all()

    @pytest.mark.parametrize("seed", range(3))
    def test_hextile(self, pixels: Pixels, seed: int) -> None:
        assert (shown_of(HEXTILE, self.rect, hextile(pixels, random.Random(seed))) == pixels).all()

    @pytest.mark.parametrize("seed", range(3))
    def test_zrle(self, pixels: Pixels, seed: int) -> None:
        server, decoders = ZrleServer(random.Random(seed)), Decoders()
        for _ in range(2):
            assert (shown_of(ZRLE, self.rect, server(pixels), decoders) == pixels).all()

    @pytest.mark.parametrize("way", ["copy", "gradient"])
    def test_tight(self, pixels: Pixels, way: str) -> None:
        server, decoders = TightServer(), Decoders()
        for _ in range(2):
            assert (shown_of(TIGHT, self.rect, getattr(server, way)(pixels), decoders) == pixels).all()

    def test_tight_png(self, pixels: Pixels) -> None:
        height, width = pixels.shape
        file = io.BytesIO()
        Image.frombytes("RGB", (width, height), triples(pixels, "rgb")).save(file, "PNG")
        data = b"\xa0" + compact(len(file.getvalue())) + file.getvalue()
        assert (shown_of(TIGHT_PNG, self.rect, data) == pixels).all()


@pytest.mark.parametrize("colours", [1, 2, 3, 200, 256])
def test_tight_palette(colours: int) -> None:
    chance = np.random.default_rng(colours)
    palette = np.unique(chance.integers(0, 1 << 24, colours, dtype=np.uint32))
    pixels = palette[chance.integers(0, len(palette), (101, 150))]
    server, decoders = TightServer(), Decoders()
    for _ in range(2):
        data = server.palette(pixels)
        assert (shown_of(TIGHT, Rect(0, 0, *SIZE), data, decoders) == pixels).all()


def test_tight_one_colour_and_jpeg() -> None:
    shown = shown_of(TIGHT, Rect(10, 20, 30, 40), b"\x80\x12\x34\x56")
    assert (shown[20:60, 10:40] == 0x123456).all()
    assert shown.sum() == 0x123456 * 1200
    picture = np.frombuffer(triples(photograph(SIZE), "rgb"), np.uint8).reshape(101, 150, 3)
    jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality=95, colorspace="RGB")
    shown = shown_of(TIGHT, Rect(0, 0, *SIZE), b"\x90" + compact(len(jpeg)) + jpeg)
    wanted = np.frombuffer(triples(photograph(SIZE), "rgb"), np.uint8).astype(int)
    assert np.abs(np.frombuffer(triples(shown, "rgb"), np.uint8) - wanted).mean() < 8


@pytest.mark.parametrize(("encoding", "head"), [(COPY_RECT, b""), (TIGHT, b"\x80")], ids=["copy", "fill"])
def test_few_bytes_that_become_many_pixels_say_so(encoding: int, head: bytes) -> None:
    screen, rect = Screen(), Rect(0, 0, *SIZE)
    screen.resize(*SIZE)
    decoder = Decoders().get(encoding)
    assert decoder
    flow = decoder(screen, rect)
    step = next(flow)
    if head:
        step = flow.send(head)
    assert isinstance(step, Read)
    assert step.makes == rect.area


def test_tight_streams_begin_anew_when_they_are_told_to() -> None:
    pixels, decoders = text(SIZE), Decoders()
    for _ in range(2):
        data = TightServer().copy(pixels)
        assert (shown_of(TIGHT, Rect(0, 0, *SIZE), bytes([data[0] | 0b1111]) + data[1:], decoders) == pixels).all()


def test_copies_may_overlap() -> None:
    screen = Screen()
    screen.resize(*SIZE)
    screen.put(Rect(0, 0, *SIZE), text(SIZE))
    decoder = Decoders().get(COPY_RECT)
    assert decoder
    pump(decoder(screen, Rect(5, 7, 100, 80)), struct.pack(">HH", 0, 0))
    assert (screen.pixels[7:87, 5:105] == text(SIZE)[:80, :100]).all()


def png(*sizes: tuple[int, int]) -> bytes:
    """A Tight rect: a PNG that says each size in turn, and has the pixels of the last where these are few."""
    width, height = sizes[-1]
    pixels = bytes((3 * width + 1) * height) if width * height < 1 << 16 else b""
    headers = [(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)) for size in sizes]
    chunks = [*headers, (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(parts)
    return b"\xa0" + compact(len(data)) + data


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        (TIGHT, b"\xb0"),
        (TIGHT, b"\x40\x03"),
        (TIGHT, b"\x90" + compact(2_000_000)),
        (TIGHT, b"\x90\x04abcd"),
        (TIGHT, b"\xa0\x04abcd"),
        (TIGHT, b"\xa0" + compact(33) + PNG_OF_NO_SCREEN),
        (TIGHT, png((20, 20))),
        (TIGHT, png(SIZE, (20, 20))),
        (TIGHT, png(SIZE, (20000, 20000))),
        (TIGHT, b"\x00" + compact(2_000_000)),
        (TIGHT, b"\x00\x04abcd"),
        (TIGHT, b"\x00" + compact(len(zlib.compress(bytes(10)))) + zlib.compress(bytes(10))),
        (TIGHT, b"\x00" + compact(len(zlib.compress(bytes(10**7)))) + zlib.compress(bytes(10**7))),
        (TIGHT, b"\x50\x01\x00\1\2\3" + compact(len(zlib.compress(b"\xff" * 1919))) + zlib.compress(b"\xff" * 1919)),
        (ZRLE, struct.pack(">I", 1 << 31)),
        (ZRLE, struct.pack(">I", 4) + b"abcd"),
        (ZRLE, struct.pack(">I", len(zlib.compress(bytes(10**8)))) + zlib.compress(bytes(10**8))),
        *(
            (ZRLE, struct.pack(">I", len(zlib.compress(tile))) + zlib.compress(tile))
            for tile in (
                b"",
                b"\x11",
                b"\x81",
                b"\0" + bytes(100),
                b"\x80\1\2\3" + b"\xff" * 40 + b"\0",
                b"\x82" + bytes(6) + b"\x05" * 4096,
                b"\x82" + bytes(6) + b"\x80" + b"\xff" * 17,
                b"\x82" + bytes(6) + b"\0" * 4095 + b"\x80\1",
                b"\x82" + bytes(6) + b"\0" * 4095,
                b"\x02" + bytes(5),
                b"\x03" + bytes(9) + b"\xff" * 2000,
            )
        ),
    ],
)
def test_what_breaks_the_rules_is_refused(encoding: int, data: bytes) -> None:
    with pytest.raises(SourceLost):
        shown_of(encoding, Rect(0, 0, *SIZE), data)


def test_a_stream_that_has_ended_takes_no_more() -> None:
    decoders, ended = Decoders(), zlib.compress(bytes(45450))
    with pytest.raises(SourceLost, match="ends a stream"):
        shown_of(TIGHT, Rect(0, 0, *SIZE), b"\x00" + compact(len(ended)) + ended, decoders)
