"""Update operations: what a holder does to bring its array of blocks up to date."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TypeAlias

import numpy as np

from voxy.blocks.generations import NO_BLOCKS, Blocks, blocks_in, common, joined, without
from voxy.blocks.geometry import BLOCK, BlockGrid, Rect


class Encoding(IntEnum):
    """How an atlas' image is encoded; the number travels."""

    PNG = 1
    JPEG = 2


class VideoCodec(IntEnum):
    """How a film is encoded; the number travels."""

    H264 = 1
    VP8 = 2


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy the pixels of `source`, as they were before the update, to the place with its left top at (x, y)."""

    source: Rect
    x: int
    y: int

    @property
    def target(self) -> Rect:
        return Rect(self.x, self.y, self.source.width, self.source.height)

    @property
    def pane(self) -> Rect:
        """The rect around where the pixels come from and go to."""
        return self.source.union(self.target)

    @property
    def offset(self) -> tuple[int, int]:
        """Columns to the right and rows down by which the pixels move."""
        return self.x - self.source.x, self.y - self.source.y

    def carries(self, blocks: Blocks, grid: BlockGrid) -> Blocks:
        """The blocks into which pixels of any of `blocks` are copied."""
        if not blocks.size:
            return blocks
        rows, columns = np.divmod(blocks, grid.columns)
        right_by, down_by = self.offset
        left, right = _carried(columns, self.source.x, self.source.right, right_by)
        top, bottom = _carried(rows, self.source.y, self.source.bottom, down_by)
        moves = (left < right) & (top < bottom)
        first, last = (
            (left[moves] // BLOCK, top[moves] // BLOCK),
            ((right[moves] - 1) // BLOCK, (bottom[moves] - 1) // BLOCK),
        )
        mask = np.zeros((grid.rows, grid.columns), dtype=np.bool_)
        # As large as a block, the pixels of one are in four others at the most.
        for column, row in itertools.product((first[0], last[0]), (first[1], last[1])):
            mask[row, column] = True
        return blocks_in(mask)

    def move(self, rect: Rect) -> Rect | None:
        """Where what `rect` has of the source is copied to; None if it has nothing of it."""
        inside = rect.intersect(self.source)
        return inside and inside.moved(*self.offset)


def _carried(cells: Blocks, start: int, end: int, offset: int) -> tuple[Blocks, Blocks]:
    """From where to where the pixels of rows (columns) of blocks that are between `start` and `end` are copied."""
    return np.maximum(cells * BLOCK, start) + offset, np.minimum((cells + 1) * BLOCK, end) + offset


@dataclass(frozen=True, slots=True)
class Step:
    """A change from generation `base` to a later one in few words: copies, one after the other, then patches; and the
    blocks that these leave.

    Only who has all of generation `base` may take it.
    """

    base: int
    grid: BlockGrid
    left: Blocks
    copies: tuple[Copy, ...] = ()
    patches: tuple[Rect, ...] = ()
    film: Rect | None = None
    """Where a frame of a film changed something."""
    beside: Blocks = field(default_factory=lambda: NO_BLOCKS)
    """The blocks that `film` covers in part, and in which the copies leave something to be sent beside it."""
    unseen: tuple[Rect, ...] = ()
    """What the change leaves as it was, since a frame of the film comes on top of it."""

    def then(self, later: "Step") -> "Step":
        """This change and the one after it as one: what this doesn't bring by copies, the later copies carry along."""
        left, patches = self.left, self.patches
        for copy in later.copies:
            left = joined(left, copy.carries(left, self.grid))
            patches += tuple(moved for rect in patches if (moved := copy.move(rect)))
        return Step(
            self.base,
            self.grid,
            joined(left, later.left),
            self.copies + later.copies,
            patches + later.patches,
            unseen=later.unseen + self._unseen_after(later),
        )

    def _unseen_after(self, later: "Step") -> tuple[Rect, ...]:
        """What of the unseen is then still, as copies carry it along or leave it."""
        carried = tuple(rect for copy in later.copies for rect in map(copy.move, self.unseen) if rect)
        stays = _outside(self.unseen, [copy.target for copy in later.copies])
        return _outside(carried + stays, later.unseen)

    def under_film(self) -> "Step":
        """The same for who gets a frame of the film, which brings what changed there."""
        if not self.film:
            return self
        left = without(self.left, without(self.grid.touched([self.film]), self.beside))
        return replace(self, left=left, unseen=(self.film,))

    def under(self, frame: "Projection") -> "Step":
        """The same for who gets this `frame` on top: without what it covers, with what it doesn't of the unseen."""
        left = without(self.left, without(frame.blocks, frame.edges))
        patches = _outside(self.patches + self.unseen, [frame.rect])
        return replace(self, left=left, patches=patches, unseen=())

    def roughens(self, rough: Blocks, changed: Blocks) -> Blocks:
        """Of the blocks that `changed`, and of those around copies: which are rough, if `rough` were before."""
        if not rough.size:
            return rough
        found = common(rough, changed)
        for copy in self.copies:
            carried = copy.carries(rough, self.grid)
            rough, found = joined(rough, carried), joined(found, carried)
        return without(found, self.left)

    @property
    def pixels(self) -> int:
        """What has to be sent of it."""
        return self.left.size * BLOCK * BLOCK + sum(rect.area for rect in self.patches)


