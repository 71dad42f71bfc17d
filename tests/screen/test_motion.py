import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.pictures import framebuffer_of, photograph, text
from voxy.blocks import BlockGrid, Copy, Rect, Size
from voxy.screen import differ
from voxy.screen.comparison import Cells
from voxy.screen.differ import BlockDiffer, Difference
from voxy.screen.framebuffer import Pixels
from voxy.screen.motion import _extent, find_copy, find_offset, find_scroll

SIZE = Size(640, 512)
LONG = text(Size(SIZE.width, 2048))
PHOTOGRAPH = photograph(Size(SIZE.width, 2048))
AREA = Rect.of(SIZE)


def window(top: int) -> np.ndarray:
    return LONG[top : top + SIZE.height].copy()


@pytest.mark.parametrize("offset", [-200, -20, -6, -1, 1, 7, 64, 300])
def test_scrolls_of_any_length_are_found(offset: int) -> None:
    assert find_scroll(window(500), window(500 - offset), AREA) == offset


def test_other_text_is_no_scroll() -> None:
    assert find_scroll(window(0), text(SIZE, "something else altogether "), AREA) == 0


def test_what_stands_still_is_no_scroll() -> None:
    assert find_scroll(window(9), window(9), AREA) == 0
    flat = np.zeros((SIZE.height, SIZE.width), dtype=np.uint32)
    assert find_scroll(flat, flat, AREA) == 0


def test_photograph_scrolls_too() -> None:
    picture = photograph(Size(SIZE.width, 800))
    assert find_scroll(picture[100:612].copy(), picture[90:602].copy(), AREA) == 10


@pytest.mark.parametrize("offset", [(17, 0), (-40, 0), (13, -9), (-100, 77), (1, 1)])
def test_windows_that_are_dragged_are_found(offset: tuple[int, int]) -> None:
    before, after = (photograph(Size(1280, 800)) for _ in range(2))
    x, y = 300 + offset[0], 200 + offset[1]
    before[200 : 200 + 400, 300 : 300 + 600] = LONG[:400, :600]
    after[y : y + 400, x : x + 600] = LONG[:400, :600]
    assert find_offset(before, after, Rect(0, 0, 1280, 800)) == offset
    changed = np.zeros((13, 20), dtype=np.bool_)
    changed[1:12, 2:17] = True
    changed[[0, 12], [0, 19]] = True
    copy = find_copy(before, after, changed)
    assert copy == Copy(Rect(300, 200, 600, 400), x, y)


def test_a_dragged_window_is_a_copy_and_what_it_uncovers() -> None:
    before, after = (photograph(Size(1280, 768)) for _ in range(2))
    before[200:600, 300:900] = LONG[:400, :600]
    after[210:610, 305:905] = LONG[:400, :600]
    framebuffer = framebuffer_of(before)
    framebuffer.back[:] = after
    difference = BlockDiffer().diff(framebuffer, (Rect(0, 0, 1280, 768),))
    assert difference.copies == (Copy(Rect(300, 200, 600, 400), 305, 210),)
    assert difference.left.size == 0
    assert sum(rect.width * rect.height for rect in difference.patches) < 1.5 * (600 * 10 + 400 * 5)


def test_clocks_in_the_corners_hide_no_window_that_is_dragged() -> None:
    size = Size(3200, 1920)
    before, after = (photograph(size) for _ in range(2))
    before[200:600, 100:700] = LONG[:400, :600]
    after[260:660, 190:790] = LONG[:400, :600]
    after[:16, 3000:3100] = after[1904:, 64:164] = 0
    framebuffer = framebuffer_of(before)
    framebuffer.back[:] = after
    clocks = Rect(3000, 0, 100, 16), Rect(64, 1904, 100, 16)
    difference = BlockDiffer().diff(framebuffer, (*clocks, Rect(100, 200, 690, 460)))
    assert difference.copies == (Copy(Rect(100, 200, 600, 400), 190, 260),)


def test_a_film_is_searched_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    monkeypatch.setattr(differ, "find_copy", lambda *_: searched.append(1))
    framebuffer, comparing = framebuffer_of(photograph(SIZE)), BlockDiffer()
    for number in range(100):
        framebuffer.back[: SIZE.height, : SIZE.width] = photograph(SIZE, seed=number + 2)
        comparing.diff(framebuffer, (AREA,))
    assert 12 <= len(searched) <= 20


