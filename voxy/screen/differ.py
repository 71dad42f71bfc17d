"""Which blocks of what was grabbed differ from what viewers are shown, and what of it only moved."""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from voxy.blocks import BLOCK, BlockGrid, Copy, Rect
from voxy.blocks.generations import NO_BLOCKS, Blocks, blocks_in, without
from voxy.blocks.geometry import rects_of, to_pixels
from voxy.screen.comparison import Cells, are_apart, changed_beside, compare, trim
from voxy.screen.following import carry, check, follow
from voxy.screen.framebuffer import Framebuffer, Moved, Pixels
from voxy.screen.motion import find_copy, find_moved

_LEAST_BLOCKS = 12
"""Blocks of which most changed from which on it is searched what moved; fewer are sent quicker than searched."""

_MOST_SKIPPED = 8
"""Pictures that are not searched at the most, after as many in which nothing had moved."""

_FEW_AREAS = 4
"""Rects of damage of which each pair is looked at quicker than all blocks."""

_FEW_RECTS = 6
"""Rects of damage that may each be sent as one."""

_MOST_COPIES = 3
"""Things that move at a time, each in its own way."""

_MOST_LEFT = 0.5
"""Share of the blocks of what moves that a copy may leave; where more are left, it isn't followed."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The blocks that changed; and the change in fewer words, if there are such.

    That is copies, then rects of pixels (`patches`), with the blocks that are `left` to be sent whole.
    """

    changed: Blocks
    unmoved: Blocks
    """Those that changed otherwise than by what moves, or as a part of the film."""
    copies: tuple[Copy, ...] = ()
    left: Blocks = field(default_factory=lambda: NO_BLOCKS)
    patches: tuple[Rect, ...] = ()
    film: Rect | None = None
    """Where the film that is running is now."""
    beside: Blocks = field(default_factory=lambda: NO_BLOCKS)
    """The blocks that this covers in part and in which the copies leave something beside it."""


class BlockDiffer:
    """Compares exactly, pixel by pixel, within the damage; never by a hash that could miss a change."""

    def __init__(self) -> None:
        self._misses = 0
        self._skipped = 0
        self._has_film = False
        self._moving: tuple[Copy, ...] = ()
        """What moved when something did last, each thing by itself, unless it has stopped."""

    @property
    def follows(self) -> bool:
        """Whether something moved last, which mostly goes on: then nothing is searched, which takes the longest."""
        return bool(self._moving)

    def diff(self, framebuffer: Framebuffer, damage: tuple[Rect, ...], film: Rect | None = None) -> Difference:
        """Bring `framebuffer.front` up to date with what was grabbed; return what changed, also beside a film.

        Where the size changed, front and generations start anew and every block has changed.
        """
        moved, framebuffer.moved = framebuffer.moved, None
        if framebuffer.adopt_size():
            self._moving = ()
            everything = framebuffer.generations.newer_than(0)
            return Difference(everything, everything)
        grid = framebuffer.grid
        few = trim(framebuffer, damage) if not moved and len(damage) <= _FEW_RECTS else None
        if few is not None:
            beside = changed_beside(framebuffer, film) if film else NO_BLOCKS
            if few:
                framebuffer.swap(few)
            touched = grid.touched(few)
            return Difference(touched, touched, (), NO_BLOCKS, few, film, beside)
        areas = _distinct([cells for rect in damage if (cells := grid.cells(rect))], grid)
        told = moved and _told_copy(framebuffer, moved, film)
        copies, resting = ((told,), ()) if told else self._follow(framebuffer, areas, film)
        changed = np.zeros((grid.rows, grid.columns), dtype=np.bool_)
        for copy in copies:
            changed[_cells_of(copy, grid).slices] = True
        while True:
            # The rest is what differs from the front as the copies leave it.
            found = compare(framebuffer, _with(areas, copies, grid), copies)
            changed |= found.cells
            whole, patches = found.split()
            more = self._find_copy(framebuffer, found.cells, whole, copies, film)
            if not more:
                break
            copies = (*(copy for copy in copies if are_apart(copy, more)), more)
        film = film and _carried(framebuffer, film, copies)
        self._moving = self._still_moving(
            copies, resting, without(whole, grid.touched([film])) if film else whole, grid
        )
        beside = changed_beside(framebuffer, film, copies) if film else NO_BLOCKS
        if changed.any():
            framebuffer.swap(_pixels_of(changed))
        unmoved = _unmoved(changed, found.cells, copies, film, grid)
        return Difference(blocks_in(changed), unmoved, copies, whole, patches, film, beside)

    def _follow(
        self, framebuffer: Framebuffer, areas: list[Rect], film: Rect | None
    ) -> tuple[tuple[Copy, ...], tuple[Copy, ...]]:
        """The copies of what goes on moving as it did last, quicker than a comparison; and the last ones of what rests.

        What changes beside it meanwhile says nothing of that.
        """
        copies: list[Copy] = []
        resting: list[Copy] = []
        for last in self._moving:
            if not (damaged := _damaged(framebuffer, areas, last)):
                resting.append(last)
                continue
            copy = follow(*_pictures(framebuffer), last, damaged, film)
            if copy and all(are_apart(copy, other) for other in copies):
                copies.append(copy)
        return tuple(copies), tuple(resting)

    def _find_copy(
        self, framebuffer: Framebuffer, differs: Cells, left: Blocks, copies: tuple[Copy, ...], film: Rect | None
    ) -> Copy | None:
        """Another copy that makes most of what `differs`, if one does; unless few blocks of that are `left` whole."""
        if left.size < _LEAST_BLOCKS or len(copies) >= _MOST_COPIES:
            return None
        searched = differs.copy()
        # What comes into a pane isn't searched either: it has come from nowhere.
        for rect in (*(copy.pane for copy in copies), *([film] if film else [])):
            if cells := framebuffer.grid.cells(rect):
                searched[cells.slices] = False
        if np.count_nonzero(searched.ravel()[left]) < _LEAST_BLOCKS:
            return None
        # What never moves as a whole, as a film before it is known, is looked at less and less often.
        if bool(film) != self._has_film:
            self._has_film, self._misses = not self._has_film, 0
        self._skipped += 1
        if self._skipped <= min(self._misses - 2, _MOST_SKIPPED):
            return None
        self._skipped = 0
        copy = find_copy(*_pictures(framebuffer), searched, film)
        if copy and not all(are_apart(copy, other) or _is_part(other, copy) for other in copies):
            copy = None
        self._misses = 0 if copy else self._misses + 1
        return copy

    def _still_moving(
        self, copies: tuple[Copy, ...], resting: tuple[Copy, ...], left: Blocks, grid: BlockGrid
    ) -> tuple[Copy, ...]:
        """Of what moved and what rests: what is worth following, since little was `left` to be sent where it is."""
        is_left = np.zeros((grid.rows, grid.columns), dtype=np.bool_)
        is_left.flat[left] = True
        good = [copy for copy in copies if is_left[_cells_of(copy, grid).slices].mean() <= _MOST_LEFT]
        rest = (copy for copy in resting if not any(copy.target.intersect(other.target) for other in good))
        return (*good, *rest)[:_MOST_COPIES]


