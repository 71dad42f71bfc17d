import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voxy.blocks import BlockGrid, Copy, Projection, Rect, Size, Step

SIZE = Size(320, 256)
GRID = BlockGrid(SIZE)


def rects() -> st.SearchStrategy[Rect]:
    return st.tuples(st.integers(0, 200), st.integers(0, 150), st.integers(1, 120), st.integers(1, 100)).map(
        lambda sides: Rect(*sides)
    )


def copies() -> st.SearchStrategy[Copy]:
    return st.builds(lambda rect, x, y: Copy(rect, x, y), rects(), st.integers(0, 200), st.integers(0, 150))


def do(copy: Copy, pixels: np.ndarray) -> None:
    source, target = copy.source, copy.target
    moved = pixels[source.y : source.bottom, source.x : source.right].copy()
    pixels[target.y : target.bottom, target.x : target.right] = moved


@given(st.lists(st.tuples(copies(), st.lists(rects(), max_size=3), st.integers(0, 19)), min_size=1, max_size=4))
def test_steps_taken_as_one_lead_to_the_same_picture(changes: list[tuple[Copy, list[Rect], int]]) -> None:
    chance = np.random.default_rng(1)
    shown = chance.integers(0, 1 << 24, (SIZE.height, SIZE.width))
    viewer, step = shown.copy(), None
    for base, (copy, patches, block) in enumerate(changes):
        do(copy, shown)
        for rect in (*patches, GRID.rect(block)):
            shown[rect.y : rect.bottom, rect.x : rect.right] = chance.integers(0, 1 << 24)
        one = Step(base, GRID, np.array([block]), (copy,), tuple(patches))
        step = step.then(one) if step else one
    assert step
    for copy in step.copies:
        do(copy, viewer)
    for rect in (*step.patches, *map(GRID.rect, step.left.tolist())):
        where = np.s_[rect.y : rect.bottom, rect.x : rect.right]
        viewer[where] = shown[where]
    assert (viewer == shown).all()


@given(
    st.lists(
        st.tuples(copies(), st.lists(rects(), max_size=2), st.integers(0, 19), st.none() | rects()),
        min_size=1,
        max_size=5,
    ),
    rects(),
)
def test_steps_under_a_film_lead_to_the_same_picture_once_its_frame_is_drawn(
    changes: list[tuple[Copy, list[Rect], int, Rect | None]], last: Rect
) -> None:
    chance = np.random.default_rng(2)
    shown = chance.integers(0, 1 << 24, (SIZE.height, SIZE.width))
    viewer, step = shown.copy(), None
    for base, (copy, patches, block, film) in enumerate([*changes, (Copy(last, 0, 0), [], 0, last)]):
        do(copy, shown)
        for rect in (*patches, GRID.rect(block)):
            shown[rect.slices] = chance.integers(0, 1 << 24)
        filmed: set[int] = set()
        if film:
            # A frame that changes half of what it could.
            film = film.intersect(Rect.of(SIZE))
            assert film
            shown[film.slices] ^= chance.integers(0, 2, (film.height, film.width))
            filmed = set(GRID.touched([film]).tolist())
        left, beside = np.array(sorted(filmed | {block})), np.array(sorted(filmed & {block}), dtype=np.intp)
        one = Step(base, GRID, left, (copy,), tuple(patches), film, beside).under_film()
        step = step.then(one) if step else one
    assert step
    touched = GRID.touched([last])
    edges = np.array([b for b in touched.tolist() if last.intersect(GRID.rect(b)) != GRID.rect(b)], dtype=np.intp)
    frame = Projection(GRID, last, touched, edges, is_first=False)
    step = step.under(frame)
    for copy in step.copies:
        do(copy, viewer)
    beside_film = set(edges.tolist()) & set(step.left.tolist())
    drawn = map(GRID.rect, set(step.left.tolist()) - beside_film)
    for rect in (*step.patches, *frame.beside(np.array(sorted(beside_film), dtype=np.intp)), *drawn, last):
        viewer[rect.slices] = shown[rect.slices]
    assert (viewer == shown).all()
    assert not any(rect.intersect(last) for rect in step.patches)


@given(copies(), st.sets(st.integers(0, 19), max_size=6), st.sets(st.integers(0, 19), max_size=3))
def test_a_copy_carries_roughness_along(copy: Copy, rough: set[int], left: set[int]) -> None:
    is_rough = np.zeros((SIZE.height, SIZE.width), dtype=bool)
    for rect in map(GRID.rect, rough):
        is_rough[rect.y : rect.bottom, rect.x : rect.right] = True
    do(copy, is_rough)
    for rect in map(GRID.rect, left):
        is_rough[rect.y : rect.bottom, rect.x : rect.right] = False
    changed = GRID.touched([copy.target])
    step = Step(1, GRID, np.array(sorted(left), dtype=np.intp), (copy,))
    told = set(step.roughens(np.array(sorted(rough), dtype=np.intp), changed).tolist())
    truly = {b for b in changed.tolist() if is_rough[(r := GRID.rect(b)).y : r.bottom, r.x : r.right].any()}
    assert truly <= told <= set(changed.tolist())
