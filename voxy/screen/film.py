"""Finds the rect of a screen that keeps changing like a film does, and says when that ends."""

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import BLOCK, BlockGrid, Copy, Rect, Size
from voxy.blocks.generations import Blocks, without
from voxy.blocks.geometry import around
from voxy.screen.content import pictures
from voxy.screen.differ import Difference
from voxy.screen.following import moves_along
from voxy.screen.framebuffer import Framebuffer, Pixels

_CHANGES, _FEW_CHANGES = 8, 5
"""Changes of a block within the window from which on it may be of a film; fewer where differences are rare."""

_RARE_S, _CHANGED_SHARE = 0.25, 0.8
"""Seconds from one difference to the next from which on they are rare, and of those the share that a film is in."""

_WINDOW_S, _WINDOW_DIFFERENCES, _LONGEST_WINDOW_S = 0.6, 10, 3.0
"""The window: this long, or the time of so many differences, where a slow line makes grabs rare; and no longer."""

_LEAST_BLOCKS = 12
"""Blocks of a film at least; what is smaller costs little as blocks."""

_SEARCH_S, _SURE_S = 0.1, 0.5
"""Seconds between searches, and after one that found what is known: each looks at all that changes all the time."""

_DENSE = 0.6
"""Share of a film's rect that looks like a photograph and keeps changing; half of each outermost row and column."""

_MEASURED = 3
"""Differences from which a film's edges are taken, for a slow one doesn't change every pixel at once."""

_MOVING = 0.125
"""Share of a row's (column's) pixels that change where a film is, and that a caret beside it doesn't."""

_FRAME = 0.25
"""Share of a film's blocks that change with a frame of it; what changes fewer was drawn over it."""

_REST_S, _REST_WINDOWS = 0.25, 0.3
"""A film ends when it rests for this long, or for this share of the window, where differences are rare."""

_SAMPLE = 24
"""Blocks of a film that are looked at in each of its frames."""

_TEXT = 0.75
"""Share of these that look like text and not like a photograph where a film has given way to something else."""

_SAME = 0.75
"""Overlap (the common area, of all) from which on two rects of cells are taken for one film."""

_SEARCHES = 5
"""Searches in a row that must find another rect before a running film gets one: a dark scene doesn't make it small."""


