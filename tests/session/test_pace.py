"""A viewer that says much waits; nothing is left out."""

import pytest

from voxy.session.pace import Pace


def test_hands_never_wait() -> None:
    pace = Pace(0.0)
    assert all(pace.rest(n / 500) == 0 for n in range(5000))


def test_a_flood_is_taken_at_the_pace() -> None:
    pace, now = Pace(0.0), 0.0
    for _ in range(20_000):
        now += 1e-5 + pace.rest(now)
    assert now == pytest.approx(38.0, abs=0.5)


def test_a_rest_is_not_saved_up() -> None:
    pace = Pace(0.0)
    pace.rest(1000.0)
    assert sum(pace.rest(1000.0) > 0 for _ in range(2000)) == pytest.approx(1000, abs=12)


def test_what_weighs_more_waits_longer() -> None:
    pace = Pace(0.0)
    assert pace.rest(0.0, 3000.0) == pytest.approx(4.0)
