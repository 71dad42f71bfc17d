"""The pixels of one update, copied out of the framebuffer so that the next grab can go on while they are encoded."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from voxy.blocks import BLOCK, Atlas, Deflated, Encoding, Fill, Operation, Patches, Recall, Rect
from voxy.blocks.generations import Blocks, common, joined, without
from voxy.blocks.memory import find_repeats
from voxy.screen.atlas import flatten, pack, pack_rects
from voxy.screen.content import Content, classify, cut
from voxy.screen.encoders import ENCODERS, deflate, deflate_coarse
from voxy.screen.framebuffer import Framebuffer, Pixels

_FEW_PIXELS = 65536
"""Pixels up to which patches go as a zlib stream: browsers inflate those in 0.2 ms where a few images take 2.4 ms."""

_MOST_TIMES_WIDER = 3
"""How many times wider than another a rect may be that is in the same image."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an update draws: `blocks` and `patches`, of which photographs may go lossy unless all `is_lossless`; and
    `exact` and `fixes`, which may not. More pixels of text than `most_text` have few colours, unless they may not.
    """

    blocks: Blocks
    exact: Blocks
    patches: tuple[Rect, ...] = ()
    fixes: tuple[Rect, ...] = ()
    is_lossless: bool = False
    most_text: int = sys.maxsize


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
class CoarseRects:
    """Rects of text that will travel in few colours."""

    rects: tuple[Rect, ...]
    pixels: Pixels

    def encode(self, quality: int) -> Deflated:
        return Deflated(self.rects, deflate_coarse(self.pixels), is_indexed=True)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an update consists of, not yet encoded; `rough` are the blocks that will go lossy."""

    fills: tuple[Fill, ...]
    images: tuple[Packed | PackedRects | FlatRects | CoarseRects, ...]
    repeats: tuple[Recall, ...]
    rough: Blocks

    @classmethod
    def take(cls, framebuffer: Framebuffer, seq: int, wanted: Wanted, digests: Mapping[int, bytes]) -> Self:
        """Copy what is wanted from the front.

        Blocks with the same of the `digests` go once. Images of update `seq` get numbers that no others have.
        """
        content = classify(framebuffer, joined(wanted.blocks, wanted.exact))
        drawn, photos = _sorted(framebuffer, wanted)
        coarse, text, soon = [], content.text, without(content.text, wanted.exact)
        if sum(rect.area for rect in drawn) + soon.size * BLOCK * BLOCK > wanted.most_text:
            coarse = [*drawn, *framebuffer.grid.rects(soon)]
            drawn, text = [], common(text, wanted.exact)
        rough = without(content.photo, wanted.exact)
        resting = common(content.photo, wanted.exact)
        images: list[Packed | PackedRects | FlatRects | CoarseRects] = []
        repeats: list[Recall] = []
        for is_photo, chosen in enumerate((text, resting)):
            if chosen.size:
                number = 2 * seq + is_photo
                once, repeated = find_repeats(chosen, digests, number)
                images.append(Packed(Encoding.PNG, once, *pack(framebuffer, once), number, bool(is_photo)))
                repeats += repeated
        if rough.size:
            images.append(Packed(Encoding.JPEG, rough, *pack(framebuffer, rough)))
        if coarse:
            images.append(CoarseRects(tuple(coarse), flatten(framebuffer, coarse)))
        exact = [*wanted.fixes, *drawn]
        if exact and sum(rect.area for rect in exact) <= _FEW_PIXELS:
            images.append(FlatRects(tuple(exact), flatten(framebuffer, exact)))
            exact = []
        images += [
            PackedRects(encoding, group, pack_rects(framebuffer, group))
            for encoding, chosen in ((Encoding.PNG, exact), (Encoding.JPEG, photos))
            for group in _group(chosen)
        ]
        rough = joined(rough, framebuffer.grid.touched([*coarse, *photos]))
        return cls(tuple(_fills(content)), tuple(images), tuple(repeats), rough)

    def encode(self, quality: int) -> tuple[Operation, ...]:
        """Turn the pixels into operations; JPEG at `quality` (1…100)."""
        return (*self.fills, *(image.encode(quality) for image in self.images), *self.repeats)


def _sorted(framebuffer: Framebuffer, wanted: Wanted) -> tuple[list[Rect], list[Rect]]:
    """Of the patches, those that are drawn and those that are photographs, in parts where they are both."""
    if wanted.is_lossless:
        return list(wanted.patches), []
    parts = [part for rect in wanted.patches for part in cut(rect, framebuffer.front)]
    return [part for part, is_photo in parts if not is_photo], [part for part, is_photo in parts if is_photo]


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
