"""What a block looks like: one colour, text or interface (exact at once), or a photograph (may go lossy first)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import BLOCK, Rect
from voxy.blocks.generations import Blocks, joined
from voxy.screen.framebuffer import COLOUR, Framebuffer, Pixels

_SAMPLED_ROWS = np.arange(5, BLOCK, 16)
"""Rows of a block that are looked at: 4 of 64, away from the edges where windows begin."""

_EQUAL_NEIGHBOURS = 0.3
"""Share of pixels that equal their left neighbour, above which a block is text or interface: glyphs stand on a
flat ground (0.5 and more), while a photograph's noise leaves almost none (below 0.05)."""

_PHOTO_COLOURS = 96
"""Different colours among the 256 sampled pixels, below which a block is drawn rather than photographed."""


_GROUND = 0.15
"""Share of the pixels that have one colour, above which they are text however dense: a photograph's noise leaves no
ground."""

_PIECE = 16
"""Blocks that are looked at whole at a time, for the processor's cache."""

_PHOTO_PIXELS, _MOST_SAMPLED = 256, 4096
"""Pixels that are enough to tell a photograph by, and that are looked at at the most, or a row of them."""


_FEW_PIXELS = 8192
"""Pixels whose colours are counted sooner than strips of a photograph are looked for among them."""

_GROWTH = 4


@dataclass(frozen=True, slots=True)
class Content:
    """Blocks sorted by what they look like; `colours` are 0xRRGGBB, one for each of `flat`."""

    flat: Blocks
    colours: NDArray[np.uint32]
    text: Blocks
    photo: Blocks


def classify(framebuffer: Framebuffer, blocks: Blocks) -> Content:
    """Sort `blocks` of the front."""
    if not blocks.size:
        return Content(blocks, np.zeros(0, dtype=np.uint32), blocks, blocks)
    sample = _sample(framebuffer, blocks)
    first = sample[:, 0, 0]
    maybe_flat = np.flatnonzero((sample == first[:, None, None]).all(axis=(1, 2)))
    is_flat = np.zeros(blocks.size, dtype=np.bool_)
    tiles = tiled(framebuffer.front)
    # Only what the sample lets hope for is looked at whole.
    for start in range(0, maybe_flat.size, _PIECE):
        piece = maybe_flat[start : start + _PIECE]
        rows, columns = np.divmod(blocks[piece], framebuffer.grid.columns)
        whole = tiles[rows, :, columns] & COLOUR
        is_flat[piece] = (whole == first[piece, None, None]).all(axis=(1, 2))
    is_photo = ~is_flat & _is_photo(sample)
    return Content(
        flat=blocks[is_flat],
        colours=first[is_flat],
        text=blocks[~is_flat & ~is_photo],
        photo=blocks[is_photo],
    )


def photographs(framebuffer: Framebuffer, blocks: Blocks) -> list[bool]:
    """Whether each of `blocks` of the front is a photograph."""
    is_photo: list[bool] = np.isin(blocks, classify(framebuffer, blocks).photo).tolist()
    return is_photo


