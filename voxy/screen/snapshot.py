"""The pixels of one update, copied out of the framebuffer so that the next grab can go on while they are encoded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from voxy.blocks import Atlas, Deflated, Encoding, Fill, Operation, Patches, Recall, Rect
from voxy.blocks.generations import Blocks, common, joined, without
from voxy.blocks.memory import find_repeats
from voxy.screen.atlas import flatten, pack, pack_rects
from voxy.screen.content import Content, classify, cut
from voxy.screen.encoders import ENCODERS, deflate
from voxy.screen.framebuffer import Framebuffer, Pixels

_FEW_PIXELS = 65536
"""Pixels up to which patches go as a zlib stream: browsers inflate those in 0.2 ms where a few images take 2.4 ms."""

_MOST_TIMES_WIDER = 3
"""How many times wider than another a rect may be that is in the same image."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an update draws: `blocks` and `patches`, of which photographs may go lossy unless all `is_lossless`; and
    `exact` and `fixes`, which may not.
    """

    blocks: Blocks
    exact: Blocks
    patches: tuple[Rect, ...] = ()
    fixes: tuple[Rect, ...] = ()
    is_lossless: bool = False


@dataclass(frozen=True, slots=True)
class Packed:
    """Blocks that will travel as one image."""

    encoding: Encoding
    blocks: Blocks
    columns: int
    pixels: Pixels
    number: int = 0
    """Under which viewers keep the image; 0 for one that isn't kept."""
    is_photograph: bool = False

    def encode(self, quality: int) -> Atlas:
        image = ENCODERS[self.encoding](self.pixels, quality)
        return Atlas(self.encoding, self.columns, self.blocks, image, self.number)


@dataclass(frozen=True, slots=True)
class PackedRects:
    """Rects that will travel as one image."""

    encoding: Encoding
    rects: tuple[Rect, ...]
    pixels: Pixels

    def encode(self, quality: int) -> Patches:
        return Patches(self.encoding, self.rects, ENCODERS[self.encoding](self.pixels, quality))


@dataclass(frozen=True, slots=True)
class FlatRects:
    """Rects that will travel without an image."""

    rects: tuple[Rect, ...]
    pixels: Pixels

    def encode(self, quality: int) -> Deflated:
        return Deflated(self.rects, deflate(self.pixels))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an update consists of, not yet encoded; `rough` are the blocks that will go lossy."""

    fills: tuple[Fill, ...]
    images: tuple[Packed | PackedRects | FlatRects, ...]
    repeats: tuple[Recall, ...]
    rough: Blocks

    @classmethod
    def take(cls, framebuffer: Framebuffer, seq: int, wanted: Wanted, digests: Mapping[int, bytes]) -> Self:
        """Copy what is wanted from the front.

        Blocks with the same of the `digests` go once. Images of update `seq` get numbers that no others have.
        """
        content = classify(framebuffer, joined(wanted.blocks, wanted.exact))
        rough = without(content.photo, wanted.exact)
        resting = common(content.photo, wanted.exact)
        images: list[Packed | PackedRects | FlatRects] = []
        repeats: list[Recall] = []
        for is_photo, chosen in enumerate((content.text, resting)):
            if chosen.size:
                number = 2 * seq + is_photo
                once, repeated = find_repeats(chosen, digests, number)
                images.append(Packed(Encoding.PNG, once, *pack(framebuffer, once), number, bool(is_photo)))
                repeats += repeated
        if rough.size:
            images.append(Packed(Encoding.JPEG, rough, *pack(framebuffer, rough)))
        rects: dict[Encoding, list[Rect]] = {Encoding.PNG: list(wanted.fixes), Encoding.JPEG: []}
        for rect in wanted.patches:
            for part, is_photo in [(rect, False)] if wanted.is_lossless else cut(rect, framebuffer.front):
                rects[Encoding.JPEG if is_photo else Encoding.PNG].append(part)
        if 0 < sum(rect.area for rect in rects[Encoding.PNG]) <= _FEW_PIXELS:
            few, rects[Encoding.PNG] = tuple(rects[Encoding.PNG]), []
            images.append(FlatRects(few, flatten(framebuffer, few)))
        images += [
            PackedRects(encoding, group, pack_rects(framebuffer, group))
            for encoding, chosen in rects.items()
            for group in _group(chosen)
        ]
        rough = joined(rough, framebuffer.grid.touched(rects[Encoding.JPEG]))
        return cls(tuple(_fills(content)), tuple(images), tuple(repeats), rough)

    def encode(self, quality: int) -> tuple[Operation, ...]:
        """Turn the pixels into operations; JPEG at `quality` (1…100)."""
        return (*self.fills, *(image.encode(quality) for image in self.images), *self.repeats)


def _fills(content: Content) -> list[Fill]:
    if not content.flat.size:
        return []
    colours, which = np.unique(content.colours, return_inverse=True)
    return [Fill(int(colour), content.flat[which == index]) for index, colour in enumerate(colours)]


def _group(rects: list[Rect]) -> Iterator[tuple[Rect, ...]]:
    """The rects by width: in an image as wide as a scroll bar is high, its pixels would be lost among empty ones."""
    group: list[Rect] = []
    for rect in sorted(rects, key=lambda rect: -rect.width):
        if group and rect.width * _MOST_TIMES_WIDER < group[0].width:
            yield tuple(group)
            group = []
        group.append(rect)
    if group:
        yield tuple(group)
