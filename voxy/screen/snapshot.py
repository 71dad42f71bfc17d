"""The pixels of one update, copied out of the framebuffer so that the next grab can go on while they are encoded."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from voxy.blocks import Atlas, Encoding, Fill, Operation, Patches, Rect
from voxy.blocks.generations import Blocks
from voxy.screen.atlas import pack, pack_rects
from voxy.screen.content import Content, classify
from voxy.screen.encoders import ENCODERS
from voxy.screen.framebuffer import Framebuffer, Pixels


@dataclass(frozen=True, slots=True)
class Packed:
    """Blocks that will travel as one image."""

    encoding: Encoding
    blocks: Blocks
    columns: int
    pixels: Pixels

    def encode(self, quality: int) -> Atlas:
        image = ENCODERS[self.encoding](self.pixels, quality)
        return Atlas(self.encoding, self.columns, self.blocks, image)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an update consists of, not yet encoded; `rough` are the blocks that will go lossy."""

    fills: tuple[Fill, ...]
    atlases: tuple[Packed, ...]
    rough: Blocks
    patches: tuple[Rect, ...] = ()
    patch_pixels: Pixels | None = None

    @classmethod
    def take(cls, framebuffer: Framebuffer, blocks: Blocks, exact: Blocks, patches: tuple[Rect, ...] = ()) -> Self:
        """Copy from the front: `blocks`, of which photographs may go lossy; `exact` and `patches`, which may not."""
        content = classify(framebuffer, np.union1d(blocks, exact))
        rough = np.setdiff1d(content.photo, exact, assume_unique=True)
        resting = np.intersect1d(content.photo, exact, assume_unique=True)
        packed = (
            Packed(encoding, chosen, *pack(framebuffer, chosen))
            for encoding, chosen in ((Encoding.PNG, content.text), (Encoding.PNG, resting), (Encoding.JPEG, rough))
            if chosen.size
        )
        pixels = pack_rects(framebuffer, patches) if patches else None
        return cls(tuple(_fills(content)), tuple(packed), rough, patches, pixels)

    def encode(self, quality: int) -> tuple[Operation, ...]:
        """Turn the pixels into operations; JPEG at `quality` (1…100)."""
        operations: list[Operation] = [*self.fills, *(packed.encode(quality) for packed in self.atlases)]
        if self.patch_pixels is not None:
            image = ENCODERS[Encoding.PNG](self.patch_pixels, quality)
            operations.append(Patches(Encoding.PNG, self.patches, image))
        return tuple(operations)


def _fills(content: Content) -> list[Fill]:
    colours, which = np.unique(content.colours, return_inverse=True)
    return [Fill(int(colour), content.flat[which == index]) for index, colour in enumerate(colours)]
