import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxy.blocks import BLOCK, Rect, Size
from voxy.screen.differ import BlockDiffer
from voxy.screen.framebuffer import Framebuffer

SIZES = [Size(1, 1), Size(64, 64), Size(65, 63), Size(1021, 743), Size(1366, 768)]


def grabbed(size: Size) -> Framebuffer:
    framebuffer = Framebuffer(Size(1, 1))
    framebuffer.fit_back(size)
    BlockDiffer().diff(framebuffer, ())
    return framebuffer


@pytest.mark.parametrize("size", SIZES)
def test_new_size_changes_every_block(size: Size) -> None:
    framebuffer = Framebuffer(Size(640, 480))
    before = framebuffer.generations.current
    framebuffer.fit_back(size)[0, 0] = 0x123456
    changed = BlockDiffer().diff(framebuffer, ()).changed
    assert changed.size == framebuffer.grid.count
    assert framebuffer.size == size
    assert framebuffer.front[0, 0] == 0x123456
    assert framebuffer.generations.current > before


@pytest.mark.parametrize("size", SIZES)
def test_one_pixel_changes_one_block(size: Size) -> None:
    framebuffer = grabbed(size)
    x, y = size.width - 1, size.height - 1
    framebuffer.fit_back(size)[y, x] = 1
    changed = BlockDiffer().diff(framebuffer, (Rect.of(size),)).changed
    assert changed.tolist() == [framebuffer.grid.count - 1]
    assert framebuffer.front[y, x] == 1
    assert (framebuffer.front == framebuffer.fit_back(size)).all()


def test_the_back_is_as_old_as_the_grab_before_the_last() -> None:
    size = Size(256, 100)
    framebuffer = grabbed(size)
    framebuffer.fit_back(size)
    former = framebuffer.front
    framebuffer.back[70:90, 70:120] = 1
    BlockDiffer().diff(framebuffer, (Rect.of(size),))
    assert framebuffer.back is former, "nothing is copied"
    former[:] = 5
    assert framebuffer.fit_back(size) is former
    stale = np.s_[70:90, 70:120]
    assert (former[stale] == framebuffer.front[stale]).all()
    former[stale] = 5
    assert (former == 5).all(), "nothing else is copied"


def test_what_is_grabbed_in_vain_makes_nothing_stale() -> None:
    size = Size(256, 256)
    framebuffer = grabbed(size)
    framebuffer.fit_back(size)
    front = framebuffer.front
    assert BlockDiffer().diff(framebuffer, (Rect.of(size),)).changed.size == 0
    assert framebuffer.front is front
    framebuffer.back[:] = 5
    assert (framebuffer.fit_back(size) == 5).all()


def test_nothing_outside_the_damage_is_compared() -> None:
    framebuffer = grabbed(Size(256, 256))
    framebuffer.fit_back(Size(256, 256))[200, 200] = 1
    assert BlockDiffer().diff(framebuffer, (Rect(0, 0, 64, 64),)).changed.size == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 299), st.integers(0, 199), st.integers(0, 2**24 - 1)), max_size=20))
def test_changed_blocks_are_exactly_those_that_differ(points: list[tuple[int, int, int]]) -> None:
    framebuffer = grabbed(Size(300, 200))
    expected = set()
    screen = framebuffer.fit_back(Size(300, 200)).copy()
    for x, y, colour in points:
        screen[y, x] = colour
    framebuffer.back[:] = screen
    for y, x in np.argwhere(screen != framebuffer.front).tolist():
        expected.add(y // BLOCK * framebuffer.grid.columns + x // BLOCK)
    damage = tuple(Rect(x, y, 1, 1) for x, y, _ in points)
    assert set(BlockDiffer().diff(framebuffer, damage).changed.tolist()) == expected
    assert (framebuffer.front == screen).all()


def test_changes_far_apart_in_one_block_are_sent_alone() -> None:
    size = Size(256, 256)
    framebuffer = grabbed(size)
    framebuffer.fit_back(size)[64, 64:128] = 1
    framebuffer.back[126:128, 70:80] = 2
    difference = BlockDiffer().diff(framebuffer, (Rect.of(size),))
    assert difference.changed.tolist() == [5]
    assert difference.left.size == 0
    assert set(difference.patches) == {Rect(64, 64, 64, 1), Rect(64, 126, 64, 2)}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 299), st.integers(0, 199), st.integers(1, 90), st.integers(1, 90)), max_size=6),
    st.integers(0, 2**32 - 1),
)
def test_what_differs_within_a_few_rects_is_sent(boxes: list[tuple[int, int, int, int]], seed: int) -> None:
    size = Size(300, 200)
    framebuffer, chance = grabbed(size), np.random.default_rng(seed)
    screen = framebuffer.fit_back(size)[:200, :300]
    damage = tuple(Rect(*box) for box in boxes)
    for rect in damage:
        inside = rect.intersect(Rect.of(size))
        assert inside
        screen[inside.slices] = chance.choice([0, 0, 0, 7], (inside.height, inside.width))
    differs = framebuffer.back != framebuffer.front
    expected = set(framebuffer.grid.touched(Rect(int(x), int(y), 1, 1) for y, x in np.argwhere(differs)).tolist())
    difference = BlockDiffer().diff(framebuffer, damage)
    assert expected <= set(difference.changed.tolist())
    for rect in (*difference.patches, *map(framebuffer.grid.rect, difference.left.tolist())):
        assert set(framebuffer.grid.touched([rect]).tolist()) <= set(difference.changed.tolist())
        differs[rect.slices] = False
    assert not differs.any(), "all of it is sent"
    assert (framebuffer.fit_back(size) == framebuffer.front).all()
