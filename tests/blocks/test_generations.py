import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voxy.blocks import Generations, Holding


def blocks(*indices: int) -> np.ndarray:
    return np.array(indices, dtype=np.intp)


def test_everything_is_newer_than_nothing() -> None:
    assert Generations(5).newer_than(0).tolist() == [0, 1, 2, 3, 4]
    assert Generations(5).newer_than(1).size == 0


def test_mark_makes_one_generation() -> None:
    generations = Generations(5)
    assert generations.mark(blocks(1, 3)) == 2
    assert generations.mark(blocks(3)) == 3
    assert generations.newer_than(1).tolist() == [1, 3]
    assert generations.newer_than(2).tolist() == [3]


def test_marking_nothing_is_no_generation() -> None:
    generations = Generations(5)
    assert generations.mark(blocks()) == 1


@given(st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 19)))))
def test_holder_that_takes_what_it_misses_has_all(steps: list[tuple[bool, set[int]]]) -> None:
    generations, holding = Generations(20), Holding(20)
    changed = set(range(20))
    for takes, indices in steps:
        generations.mark(blocks(*sorted(indices)))
        changed |= indices
        if takes:
            missing = holding.missing(generations)
            assert set(missing.tolist()) == changed
            holding.put(missing, generations)
            changed = set()


def test_rough_block_is_owed_when_it_rests() -> None:
    generations, holding = Generations(4), Holding(4)
    holding.put(blocks(0, 1, 2, 3), generations)
    holding.roughen(blocks(1, 2), now=10.0)
    assert not holding.is_exact
    assert holding.rested(generations, before=9.9).size == 0
    assert holding.rested(generations, before=10.0).tolist() == [1, 2]
    generations.mark(blocks(1))
    assert holding.rested(generations, before=10.0).tolist() == [2], "what changed again does not rest"
    holding.put(blocks(1, 2), generations)
    assert holding.is_exact
