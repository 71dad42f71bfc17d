"""What one viewer does to the server, another hardly notices: `make bench-crowd` measures how little."""

import statistics

from tests.bench.crowd import compare

MOST_MS = 15.0
"""Beside twice the median of who is alone: no figure, but far less than what waiting for somebody costs."""


async def test_keys_beside_a_flood_and_a_viewer_that_never_reads_are_not_held_up() -> None:
    found = {
        condition: statistics.median(latency for each in rounds for latency in each)
        for condition, rounds in (await compare(rounds=2, keys=25)).items()
    }
    assert max(found["flood"], found["mute"]) < 2 * found["alone"] + MOST_MS, found
