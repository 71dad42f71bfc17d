import math

from voxy.sources.x11.drawing import Drawing

PART_S, SETTLE_S = 0.001, 0.0004


def grab(drawing: Drawing, at: float) -> float:
    """Grab what was drawn; when it began."""
    begun_at = drawing.begin()
    drawing.end(at)
    return begun_at


def test_nothing_drawn_is_never_ready() -> None:
    drawing = Drawing()
    assert drawing.ready_at == math.inf
    drawing.note(1.0)
    grab(drawing, 1.0)
    assert drawing.ready_at == math.inf


def test_what_is_drawn_at_once_is_grabbed_at_once() -> None:
    drawing = Drawing()
    for number in range(100):
        drawing.note(number / 60)
        assert drawing.ready_at == number / 60
        assert grab(drawing, number / 60 + 0.005) == number / 60


def test_what_comes_in_parts_is_waited_for() -> None:
    drawing = Drawing()
    drawing.note(1.0)
    grab(drawing, 1.001)
    drawing.note(1.001 + PART_S)
    assert drawing.ready_at == 1.001 + PART_S + SETTLE_S
    grab(drawing, 1.003)
    drawing.note(2.0)
    drawing.note(2.0003)
    assert drawing.ready_at == 2.0 + SETTLE_S, "from the first part on"


def test_what_came_in_parts_once_isnt_waited_for_all_the_time() -> None:
    drawing = Drawing()
    drawing.note(1.0)
    grab(drawing, 1.0)
    waited = []
    for number in range(100):
        at = 1.0 + PART_S + number
        drawing.note(at)
        waited.append(drawing.ready_at > at)
        grab(drawing, at + SETTLE_S)
    assert any(waited)
    assert waited == sorted(waited, reverse=True)
    assert not waited[-1]
