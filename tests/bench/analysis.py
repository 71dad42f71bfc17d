"""From what a page's probe saw to numbers: how long keys took, how old frames were, how many were whole."""

from collections.abc import Sequence
from typing import NamedTuple

from tests.bench.stamp import Stamp

Sample = tuple[float, int, int]
"""When, in ms since 1970, the canvas came to show these bits in its top left and bottom right corners."""


class Window(NamedTuple):
    """What is counted, in ms since 1970: frames from `start` to `end`; keys' answers until `closed`."""

    start: float
    end: float
    closed: float


class Frame(NamedTuple):
    """A frame that was seen whole: both corners carried its stamp."""

    seen_at: float
    stamp: Stamp

    @property
    def age_ms(self) -> int:
        return self.stamp.age_ms(self.seen_at)


def whole_frames(samples: Sequence[Sample]) -> list[Frame]:
    """Each frame when it was first seen whole."""
    frames: list[Frame] = []
    for seen_at, top, bottom in samples:
        if top == bottom and (stamp := Stamp.parse(top)) and not (frames and frames[-1].stamp == stamp):
            frames.append(Frame(seen_at, stamp))
    return frames


def key_latencies_ms(samples: Sequence[Sample], keys: Sequence[float], window: Window) -> list[float]:
    """For each key, how long until its letter was seen; one never seen counts as seen when the window closed."""
    # The top corner: letters are drawn in the upper part of the screen.
    seen = [(at, stamp) for at, top, _ in samples if (stamp := Stamp.parse(top))]
    before = [stamp for at, stamp in seen if at <= window.start]
    latencies = []
    for number, pressed_at in enumerate(keys, 1):
        answers = (at for at, stamp in seen if at > pressed_at and stamp.inputs_since(before[-1]) >= number)
        latencies.append(next(answers, window.closed) - pressed_at)
    return latencies


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which this share of all lies; None of nothing."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else None