class Film:
    """A rect of pixels that changes as a whole, again and again; `blocks` are all that it touches.

    The rect is where the pixels change, not whole blocks: its sides may be odd. It is as large for all the life of a
    film, but moves with what is around it. Of the blocks the `edges` are covered in part.
    """

    rect: Rect
    blocks: Blocks
    edges: Blocks

    def __init__(self, rect: Rect, grid: BlockGrid) -> None:
        self.grid = grid
        self.move(rect)

    def move(self, rect: Rect) -> None:
        """Be there from now on."""
        size = self.grid.size
        self.rect, self.blocks = rect, self.grid.touched([rect])
        left, top = -(-rect.x // BLOCK) * BLOCK, -(-rect.y // BLOCK) * BLOCK
        # Beyond the screen there is nothing to be covered.
        right = rect.right if rect.right == size.width else rect.right // BLOCK * BLOCK
        bottom = rect.bottom if rect.bottom == size.height else rect.bottom // BLOCK * BLOCK
        whole = Rect.between(left, top, right, bottom)
        has_whole = whole.width > 0 and whole.height > 0
        self.edges = without(self.blocks, self.grid.touched([whole])) if has_whole else self.blocks


class FilmFinder:
    """Takes each difference, and says of which film it is a frame. One film at a time: the largest.

    Times are seconds of any monotonic clock.
    """

    _search_at: float
    _candidate: "_Candidate | None"
    _film: Film | None
    _last_at: float

    def __init__(self) -> None:
        self._reset(BlockGrid(Size(1, 1)))

    def feed(self, framebuffer: Framebuffer, difference: Difference, now: float) -> Film | None:
        """Take what changed otherwise than by moving; the film of which this is a frame, or None.

        One that moves is drawn anew, and none is begun that moves as other things do.
        """
        changed = difference.unmoved
        if framebuffer.grid != self._grid:
            self._reset(framebuffer.grid)
        self._note(changed, now)
        frame = self._follow(framebuffer, difference, now)
        if changed.size >= _LEAST_BLOCKS and now >= self._search_at:
            self._search_at = now + _SEARCH_S
            self._search(framebuffer, now)
        if self._candidate and now > self._candidate.until:
            self._candidate = None
        if self._candidate and self._candidate.measure(framebuffer, difference.copies):
            frame = self._begin(self._candidate, now) or frame
        return frame

    def current(self, now: float) -> Film | None:
        """The film that is running, or None."""
        if self._film and now - self._last_at > max(_REST_S, _REST_WINDOWS * self._window_s):
            self._film = None
        return self._film

    def _reset(self, grid: BlockGrid) -> None:
        self._grid = grid
        self._changes = np.full((_CHANGES, grid.count), -np.inf)
        """When each block changed the last times, as a ring: `_oldest` is the place of the one longest ago."""
        self._oldest = np.zeros(grid.count, dtype=np.intp)
        self._times: deque[float] = deque(maxlen=_WINDOW_DIFFERENCES)
        self._window_s = _WINDOW_S
        self._search_at = -np.inf
        self._candidate = None
        self._film = None
        self._film_cells = Rect(0, 0, 0, 0)
        self._is_of_film = np.zeros(grid.count, dtype=np.bool_)
        self._last_at = -np.inf
        self._others = 0

    def _note(self, changed: Blocks, now: float) -> None:
        places = self._oldest[changed]
        self._changes[places, changed] = now
        self._oldest[changed] = (places + 1) % _CHANGES
        self._times.append(now)
        self._window_s = min(max(_WINDOW_S, now - self._times[0]), _LONGEST_WINDOW_S)

    def _follow(self, framebuffer: Framebuffer, difference: Difference, now: float) -> Film | None:
        """The running film, if this is a frame of it."""
        film = self.current(now)
        if not film:
            return None
        where, changed = difference.film, difference.unmoved
        if where and where != film.rect:
            self._move(film, where, now)
            frame = film.blocks
        else:
            frame = changed[self._is_of_film[changed]]
        if frame.size < _FRAME * film.blocks.size:
            return None
        photo, text = pictures(framebuffer, frame[:: max(1, frame.size // _SAMPLE)])
        if text.size > _TEXT * (text.size + photo.size):
            self._film = None
            return None
        self._last_at = now
        return film

    def _search(self, framebuffer: Framebuffer, now: float) -> None:
        """Look for the largest film that seems to be running; measure it, unless it is known."""
        nth_last = self._changes[(self._oldest - self._changes_needed(now)) % _CHANGES, np.arange(self._grid.count)]
        is_lively = nth_last >= now - self._window_s
        lively = np.flatnonzero(is_lively)
        if lively.size < _LEAST_BLOCKS:
            return
        looks_so = np.zeros((self._grid.rows, self._grid.columns), dtype=np.bool_)
        looks_so.flat[pictures(framebuffer, lively)[0]] = True
        cells = _dense_rect(_largest_part(looks_so))
        if cells is None or (self._candidate and _overlap(self._candidate.cells, cells) >= _SAME):
            return
        if self._film and self._is_known(cells, is_lively):
            self._others = 0
            self._search_at = now + _SURE_S
            return
        self._others += 1
        if not self._film or self._others >= _SEARCHES:
            self._candidate = _Candidate(cells, self._grid, now + self._window_s)

    def _changes_needed(self, now: float) -> int:
        seen = [time for time in self._times if time >= now - self._window_s]
        if now - seen[0] < _RARE_S * len(seen):
            return _CHANGES
        return min(max(int(_CHANGED_SHARE * len(seen)), _FEW_CHANGES), _CHANGES)

    def _is_known(self, cells: Rect, is_lively: NDArray[np.bool_]) -> bool:
        """Whether what was found is the running film, of which perhaps just a part looks like a photograph now."""
        is_part = cells.union(self._film_cells) == self._film_cells
        still_moves = is_lively[self._is_of_film].mean() >= _SAME
        return _overlap(self._film_cells, cells) >= _SAME or bool(is_part and still_moves)

    def _begin(self, candidate: "_Candidate", now: float) -> Film | None:
        self._candidate = None
        rect = candidate.rect and candidate.rect.intersect(Rect.of(self._grid.size))
        if not rect or candidate.moves:
            return None
        self._film = Film(rect, self._grid)
        self._note_place(self._film, candidate.cells)
        self._last_at = now
        return self._film

    def _move(self, film: Film, where: Rect, now: float) -> None:
        film.move(where)
        self._note_place(film, self._grid.cells(where) or self._film_cells)
        # What changed before tells nothing of where it is now.
        self._candidate = None
        self._search_at = now + self._window_s

    def _note_place(self, film: Film, cells: Rect) -> None:
        self._film_cells = cells
        self._is_of_film[:] = False
        self._is_of_film[film.blocks] = True
        self._others = 0


class _Candidate:
    """What seems to be a film: its cells are known, and its edges are being measured.

    Blocks at an edge may be text for the most part. So edges are looked for from one block within the cells to one
    block beyond, and a row or column of pixels that stands still ends the film. What isn't measured by `until` has
    ended before it began.
    """

    def __init__(self, cells: Rect, grid: BlockGrid, until: float) -> None:
        self.cells = cells
        self.until = until
        self.moves = False
        """Whether it seems to move along with something else: then it isn't measured where it is."""
        self._left, self._right = max(cells.x - 1, 0) * BLOCK, min(cells.right + 1, grid.columns) * BLOCK
        self._top, self._bottom = max(cells.y - 1, 0) * BLOCK, min(cells.bottom + 1, grid.rows) * BLOCK
        self._rows = np.zeros(self._bottom - self._top, dtype=np.bool_)
        self._columns = np.zeros(self._right - self._left, dtype=np.bool_)
        self._before: Pixels | None = None
        self._still_to_measure = _MEASURED

    def measure(self, framebuffer: Framebuffer, copies: Sequence[Copy]) -> bool:
        """Note which rows and columns changed, and whether they move; whether that has been seen often enough."""
        pixels = framebuffer.front[self._top : self._bottom, self._left : self._right]
        before, self._before = self._before, pixels.copy()
        if before is not None:
            if copies and (rect := self.rect):
                rect = rect.moved(-self._left, -self._top)
                self.moves |= any(moves_along(before, pixels, rect, copy.offset) for copy in copies)
            # Every fourth pixel of a row (column) tells as well.
            rows = (pixels[:, ::4] != before[:, ::4]).mean(axis=1) > _MOVING
            self._rows |= rows
            self._columns |= (pixels[::4] != before[::4]).mean(axis=0) > _MOVING
            self._still_to_measure -= bool(rows.any())
        return self._still_to_measure <= 0

    @property
    def rect(self) -> Rect | None:
        """The pixels that change, as far as they go; None where most of the cells stand still after all."""
        cells = self.cells
        rows = _moving_range(self._rows, cells.y * BLOCK - self._top, cells.bottom * BLOCK - self._top)
        columns = _moving_range(self._columns, cells.x * BLOCK - self._left, cells.right * BLOCK - self._left)
        if not rows or not columns:
            return None
        return Rect.between(self._left + columns[0], self._top + rows[0], self._left + columns[1], self._top + rows[1])


def _moving_range(moves: NDArray[np.bool_], first: int, last: int) -> tuple[int, int] | None:
    """From where to where lines move without a gap, sought outwards from one block within `first` to `last`.

    None where few of these move: something is dragged, and uncovers what is found.
    """
    if moves[first:last].mean() < _DENSE:
        return None
    inset = min(BLOCK, (last - first) // 2 - 1)
    still_before = np.flatnonzero(~moves[: first + inset])
    still_after = np.flatnonzero(~moves[last - inset :])
    start = int(still_before[-1]) + 1 if still_before.size else 0
    end = last - inset + int(still_after[0]) if still_after.size else moves.size
    return start, end


def _largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the cells that are set, the most that hang together."""
    left = {(row, column) for row, column in np.argwhere(mask).tolist()}
    largest: list[tuple[int, int]] = []
    while len(left) > len(largest):
        part = [left.pop()]
        for row, column in part:
            for cell in ((row, column + 1), (row + 1, column), (row, column - 1), (row - 1, column)):
                if cell in left:
                    left.remove(cell)
                    part.append(cell)
        largest = max(largest, part, key=len)
    found = np.zeros_like(mask)
    if largest:
        found[tuple(np.array(largest).T)] = True
    return found


def _dense_rect(mask: NDArray[np.bool_]) -> Rect | None:
    """The rect of cells that are mostly set, without outermost rows and columns that mostly aren't; None if small."""
    if not mask.any():
        return None
    found = around(mask)
    left, top, right, bottom = found.x, found.y, found.right, found.bottom
    while top < bottom and left < right:
        inside = mask[top:bottom, left:right]
        if inside[0].mean() < 0.5:
            top += 1
        elif inside[-1].mean() < 0.5:
            bottom -= 1
        elif inside[:, 0].mean() < 0.5:
            left += 1
        elif inside[:, -1].mean() < 0.5:
            right -= 1
        else:
            break
    rect = Rect.between(left, top, right, bottom)
    if rect.area < _LEAST_BLOCKS or mask[top:bottom, left:right].mean() < _DENSE:
        return None
    return rect


def _overlap(one: Rect, other: Rect) -> float:
    """The area that both cover, as a share of what either covers."""
    common = one.intersect(other)
    both = common.area if common else 0
    return both / (one.area + other.area - both)
