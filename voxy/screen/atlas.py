"""Packs blocks into one image, so that the browser decodes once, and rects into one row where it needs no image."""

from collections.abc import Sequence

import numpy as np

from voxy.blocks import BLOCK, Rect
from voxy.blocks.generations import Blocks
from voxy.screen.content import tiled
from voxy.screen.framebuffer import Framebuffer, Pixels


def pack(framebuffer: Framebuffer, blocks: Blocks) -> tuple[int, Pixels]:
    """A copy of `blocks` (one at least) as one image, row by row, and how many blocks a row of it has.

    The image is as wide as the area that the blocks lie in, so that neighbours on the screen are mostly
    neighbours in the image and the viewer draws them in long runs; blocks that fill a rect are packed as they are.
    """
    rows, columns = np.divmod(blocks, framebuffer.grid.columns)
    left, top = int(columns.min()), int(rows[0])
    width, height = int(columns.max()) - left + 1, int(rows[-1]) - top + 1
    if blocks.size == width * height:
        where = np.s_[top * BLOCK : (top + height) * BLOCK, left * BLOCK : (left + width) * BLOCK]
        return width, framebuffer.front[where].copy()
    width = min(width, blocks.size)
    height = -(-blocks.size // width)
    image = np.zeros((height * BLOCK, width * BLOCK), dtype=np.uint32)
    to_rows, to_columns = np.divmod(np.arange(blocks.size), width)
    tiled(image)[to_rows, :, to_columns] = tiled(framebuffer.front)[rows, :, columns]
    return width, image


def pack_rects(framebuffer: Framebuffer, rects: Sequence[Rect]) -> Pixels:
    """A copy of `rects` (one at least) as one image, one below the other."""
    image = np.zeros((sum(rect.height for rect in rects), max(rect.width for rect in rects)), dtype=np.uint32)
    top = 0
    for rect in rects:
        pixels = framebuffer.front[rect.slices]
        image[top : top + rect.height, : rect.width] = pixels
        top += rect.height
    return image


def flatten(framebuffer: Framebuffer, rects: Sequence[Rect]) -> Pixels:
    """A copy of the pixels of `rects` (one at least), in one row."""
    return np.concatenate([framebuffer.front[rect.slices].ravel() for rect in rects])