def _outside(rects: tuple[Rect, ...], others: Iterable[Rect]) -> tuple[Rect, ...]:
    """The same pixels without those of the others."""
    for other in others:
        parts = (rect.beside(both) if (both := rect.intersect(other)) else (rect,) for rect in rects)
        rects = tuple(itertools.chain.from_iterable(parts))
    return rects


@dataclass(frozen=True, slots=True)
class Fill:
    """Paint `blocks` with one colour, 0xRRGGBB."""

    colour: int
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Atlas:
    """Draw `blocks` from one image that holds them row by row, `columns` to a row; keep it as `number` (0: don't)."""

    encoding: Encoding
    columns: int
    blocks: Blocks
    image: bytes
    number: int = 0

    @property
    def kept_bytes(self) -> int:
        """What it takes as pixels of four bytes."""
        return self.columns * -(-self.blocks.size // self.columns) * BLOCK * BLOCK * 4


@dataclass(frozen=True, slots=True)
class Recall:
    """Draw `blocks` from an image that was kept, or that came earlier in the same update; `places` are theirs in it."""

    number: int
    blocks: Blocks
    places: Blocks


@dataclass(frozen=True, slots=True)
class Patches:
    """Draw `rects` from one image that holds them one below the other, from its left edge."""

    encoding: Encoding
    rects: tuple[Rect, ...]
    image: bytes


@dataclass(frozen=True, slots=True)
class Deflated:
    """Draw `rects` from a zlib stream of their pixels: red, green and blue of one rect row by row, then of the next.

    Where it `is_indexed`, four bits for each pixel instead, and behind them the palette that these count.
    """

    rects: tuple[Rect, ...]
    stream: bytes
    is_indexed: bool = False


@dataclass(frozen=True, slots=True)
class Projection:
    """The film that is running, for a viewer that can be sent frames of it: where it is, and the blocks that it covers.

    Of these the `edges` are covered in part; `is_first` says that the viewer has had no frame of it yet.
    """

    grid: BlockGrid
    rect: Rect
    blocks: Blocks
    edges: Blocks
    is_first: bool

    def beside(self, blocks: Blocks) -> tuple[Rect, ...]:
        """The pixels of `blocks` that aren't the film's."""
        return _outside(tuple(self.grid.rects(blocks)), [self.rect])


@dataclass(frozen=True, slots=True)
class Video:
    """Draw the frame that `chunk` decodes to on `rect`; its chunks are those of one `stream`, from a key one on."""

    codec: VideoCodec
    stream: int
    is_key: bool
    rect: Rect
    chunk: bytes


Operation: TypeAlias = Copy | Fill | Atlas | Recall | Patches | Deflated | Video
