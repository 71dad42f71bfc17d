import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pictures import framebuffer_of, photograph, text
from voxy.blocks import Rect, Size
from voxy.screen.content import cut, pictures

SIZE = Size(300, 200)
ALL = Rect.of(SIZE)


@pytest.mark.parametrize("strip", [Rect(0, 0, 300, 6), Rect(0, 191, 300, 9), Rect(0, 0, 8, 200), Rect(291, 0, 9, 200)])
def test_a_strip_of_a_photograph_is_cut_from_what_is_beside_it(strip: Rect) -> None:
    picture = text(SIZE)
    picture[strip.slices] = photograph(SIZE)[strip.slices]
    (photo, is_photo), *others = cut(ALL, picture)
    assert is_photo
    assert photo == strip
    assert others == [(rect, False) for rect in ALL.beside(strip)]


@pytest.mark.parametrize(("picture", "is_photo"), [(photograph(SIZE), True), (text(SIZE), False)])
def test_what_is_all_one_or_the_other_stays_whole(picture: np.ndarray, is_photo: bool) -> None:
    assert cut(ALL, picture) == [(ALL, is_photo)]


def test_too_little_of_a_photograph_goes_with_the_rest() -> None:
    picture = text(SIZE)
    picture[:, 10:11] = photograph(SIZE)[:, 10:11]
    assert cut(ALL, picture) == [(ALL, False)]


@given(*(st.integers(0, most - 1) for most in SIZE), *(st.integers(1, most) for most in SIZE), st.integers(0, 3))
def test_the_parts_are_the_rect(x: int, y: int, width: int, height: int, seed: int) -> None:
    rect = Rect(x, y, width, height).intersect(ALL)
    picture, chance = text(SIZE), np.random.default_rng(seed)
    for strip in (np.s_[: chance.integers(200)], np.s_[:, chance.integers(300) :]):
        picture[strip] = chance.permutation([photograph(SIZE), text(SIZE)])[0][strip]
    assert rect
    covered = np.zeros_like(picture)
    for part, _ in cut(rect, picture):
        assert part.intersect(rect) == part
        covered[part.slices] += 1
    assert covered.sum() == rect.area
    assert (covered[rect.slices] == 1).all()


def test_an_enlarged_photograph_is_one_and_enlarged_text_is_none() -> None:
    size = Size(320, 128)
    for picture, is_photo in ((photograph(size), True), (text(size), False)):
        enlarged = picture.repeat(2, axis=0).repeat(2, axis=1)
        photos, others = pictures(framebuffer_of(enlarged), np.arange(40))
        assert (photos.size >= 38) is is_photo
        assert (others.size == 0) is is_photo


def test_text_is_no_photograph_however_dense_and_thin() -> None:
    page, chance = text(Size(1000, 400)), random.Random(1)
    for _ in range(400):
        width, height = chance.randrange(60, 1000), chance.randrange(4, 13)
        rect = Rect(chance.randrange(1000 - width), chance.randrange(400 - height), width, height)
        assert cut(rect, page) == [(rect, False)]