def paint(model: Pixels, difference: Difference, after: Pixels, grid: BlockGrid) -> None:
    """Do to a model what a difference says, with the pixels of the picture that it leads to."""
    for copy in difference.copies:
        model[copy.target.slices] = model[copy.source.slices].copy()
    for rect in (*difference.patches, *map(grid.rect, difference.left.tolist())):
        model[rect.slices] = after[rect.slices]


def moves() -> st.SearchStrategy[list[tuple[int, int]]]:
    """Rows and columns by which something moves from picture to picture: mostly it goes on as before."""
    move = st.tuples(st.integers(-300, 300), st.integers(-99, 99))
    goes_on = st.tuples(move, st.integers(1, 4)).map(lambda drawn: [drawn[0]] * drawn[1])
    return st.lists(goes_on, min_size=1, max_size=3).map(lambda runs: [move for run in runs for move in run])


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 1500), moves(), st.integers(0, 300), st.integers(0, 200), st.integers(0, 60), st.booleans(),
)  # fmt: skip
def test_copy_and_what_it_leaves_make_the_whole_change(
    top: int, moves: list[tuple[int, int]], still_rows: int, still_columns: int, blinking: int, is_photograph: bool
) -> None:
    """The oracle: the old picture, moved, with the patches and the blocks that are left put in, is the new picture."""
    long = PHOTOGRAPH if is_photograph else LONG
    before = long[top : top + SIZE.height].copy()
    framebuffer, comparing = framebuffer_of(before), BlockDiffer()
    left_edge = 0
    for down, right in moves:
        model = framebuffer.front.copy()
        top, left_edge = min(max(top + down, 0), 1536), left_edge + right
        after = np.roll(long[top : top + SIZE.height], left_edge, axis=1)
        after[:still_rows], after[:, :still_columns] = before[:still_rows], before[:, :still_columns]
        after[300 : 300 + blinking, 400 : 400 + blinking] = top
        framebuffer.back[: SIZE.height, : SIZE.width] = after
        differs = framebuffer.back != model
        difference = comparing.diff(framebuffer, (AREA,))
        event(f"{len(difference.copies)} copies")
        changed, left = set(difference.changed.tolist()), set(difference.left.tolist())
        assert left <= changed
        assert all(block in changed for block in range(80) if differs[framebuffer.grid.rect(block).slices].any())
        paint(model, difference, after, framebuffer.grid)
        assert (model == after).all()
        assert (framebuffer.front == after).all()


def panes(left_top: int, right_top: int, edge: int, gap: int) -> Pixels:
    """Two panes beside each other, each scrolled by itself, and what stands still between them."""
    screen = LONG[300 : 300 + SIZE.height].copy()
    screen[:, :edge] = LONG[left_top : left_top + SIZE.height, :edge]
    screen[:, edge + gap :] = LONG[right_top : right_top + SIZE.height, : SIZE.width - edge - gap]
    return screen


@settings(max_examples=60, deadline=None)
@given(
    st.integers(150, 450), st.integers(0, 60),
    st.lists(st.tuples(st.integers(-40, 40), st.integers(-40, 40)), min_size=1, max_size=4),
)  # fmt: skip
def test_copies_of_two_panes_and_what_they_leave_make_the_whole_change(
    edge: int, gap: int, moves: list[tuple[int, int]]
) -> None:
    left, right = 500, 900
    framebuffer, comparing = framebuffer_of(panes(left, right, edge, gap)), BlockDiffer()
    for left_by, right_by in [moves[0], *moves]:
        left, right = left + left_by, right + right_by
        model, after = framebuffer.front.copy(), panes(left, right, edge, gap)
        framebuffer.fit_back(SIZE)[: SIZE.height, : SIZE.width] = after
        difference = comparing.diff(framebuffer, (AREA,))
        event(f"{len(difference.copies)} copies")
        paint(model, difference, after, framebuffer.grid)
        assert (model == after).all()


def test_two_panes_scroll_each_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    framebuffer, comparing = framebuffer_of(panes(500, 900, 300, 20)), BlockDiffer()
    for number in range(1, 5):
        framebuffer.fit_back(SIZE)[: SIZE.height, : SIZE.width] = panes(500 + 5 * number, 900 - 7 * number, 300, 20)
        difference = comparing.diff(framebuffer, (AREA,))
        left = [copy for copy in difference.copies if copy.offset == (0, -5)]
        right = [copy for copy in difference.copies if copy.offset == (0, 7)]
        assert [copy.target.area >= 500 * 290 for copy in (*left, *right)] == [True, True]
        assert difference.left.size == 0
        monkeypatch.setattr("voxy.screen.differ.find_copy", None)


