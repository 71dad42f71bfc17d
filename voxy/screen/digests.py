"""Digests: which blocks are alike, told by 128 bits with a random seed, so that none can be made to clash."""

import secrets

import numpy as np
import xxhash

from voxy.blocks.generations import Blocks
from voxy.blocks.likeness import BANDS, Clues
from voxy.screen.content import tiled
from voxy.screen.framebuffer import COLOUR, Framebuffer

_CLUE_ROWS = 20, 44
"""Rows of a block that stand for its halves."""

_PIECE = 64
"""Blocks that are copied together before they are hashed: a megabyte."""


class Digests:
    """Remembers the digests of a framebuffer's blocks; each is computed once for each content, when it is asked for."""

    def __init__(self) -> None:
        self._seed = secrets.randbits(64)
        self._of_block: dict[int, tuple[int, bytes]] = {}

    def of(self, framebuffer: Framebuffer, blocks: Blocks) -> dict[int, bytes]:
        """The digest of each of `blocks` of the front; blocks that are alike have the same, also on other screens."""
        of_block = framebuffer.generations.of_block
        known = {
            block: entry[1]
            for block in blocks.tolist()
            if (entry := self._of_block.get(block)) and entry[0] == of_block[block]
        }
        missing = np.array([block for block in blocks.tolist() if block not in known], dtype=np.intp)
        tiles = tiled(framebuffer.front)
        for start in range(0, missing.size, _PIECE):
            piece = missing[start : start + _PIECE]
            rows, columns = np.divmod(piece, framebuffer.grid.columns)
            for block, pixels in zip(piece.tolist(), tiles[rows, :, columns] & COLOUR, strict=True):
                known[block] = xxhash.xxh3_128_digest(pixels, self._seed)
                self._of_block[block] = int(of_block[block]), known[block]
        return known

    def of_bands(self, framebuffer: Framebuffer, block: int) -> bytes:
        """The digests of the bands of a block of the front, one after the other."""
        row, column = divmod(block, framebuffer.grid.columns)
        bands = (tiled(framebuffer.front)[row, :, column] & COLOUR).reshape(BANDS, -1)
        return b"".join([xxhash.xxh3_128_digest(band.data, self._seed) for band in bands])


def clues(framebuffer: Framebuffer, blocks: Blocks) -> dict[int, Clues]:
    """What tells quickly which blocks may be like those of the front."""
    rows, columns = np.divmod(blocks, framebuffer.grid.columns)
    upper, lower = (tiled(framebuffer.front)[rows, row, columns] & COLOUR for row in _CLUE_ROWS)
    halves = zip(blocks.tolist(), upper, lower, strict=True)
    return {block: (hash(one.tobytes()), hash(other.tobytes())) for block, one, other in halves}