def is_photograph(pixels: Pixels) -> bool:
    """Whether a rect of pixels comes from a photograph; what is too little to tell doesn't."""
    sample = pixels[:: max(1, pixels.size // _MOST_SAMPLED)] & COLOUR
    if sample.size < _PHOTO_PIXELS or sample.shape[1] < 2:
        return False
    neighbours = sample[:, 1:] == sample[:, :-1]
    if np.count_nonzero(neighbours) >= _EQUAL_NEIGHBOURS * neighbours.size:
        return False
    ends = _ends(sample)
    return ends.size > _PHOTO_COLOURS and int(np.diff(ends, prepend=0).max()) <= _GROUND * sample.size


def pictures(framebuffer: Framebuffer, blocks: Blocks) -> tuple[Blocks, Blocks]:
    """Those of `blocks` that are photographs, enlarged or not, and those that are text for certain.

    Where each pixel of a photograph became several, neighbours are equal, as they are in text; but it has more colours.
    """
    content = classify(framebuffer, blocks)
    is_enlarged = _has_many_colours(_sample(framebuffer, content.text))
    return joined(content.photo, content.text[is_enlarged]), content.text[~is_enlarged]


def cut(rect: Rect, picture: Pixels) -> list[tuple[Rect, bool]]:
    """A rect of a picture, and whether it is a photograph; in parts where just a strip along one of its sides is.

    What is dragged over a photograph uncovers a strip of it, next to what of a window comes anew.
    """
    pixels = picture[rect.slices]
    if rect.area < _PHOTO_PIXELS or (rect.area <= _FEW_PIXELS and _colours(pixels & COLOUR) <= _PHOTO_COLOURS):
        return [(rect, False)]
    if is_photograph(pixels):
        return [(rect, True)]
    for photo in _strips(rect, picture):
        if photo.area and is_photograph(picture[photo.slices]):
            return [(photo, True), *((part, False) for part in rect.beside(photo))]
    return [(rect, False)]


def _strips(rect: Rect, picture: Pixels) -> Iterator[Rect]:
    """What of a rect, along one of its sides, may be a photograph."""
    if rect.area < 2 * _PHOTO_PIXELS or min(rect.width, rect.height) < 2:
        return
    x, y, width, height = rect
    pixels = picture[rect.slices]
    top, bottom = (_photo_lines(lines, lines[:, 1:], lines[:, :-1]) for lines in (pixels, pixels[::-1]))
    yield Rect(x, y, width, top)
    yield Rect(x, rect.bottom - bottom, width, bottom)
    # A column differs from the next as well where that is no photograph's: there are as many columns as differences.
    left, right = (_photo_lines(lines, lines[:-1], lines[1:]) for lines in (pixels.T, pixels.T[::-1]))
    yield Rect(x, y, left, height)
    yield Rect(rect.right - right, y, right, height)


def _photo_lines(lines: Pixels, neighbours: Pixels, others: Pixels) -> int:
    """How many of the first lines look like a photograph's, without such as have the few colours of dense text.

    Each pixel of a line has a neighbour in that of the `others`.
    """
    most_equal = _EQUAL_NEIGHBOURS * neighbours.shape[1]
    # Mostly there are none: the first line is looked at alone, and then ever more together.
    if np.count_nonzero(_equal(neighbours[0], others[0])) >= most_equal:
        return 0
    start, end, count = 1, 1 + _GROWTH, 0
    while start < len(neighbours):
        equal = _equal(neighbours[start:end], others[start:end])
        is_other = np.count_nonzero(equal, axis=1) >= most_equal
        if is_other.any():
            count = start + int(is_other.argmax())
            break
        start, end = end, _GROWTH * end
    while count and _colours(lines[count - 1] & COLOUR) <= lines.shape[1] // 2:
        count -= 1
    return count


def _equal(pixels: Pixels, others: Pixels) -> NDArray[np.bool_]:
    """Where two pixels have one colour."""
    equal: NDArray[np.bool_] = (pixels ^ others) & COLOUR == 0
    return equal


def _colours(pixels: Pixels) -> int:
    """How many different pixels there are."""
    return _ends(pixels).size


def _ends(pixels: Pixels) -> NDArray[np.intp]:
    """Where each colour ends among all pixels in order. To sort them takes a tenth of what numpy's own does."""
    ordered = pixels.flatten()
    ordered.sort()
    return np.append(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, ordered.size)


def tiled(pixels: Pixels) -> NDArray[np.uint32]:
    """The same pixels as (block rows, 64, block columns, 64)."""
    height, width = pixels.shape
    return pixels.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)


def _sample(framebuffer: Framebuffer, blocks: Blocks) -> NDArray[np.uint32]:
    """(blocks, rows, 64) pixels of the front, by which `blocks` are told."""
    rows, columns = np.divmod(blocks, framebuffer.grid.columns)
    sample: NDArray[np.uint32] = tiled(framebuffer.front)[rows[:, None], _SAMPLED_ROWS, columns[:, None]] & COLOUR
    return sample


def _is_photo(sample: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which of (blocks, rows, 64) sampled pixels come from photographs."""
    equal = (sample[:, :, 1:] == sample[:, :, :-1]).mean(axis=(1, 2))
    photo: NDArray[np.bool_] = equal < _EQUAL_NEIGHBOURS
    candidates = np.flatnonzero(photo)
    if candidates.size:
        photo[candidates] = _has_many_colours(sample[candidates])
    return photo


def _has_many_colours(sample: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which of (blocks, rows, 64) sampled pixels have more colours than what is drawn."""
    colours = np.sort(sample.reshape(len(sample), len(_SAMPLED_ROWS) * BLOCK), axis=1)
    many: NDArray[np.bool_] = (colours[:, 1:] != colours[:, :-1]).sum(axis=1) + 1 > _PHOTO_COLOURS
    return many