def test_what_stands_still_between_two_panes_is_in_no_copy() -> None:
    framebuffer, comparing = framebuffer_of(panes(500, 900, 260, 70)), BlockDiffer()
    for number in range(1, 5):
        framebuffer.fit_back(SIZE)[: SIZE.height, : SIZE.width] = panes(500 + 5 * number, 900 + 5 * number, 260, 70)
        difference = comparing.diff(framebuffer, (AREA,))
        assert [copy.offset for copy in difference.copies] == [(0, -5), (0, -5)]
        assert difference.left.size == 0


@pytest.mark.parametrize("strip", [SIZE.height, 51])
def test_what_goes_on_moving_is_compared_once(strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[Rect] = []
    compare = differ.compare
    monkeypatch.setattr(differ, "compare", lambda _, areas, *copy: compared.extend(areas) or compare(_, areas, *copy))
    framebuffer, comparing = framebuffer_of(window(0)), BlockDiffer()
    # As VNC servers tell it: in strips, two of which share each row of blocks.
    damage = tuple(Rect(0, top, 640, min(strip, SIZE.height - top)) for top in range(0, SIZE.height, strip))
    for number in range(1, 11):
        framebuffer.back[: SIZE.height, : SIZE.width] = window(6 * number)
        assert comparing.diff(framebuffer, damage).copies == (Copy(Rect(0, 6, 640, 506), 0, 0),)
    assert sum(cells.area for cells in compared) == (2 + 9) * framebuffer.grid.count


def test_what_is_typed_beside_a_scroll_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    size, long = Size(1021, 743), text(Size(1021, 4 * 743))
    searched: list[Cells] = []

    def find(before: Pixels, after: Pixels, changed: Cells, film: Rect | None) -> Copy | None:
        searched.append(changed)
        return find_copy(before, after, changed, film)

    monkeypatch.setattr("voxy.screen.differ.find_copy", find)
    framebuffer, differ, pane = framebuffer_of(long[: size.height]), BlockDiffer(), Rect(0, 128, 1021, 600)
    for top in range(6, 60, 6):
        screen = framebuffer.fit_back(size)
        screen[pane.slices] = long[top : top + size.height][pane.slices]
        (copy,) = differ.diff(framebuffer, (Rect.of(size),)).copies
        assert copy.offset == (0, -6)
        framebuffer.fit_back(size)[20:40, 10 + top : 20 + top] = 0
        assert not differ.diff(framebuffer, (Rect(0, 0, 128, 64),)).copies
    assert len(searched) == 1


@pytest.mark.parametrize("smaller", [Size(640, 303), Size(333, 512), Size(100, 72)])
def test_a_screen_that_becomes_smaller_amid_a_scroll_begins_anew(smaller: Size) -> None:
    framebuffer, comparing = framebuffer_of(window(0)), BlockDiffer()
    framebuffer.back[: SIZE.height, : SIZE.width] = window(6)
    assert comparing.diff(framebuffer, (AREA,)).copies
    for top in (12, 18):
        after = window(top)[: smaller.height, : smaller.width]
        framebuffer.fit_back(smaller)[: smaller.height, : smaller.width] = after
        comparing.diff(framebuffer, (Rect.of(smaller),))
        assert (framebuffer.front[: smaller.height, : smaller.width] == after).all()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 7), st.integers(1, 6), st.integers(1, 5)), max_size=8))
def test_cells_are_told_once_and_none_is_left_out(cells: list[tuple[int, int, int, int]]) -> None:
    counted = np.zeros((12, 16), dtype=np.intp)
    for rect in differ._distinct([Rect(*each) for each in cells], BlockGrid(Size(1024, 768))):
        counted[rect.slices] += 1
    wanted = np.zeros_like(counted)
    for each in cells:
        wanted[Rect(*each).slices] = 1
    assert (counted == wanted).all()


def test_many_things_that_hardly_move_are_not_what_moves() -> None:
    moved = np.zeros((20, 26), dtype=np.bool_)
    moved[:, [0, 25]] = True
    moved[np.arange(20), 3 + np.arange(20)] = moved[np.arange(20), 22 - np.arange(20)] = True
    fits = np.ones_like(moved)
    fits[:, [1, 24]] = False
    assert _extent(moved, fits) == Rect(0, 0, 1, 20)
