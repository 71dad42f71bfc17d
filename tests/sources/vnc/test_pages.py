"""What is whole is what the server has drawn until then, and stays so while it is looked at."""

import random

import numpy as np
import pytest

from voxy.blocks import Rect, Size
from voxy.screen.framebuffer import Pixels
from voxy.sources.vnc.screen import Screen

SIZES = [Size(200, 130), Size(256, 128), Size(64, 64), Size(37, 5)]


def any_rect(chance: random.Random, size: Size) -> Rect:
    """Anywhere; now and then as wide as the screen, or as blocks are."""
    x, y = chance.randrange(size.width), chance.randrange(size.height)
    x, right = chance.choice([(x, chance.randint(x + 1, size.width)), (0, size.width), (x // 64 * 64, size.width)])
    return Rect.between(x, y, right, chance.randint(y + 1, size.height))


def draw(screen: Screen, model: Pixels, chance: random.Random) -> None:
    """A rect of an update: of one colour, row by row, or from elsewhere."""
    rect = any_rect(chance, screen.size)
    screen.begin(rect)
    if chance.random() < 0.3:
        x = chance.randint(0, screen.size.width - rect.width)
        y = chance.randint(0, screen.size.height - rect.height)
        screen.copy(rect, x, y)
        model[rect.slices] = model[y : y + rect.height, x : x + rect.width].copy()
    else:
        for row in range(rect.y, rect.bottom):
            line, colour = Rect(rect.x, row, rect.width, 1), np.uint32(chance.randrange(1 << 24))
            screen.put(line, colour)
            model[line.slices] = colour
    screen.note(rect)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_what_is_taken_is_whole_and_is_left_alone(size: Size, seed: int) -> None:
    chance, screen = random.Random(seed), Screen()
    screen.resize(*size)
    model = np.zeros((size.height, size.width), dtype=np.uint32)
    whole = model.copy()
    # What viewers were shown last, what is compared with it, and copies of both; None before there are any.
    front = back = screen.pixels
    expected_front = expected_back = None
    seen = set()
    for _ in range(120):
        for _ in range(chance.randrange(4)):
            draw(screen, model, chance)
        if chance.random() < 0.7:
            screen.finish(front, back)
            whole = model.copy()
        if screen.is_whole and screen.is_damaged and chance.random() < 0.6:
            before = whole if expected_back is None else expected_back
            taken, damage, _ = screen.take()
            shown = taken[: size.height, : size.width]
            assert (shown == whole).all()
            unchanged = np.ones(whole.shape, dtype=bool)
            for rect in damage:
                unchanged[rect.slices] = False
            assert (shown == before)[unchanged].all()
            front, expected_front, back, expected_back = back, expected_back, taken, whole.copy()
            seen.add(id(taken))
        for pixels, expected in ((front, expected_front), (back, expected_back)):
            assert expected is None or (pixels[: size.height, : size.width] == expected).all()
    assert 2 <= len(seen) <= 4
