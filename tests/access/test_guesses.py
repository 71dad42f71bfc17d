"""Guessing takes longer and longer, for the one who guesses and nobody else."""

import pytest

from voxy.access.guesses import _KEPT_MOST, Guesses, place_of


def guess_wrong(guesses: Guesses, times: int, name: str = "alice", address: str = "10.0.0.1", now: float = 0.0) -> None:
    for _ in range(times):
        guesses.wrong(name, address, now)


def test_a_few_wrong_ones_cost_nothing() -> None:
    guesses = Guesses()
    guess_wrong(guesses, 5)
    assert guesses.wait("alice", "10.0.0.1", 0.0) == 0


def test_then_each_takes_twice_as_long() -> None:
    guesses, waits = Guesses(), []
    for times in range(6, 20):
        guess_wrong(guesses, 6 if times == 6 else 1)
        waits.append(guesses.wait("alice", "10.0.0.1", 0.0))
    assert waits[:5] == [1, 2, 4, 8, 16]
    assert waits[-1] == 300
    assert guesses.wait("alice", "10.0.0.1", 299.0) == pytest.approx(1)
    assert guesses.wait("alice", "10.0.0.1", 300.0) == 0


def test_others_get_in_meanwhile() -> None:
    guesses = Guesses()
    guess_wrong(guesses, 1000)
    assert guesses.wait("alice", "10.0.0.2", 0.0) == 0
    assert guesses.wait("bob", "10.0.0.1", 0.0) > 0, "one place may not try all names either"


def test_the_right_one_is_forgiven_and_an_hour_forgotten() -> None:
    guesses = Guesses()
    guess_wrong(guesses, 6)
    guesses.right("alice", "10.0.0.1")
    assert guesses.wait("alice", "10.0.0.1", 0.0) == 0
    guess_wrong(guesses, 30)
    assert guesses.wait("alice", "10.0.0.1", 3601.0) == 0
    guess_wrong(guesses, 1, now=3601.0)
    assert guesses.wait("alice", "10.0.0.1", 3601.0) == 0


def test_a_million_places_take_no_more_memory() -> None:
    guesses = Guesses()
    for n in range(20_000):
        guesses.wrong("alice", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 0.0)
    assert len(guesses._wrong) == _KEPT_MOST


def test_places() -> None:
    assert place_of("2001:db8::1") == place_of("2001:db8::ffff:1") != place_of("2001:db8:0:1::1")
    assert place_of("::ffff:10.0.0.1") == place_of("10.0.0.1") == "10.0.0.1"
    assert place_of("fe80::1%eth0") == "fe80::/64"
    assert place_of("") == place_of("nonsense") == ""
