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

_MOST_UNEQUAL, _MOST_BYTES = 0.5, 0.5
"""Of what is drawn so much differs at the most from what is left of it, and a pixel takes so many bytes: to deflate it
is all the looking that it needs. Of a photograph nearly all differs, and it takes five times as much.
"""

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
class CoarseRects:
    """Rects of text that will travel in few colours."""

    rects: tuple[Rect, ...]
    pixels: Pixels

    def encode(self, quality: int) -> Deflated:
        return Deflated(self.rects, deflate_coarse(self.pixels), is_indexed=True)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an update consists of, not yet encoded; `rough` are the blocks that will go lossy."""

    drawn: tuple[Fill | Deflated, ...]
    """What needs no image."""
    images: tuple[Packed | PackedRects | CoarseRects, ...]
    repeats: tuple[Recall, ...]
    rough: Blocks

    @classmethod
    def take(cls, framebuffer: Framebuffer, seq: int, wanted: Wanted, digests: Mapping[int, bytes]) -> Self:
        """Copy what is wanted from the front.

        Blocks with the same of the `digests` go once. Images of update `seq` get numbers that no others have.
        """
        content = classify(framebuffer, joined(wanted.blocks, wanted.exact))
        flat = _flat(framebuffer, [*wanted.fixes, *wanted.patches], is_any=wanted.is_lossless)
        may_show_photo = not flat and not wanted.is_lossless
        drawn, photos = _sorted(framebuffer, wanted.patches) if may_show_photo else (list(wanted.patches), [])
        coarse, text, soon = [], content.text, without(content.text, wanted.exact)
        if sum(rect.area for rect in drawn) + soon.size * BLOCK * BLOCK > wanted.most_text:
            coarse = [*drawn, *framebuffer.grid.rects(soon)]
            drawn, text, flat = [], common(text, wanted.exact), None
        rough = without(content.photo, wanted.exact)
        resting = common(content.photo, wanted.exact)
        images: list[Packed | PackedRects | CoarseRects] = []
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
        if flat := flat or _flat(framebuffer, exact, is_any=True):
            exact = []
        images += [
            PackedRects(encoding, group, pack_rects(framebuffer, group))
            for encoding, chosen in ((Encoding.PNG, exact), (Encoding.JPEG, photos))
            for group in _group(chosen)
        ]
        rough = joined(rough, framebuffer.grid.touched([*coarse, *photos]))
        return cls((*_fills(content), *([flat] if flat else [])), tuple(images), tuple(repeats), rough)

    def encode(self, quality: int) -> tuple[Operation, ...]:
        """Turn the pixels into operations; JPEG at `quality` (1…100)."""
        # What is exact over what may be lossy, where a patch lies in a block that is drawn as well.
        return (*(image.encode(quality) for image in self.images), *self.drawn, *self.repeats)


def _flat(framebuffer: Framebuffer, rects: list[Rect], is_any: bool) -> Deflated | None:
    """The rects without an image; None where they are many or, unless `is_any` will do, a photograph may be in them."""
    if not rects or sum(rect.area for rect in rects) > _FEW_PIXELS:
        return None
    pixels = flatten(framebuffer, rects)
    if not is_any and np.count_nonzero(pixels[1:] != pixels[:-1]) > _MOST_UNEQUAL * pixels.size:
        return None
    stream = deflate(pixels)
    return Deflated(tuple(rects), stream) if is_any or len(stream) <= _MOST_BYTES * pixels.size else None


def _sorted(framebuffer: Framebuffer, patches: tuple[Rect, ...]) -> tuple[list[Rect], list[Rect]]:
    """Those that are drawn and those that are photographs, in parts where they are both."""
    parts = [part for rect in patches for part in cut(rect, framebuffer.front)]
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