def _distinct(areas: list[Rect], grid: BlockGrid) -> list[Rect]:
    """The same cells, each once: servers tell damage in dozens of rects that share their blocks with others."""
    if len(areas) <= _FEW_AREAS and not any(itertools.starmap(Rect.intersect, itertools.combinations(areas, 2))):
        return areas
    mask = np.zeros((grid.rows, grid.columns), dtype=np.bool_)
    for cells in areas:
        mask[cells.slices] = True
    return rects_of(mask)


def _with(areas: list[Rect], copies: tuple[Copy, ...], grid: BlockGrid) -> list[Rect]:
    """The same cells and those of copies; mostly these are among them."""
    more = [cells for copy in copies if (cells := _cells_of(copy, grid)) not in (cells.intersect(a) for a in areas)]
    return _distinct([*areas, *more], grid) if more else areas


def _is_part(part: Copy, whole: Copy) -> bool:
    """Whether what moved by `part` is less of the same as what moves by `whole`."""
    return part.offset == whole.offset and part.target.area < whole.target.area


def _damaged(framebuffer: Framebuffer, areas: list[Rect], last: Copy) -> Rect | None:
    """What is damaged around what moved by `last`; None where that is too little for it to go on."""
    moved = framebuffer.grid.cells(last.pane)
    touching = [cells for cells in areas if moved and cells.intersect(moved)]
    if not touching:
        return None
    damaged = to_pixels(functools.reduce(Rect.union, touching)).intersect(Rect.of(framebuffer.size))
    thing = damaged and last.target.intersect(damaged)
    return damaged if thing and thing.area >= _MOST_LEFT * last.target.area else None


def _pixels_of(cells: Cells) -> Iterator[Rect]:
    """Rects of pixels that have each cell that is set; found when somebody asks for them."""
    yield from map(to_pixels, rects_of(cells))


def _carried(framebuffer: Framebuffer, film: Rect, copies: tuple[Copy, ...]) -> Rect:
    """Where the film is now: it may have moved with one of the copies."""
    near = film.grown(BLOCK)
    offsets = dict.fromkeys(copy.offset for copy in copies if copy.pane.intersect(near))
    targets = (carry(*_pictures(framebuffer), film, offset) for offset in offsets)
    return next(filter(None, targets), film)


def _unmoved(changed: Cells, found: Cells, copies: tuple[Copy, ...], film: Rect | None, grid: BlockGrid) -> Blocks:
    """What changed where nothing moves; and what was found of the film."""
    panes: dict[tuple[int, int], Rect] = {}
    for copy in copies:
        # Between things that move alike there is something that moves along.
        panes[copy.offset] = copy.pane.union(panes.get(copy.offset, copy.pane))
    if not panes:
        return blocks_in(changed)
    unmoved = changed.copy()
    for pane in panes.values():
        if cells := grid.cells(pane):
            unmoved[cells.slices] = False
    if film and (cells := grid.cells(film)):
        unmoved[cells.slices] |= found[cells.slices]
    return blocks_in(unmoved)


def _told_copy(framebuffer: Framebuffer, moved: Moved, film: Rect | None) -> Copy | None:
    """What the source says that moved, as far as that is so."""
    target, offset = moved.target, (moved.x, moved.y)
    if copy := check(*_pictures(framebuffer), target, offset, film):
        return copy
    if target.area < _LEAST_BLOCKS * BLOCK * BLOCK:
        return None
    area = target.union(target.moved(-moved.x, -moved.y)).intersect(Rect.of(framebuffer.size))
    return find_moved(*_pictures(framebuffer), area, offset, film) if area else None


def _pictures(framebuffer: Framebuffer) -> tuple[Pixels, Pixels]:
    """What was and what is on the screen, without what the blocks have beyond it."""
    screen = Rect.of(framebuffer.size).slices
    return framebuffer.front[screen], framebuffer.back[screen]


def _cells_of(copy: Copy, grid: BlockGrid) -> Rect:
    cells = grid.cells(copy.target)
    assert cells
    return cells
