"""Following: what moved in the last picture mostly goes on moving, and few pixels tell how, quicker than a search.

As in `motion`, what is told here is a guess, and compared afterwards.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import Copy, Rect, Size
from voxy.screen.framebuffer import Pixels
from voxy.screen.motion import all_of, find_moved, find_offset, swept

_TELLING_ROWS, _FEW_ROWS = 48, 12
"""Rows that tell whether something moves in a way; and whether it goes on so, or that is worth a closer look."""

_MOST = 0.5
_NEARLY_ALL = 0.9
"""Shares of the telling rows that have to agree: on the way, and on what it is that moved."""


class _Mark(NamedTuple):
    """Marks of what moved are looked for in the new picture, up to so many pixels from where the last motion would have
    taken them."""

    size: Size
    across: int
    down: int


_PATCH, _LINE = _Mark(Size(16, 8), 64, 64), _Mark(Size(64, 8), 0, 128)
"""Of what was dragged, and of what scrolls: there a few letters occur in many places, but in one column in few."""

_AGREED = 3
"""So many must agree."""

_NEAR = 8
"""Pixels by which the next motion mostly differs from the last, as the first marks tell in a third of the time."""

_MARKS_ACROSS, _MARKS_DOWN = 6, 6
_MOST_MARKS = 12
"""Where marks are taken from, evenly over what moved, and how many are looked for: most of them agree, or none."""

_LEAST_TELLING = 16
_PROBES = 8
_MOST_ALIKE = 16
"""Pixels of a mark that have to differ from its first; about how many of these are looked for, one after the other; and
places that may have those."""


def follow(before: Pixels, after: Pixels, last: Copy, damaged: Rect, film: Rect | None = None) -> Copy | None:
    """The copy by which what moved by `last` goes on moving; None if it doesn't, or scrolls further than is looked.

    Of that only what is `damaged` counts: what is plain beside it was taken to move along. What is in a `film` tells
    nothing.
    """
    thing, pane = last.target.intersect(damaged), last.pane.intersect(damaged)
    if not thing or not pane:
        return None
    offset = last.offset
    share = _share(before, after, thing, offset, film, _FEW_ROWS)
    is_sure = share >= _NEARLY_ALL
    if share < _MOST:
        found = _track(before, after, thing, offset, _PATCH if offset[0] else _LINE)
        is_sure = found is not None
        if not found and offset[0]:
            found = find_offset(before, after, damaged)
        if not found or not any(found):
            return None
        offset = found
    # Either what is in a pane moves, or what moves takes its place with it.
    inside, along = pane.intersect(pane.moved(*offset)), thing.moved(*offset).intersect(all_of(after))
    targets = [inside, along]
    if inside and along and _gets_more_right(before, after, along, inside, offset):
        # What scrolls may be in a larger pane than was known.
        wider = pane.union(along)
        targets = [along, inside] if all(offset) else [wider.intersect(wider.moved(*offset)), along, inside]
    for target in filter(None, targets):
        if (_has_edges if is_sure else _is_moved)(before, after, target, offset, film):
            return _to(target, offset)
    area = pane.union(pane.moved(*offset)).intersect(all_of(after))
    return area and find_moved(before, after, area, offset, film)


def _gets_more_right(before: Pixels, after: Pixels, one: Rect, other: Rect, offset: tuple[int, int]) -> bool:
    """Whether `one` is the better target for what moves by `offset`, as some pixels tell of which only one has each."""

    def gain(target: Rect) -> int:
        right = 0
        for strip in target.beside(common) if common else [target]:
            now, there = after[strip.slices][::2, ::2], before[strip.slices][::2, ::2]
            came = before[_to(strip, offset).source.slices][::2, ::2]
            right += int(np.count_nonzero(now == came)) - int(np.count_nonzero(now == there))
        return right

    common = one.intersect(other)
    return gain(one) > gain(other)


def check(
    before: Pixels, after: Pixels, target: Rect, offset: tuple[int, int], film: Rect | None = None
) -> Copy | None:
    """The copy that moves something to `target` by `offset`, if nearly all that tells agrees, up to the edges."""
    return _to(target, offset) if _is_moved(before, after, target, offset, film) else None


def carry(before: Pixels, after: Pixels, film: Rect, offset: tuple[int, int]) -> Rect | None:
    """Where a film is now that something around it moved by `offset`; None if it doesn't seem to have moved along, or
    would be beyond the screen.
    """
    target = film.moved(*offset)
    return target if target.intersect(all_of(after)) == target and moves_along(before, after, film, offset) else None


def moves_along(before: Pixels, after: Pixels, film: Rect, offset: tuple[int, int]) -> bool:
    """Whether a film has moved by `offset`, as far as the pictures tell.

    Itself it always looks otherwise. Where it has left, most must be what was beside it, and where it has come to, most
    must have changed.
    """
    target, screen = film.moved(*offset), all_of(after)
    common = film.intersect(target)
    left, entered = (film.beside(common), target.beside(common)) if common else ([film], [target])
    sources = [source for rect in left if (source := rect.moved(-offset[0], -offset[1]).intersect(screen))]
    came = [after[source.moved(*offset).slices] == before[source.slices] for source in sources]
    stayed = [after[rect.slices] == before[rect.slices] for part in entered if (rect := part.intersect(screen))]
    return _mean(came) > _MOST > _mean(stayed)


def _mean(masks: list[NDArray[np.bool_]]) -> float:
    return sum(np.count_nonzero(mask) for mask in masks) / max(1, sum(mask.size for mask in masks))


def _to(target: Rect, offset: tuple[int, int]) -> Copy:
    x, y = offset
    return Copy(target.moved(-x, -y), target.x, target.y)


def _is_moved(before: Pixels, after: Pixels, target: Rect, offset: tuple[int, int], film: Rect | None) -> bool:
    source = _to(target, offset).source
    if source.intersect(all_of(before)) != source or target.intersect(all_of(after)) != target:
        return False
    share = _share(before, after, target, offset, film, _TELLING_ROWS)
    return share >= _NEARLY_ALL and _has_edges(before, after, target, offset, film)


def _has_edges(before: Pixels, after: Pixels, target: Rect, offset: tuple[int, int], film: Rect | None) -> bool:
    """Whether most of each edge of `target` came there by `offset`."""
    x, y, right, bottom = target.x, target.y, target.right, target.bottom
    for edge in (
        Rect(x, y, target.width, 1),
        Rect(x, bottom - 1, target.width, 1),
        Rect(x, y, 1, target.height),
        Rect(right - 1, y, 1, target.height),
    ):
        parts = [_to(part, offset) for part in _telling(edge, offset, film)]
        fits = [after[part.target.slices] == before[part.source.slices] for part in parts]
        if sum(map(np.count_nonzero, fits)) < _MOST * sum(mask.size for mask in fits):
            return False
    return True


def _share(
    before: Pixels, after: Pixels, target: Rect, offset: tuple[int, int], film: Rect | None, telling: int
) -> float:
    """The share of the rows of `target` that came there by `offset`, of some that didn't stay as they were."""
    step = max(1, target.height // telling)
    # Not the edges, where something else may begin.
    rows = np.s_[step // 2 :: step]
    told = agree = 0
    for part in _telling(target, offset, film):
        now = after[part.slices][rows]
        stood = (now == before[part.slices][rows]).all(axis=1)
        fits = (now == before[_to(part, offset).source.slices][rows]).all(axis=1)
        told += int(np.count_nonzero(~stood))
        agree += int(np.count_nonzero(fits & ~stood))
    return agree / told if told else 0.0


def _telling(rect: Rect, offset: tuple[int, int], film: Rect | None) -> list[Rect]:
    """What of a rect isn't where a film was, or would be if it had moved by `offset` as well."""
    common = film and rect.intersect(swept(film, offset))
    return rect.beside(common) if common else [rect]


def _track(before: Pixels, after: Pixels, thing: Rect, last: tuple[int, int], kind: _Mark) -> tuple[int, int] | None:
    """By how far a thing moved that moved by `last` before, as the first few marks on it say that agree, or None."""
    near = kind._replace(across=min(kind.across, _NEAR), down=_NEAR)
    for reach, most in ((near, _AGREED), (kind, _MOST_MARKS)):
        votes: Counter[tuple[int, int]] = Counter()
        for mark, telling in itertools.islice(_marks(before, thing, kind.size), most):
            if at := _find(before[mark.slices], telling, after, mark.moved(*last), reach):
                offset = at[0] - mark.x, at[1] - mark.y
                votes[offset] += 1
                if votes[offset] == _AGREED:
                    return offset
    return None


def _marks(before: Pixels, thing: Rect, size: Size) -> Iterator[tuple[Rect, NDArray[np.intp]]]:
    """Those that can be told from others, and which of their pixels do."""
    for row in range(_MARKS_DOWN):
        for column in range(_MARKS_ACROSS):
            x = thing.x + thing.width * (2 * column + 1) // (2 * _MARKS_ACROSS)
            y = thing.y + thing.height * (2 * row + 1) // (2 * _MARKS_DOWN)
            mark = Rect(x, y, *size)
            if mark.intersect(thing) != mark:
                continue
            pixels = before[mark.slices]
            telling = np.flatnonzero(pixels != pixels[0, 0])
            if telling.size >= _LEAST_TELLING:
                yield mark, telling


def _find(pixels: Pixels, telling: NDArray[np.intp], after: Pixels, mark: Rect, kind: _Mark) -> tuple[int, int] | None:
    """Where the pixels of a mark are, if that is one place alone within reach of where it should be."""
    left, top = max(mark.x - kind.across, 0), max(mark.y - kind.down, 0)
    right = min(mark.x + kind.across, after.shape[1] - mark.width)
    bottom = min(mark.y + kind.down, after.shape[0] - mark.height)
    if left > right or top > bottom:
        return None
    probes = [divmod(probe, mark.width) for probe in telling[:: telling.size // _PROBES].tolist()]
    down, along = probes[0]
    searched = after[top + down : bottom + down + 1, left + along : right + along + 1]
    rows, columns = np.nonzero(searched == pixels[down, along])
    for down, along in probes[1:]:
        fits = after[rows + (top + down), columns + (left + along)] == pixels[down, along]
        rows, columns = rows[fits], columns[fits]
    if rows.size > _MOST_ALIKE:
        return None
    found = [
        (x, y)
        for x, y in zip((columns + left).tolist(), (rows + top).tolist(), strict=True)
        if (after[y : y + mark.height, x : x + mark.width] == pixels).all()
    ]
    return found[0] if len(found) == 1 else None
