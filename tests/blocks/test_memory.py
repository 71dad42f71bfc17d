import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voxy.blocks.memory import Library, Shelf, find_repeats, to_recalls


def blocks(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.intp)


def test_what_was_used_least_recently_goes_first() -> None:
    shelf = Shelf(30)
    shelf.take([(1, 10), (2, 10), (3, 10)])
    shelf.take([(1, 0), (4, 10)])
    assert [number for number in (1, 2, 3, 4) if number in shelf] == [1, 3, 4]


def test_an_image_serves_its_own_update_even_where_nothing_is_kept() -> None:
    shelf = Shelf(0)
    shelf.take([(1, 10), (1, 0)])
    assert 1 not in shelf


@given(st.lists(st.lists(st.integers(1, 40), max_size=6), max_size=40))
def test_a_shelf_never_takes_more_than_its_limit(updates: list[list[int]]) -> None:
    shelf, model = Shelf(100), dict[int, int]()
    for number, uses in enumerate(updates):
        used = [(use, 0) for use in dict.fromkeys(uses) if use in shelf] + [(1000 + number, sum(uses))] * bool(uses)
        shelf.take(used)
        for image, size in used:
            model[image] = size or model.pop(image)
        while sum(model.values()) > 100:
            model.pop(next(iter(model)))
        assert [image for image in range(1, 1100) if image in shelf] == sorted(model)


def test_only_what_is_on_the_shelf_is_recalled() -> None:
    library, shelf = Library(), Shelf(100)
    library.add(1, [b"a", b"b"])
    library.add(2, [b"b", b"c"])
    shelf.take([(2, 10)])
    missing, found = library.recall(blocks(3, 4, 5, 6), {3: b"a", 4: b"b", 5: b"c", 6: b"d"}, shelf)
    assert missing.tolist() == [3, 6]
    assert found == {2: {4: 0, 5: 1}}
    (recall,) = to_recalls(found)
    assert (recall.number, recall.blocks.tolist(), recall.places.tolist()) == (2, [4, 5], [0, 1])


def test_blocks_that_are_alike_go_once() -> None:
    once, (recall,) = find_repeats(blocks(2, 5, 7, 9), {2: b"x", 5: b"y", 7: b"x", 9: b"y"}, 8)
    assert once.tolist() == [2, 5]
    assert (recall.number, recall.blocks.tolist(), recall.places.tolist()) == (8, [7, 9], [0, 1])


def test_a_library_forgets_the_oldest_images(monkeypatch) -> None:
    monkeypatch.setattr("voxy.blocks.memory._MOST_BLOCKS", 4)
    library, shelf = Library(), Shelf(100)
    for number in range(1, 6):
        library.add(number, [bytes([number]), b"same"])
        shelf.take([(number, 1)])
    digests = {block: bytes([block]) for block in range(1, 6)}
    missing, _ = library.recall(blocks(1, 2, 3, 4, 5), digests, shelf)
    assert missing.tolist() == [1, 2, 3]
    assert library.recall(blocks(1), {1: b"same"}, shelf)[0].size == 0
