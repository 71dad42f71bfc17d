"""Pictures that tests draw on framebuffers, and a model of the viewer that paints updates."""

import io
import zlib
from collections.abc import Iterable

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from voxy.blocks import BLOCK, Atlas, BlockGrid, Copy, Deflated, Fill, Operation, Patches, Recall, Rect, Size, Video
from voxy.blocks.generations import Blocks
from voxy.screen.differ import BlockDiffer
from voxy.screen.framebuffer import Framebuffer, Pixels, blank


def to_pixels(rgb: np.ndarray) -> Pixels:
    rgb = rgb.astype(np.uint32)
    return rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]


def read_image(data: bytes) -> Pixels:
    return to_pixels(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


def text(size: Size, lines: str = "the quick brown fox jumps over the lazy dog ") -> Pixels:
    image = Image.new("RGB", size, "#fafaf8")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    for number in range(size.height // 20 + 1):
        # Each line begins elsewhere in the text, so that no two rows of pixels are the same.
        line = f"{number} {lines[number * 7 % len(lines) :]}{number * number} " * 40
        draw.text((4, number * 20), line[: size.width // 6], fill="#202428", font=font)
    return to_pixels(np.asarray(image))


def photograph(size: Size, seed: int = 1) -> Pixels:
    random = np.random.default_rng(seed)
    coarse = Image.fromarray((random.random((5, 7, 3)) * 255).astype(np.uint8))
    smooth = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
    return to_pixels(np.clip(smooth + random.normal(0, 3, smooth.shape), 0, 255))


def framebuffer_of(pixels: Pixels) -> Framebuffer:
    height, width = pixels.shape
    framebuffer = Framebuffer(Size(1, 1))
    framebuffer.fit_back(Size(width, height))[:height, :width] = pixels
    BlockDiffer().diff(framebuffer, (Rect(0, 0, width, height),))
    return framebuffer


def _read_colours(data: bytes) -> Pixels:
    return to_pixels(np.frombuffer(data, dtype=np.uint8).reshape(1, -1, 3)).ravel()


def read_indexed(data: bytes, count: int) -> Pixels:
    """The pixels of a Deflated that is indexed."""
    pairs = np.frombuffer(data[: (count + 1) // 2], dtype=np.uint8)
    indices = np.stack([pairs >> 4, pairs & 15], axis=1).ravel()[:count]
    palette = _read_colours(data[pairs.size :])
    assert palette.size == int(indices.max()) + 1
    return palette[indices]


class PaintedScreen:
    """What a browser shows after painting operations: the same rules as static/js/screen.js, in numpy."""

    def __init__(self, size: Size, keeps: int = 0) -> None:
        self.keeps = keeps
        self.kept: dict[int, tuple[int, Pixels]] = {}
        self.resize(size)

    def resize(self, size: Size) -> None:
        self.grid = BlockGrid(size)
        self.pixels = blank(self.grid)

    @property
    def shown(self) -> Pixels:
        return self.pixels[: self.grid.size.height, : self.grid.size.width]

    def paint(self, operations: tuple[Operation, ...]) -> None:
        for operation in operations:
            match operation:
                case Copy(source, x, y):
                    moved = self.pixels[source.y : source.bottom, source.x : source.right].copy()
                    self.pixels[y : y + source.height, x : x + source.width] = moved
                case Fill(colour, blocks):
                    for block in blocks.tolist():
                        self._place(block)[:] = colour
                case Patches(_, rects, image):
                    picture = read_image(image)
                    top = 0
                    for rect in rects:
                        pixels = picture[top : top + rect.height, : rect.width]
                        self.pixels[rect.y : rect.bottom, rect.x : rect.right] = pixels
                        top += rect.height
                case Deflated(rects, stream, is_indexed):
                    data = zlib.decompress(stream)
                    shown = read_indexed(data, sum(rect.area for rect in rects)) if is_indexed else _read_colours(data)
                    for rect in rects:
                        here, shown = shown[: rect.area], shown[rect.area :]
                        self.pixels[rect.slices] = here.reshape(rect.height, rect.width)
                case Atlas(_, columns, blocks, image, number):
                    kept = columns, read_image(image)
                    self._draw(kept, blocks, range(blocks.size))
                    if number:
                        self.kept[number] = kept
                case Video(codec, _, is_key, rect, chunk):
                    if is_key:
                        self._decoder = av.CodecContext.create(codec.name.lower(), "r")
                    (frame,) = self._decoder.decode(av.Packet(chunk))
                    picture = to_pixels(frame.to_ndarray(format="rgb24"))[: rect.height, : rect.width]
                    self.pixels[rect.y : rect.bottom, rect.x : rect.right] = picture
                case Recall(number, blocks, places):
                    self.kept[number] = self.kept.pop(number)
                    self._draw(self.kept[number], blocks, places.tolist())
        while 4 * sum(picture.size for _, picture in self.kept.values()) > self.keeps:
            self.kept.pop(next(iter(self.kept)))

    def _draw(self, kept: tuple[int, Pixels], blocks: Blocks, places: Iterable[int]) -> None:
        columns, picture = kept
        for place, block in zip(places, blocks.tolist(), strict=True):
            row, column = divmod(place, columns)
            self._place(block)[:] = picture[row * BLOCK : (row + 1) * BLOCK, column * BLOCK : (column + 1) * BLOCK]

    def _place(self, block: int) -> Pixels:
        row, column = divmod(block, self.grid.columns)
        return self.pixels[row * BLOCK : (row + 1) * BLOCK, column * BLOCK : (column + 1) * BLOCK]


def png_file() -> bytes:
    """A PNG of noise, which takes about 100 kB."""
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (180, 200, 3), dtype=np.uint8)).save(data, "PNG")
    return data.getvalue()


def same_picture(one: bytes | None, other: bytes) -> bool:
    """Whether two image files have the same pixels: browsers write images anew."""
    if one is None:
        return False
    first, second = (np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in (one, other))
    return first.shape == second.shape and bool((first == second).all())
