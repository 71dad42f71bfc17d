"""Line: what a viewer's line carries, its least round trip and its bandwidth, measured from acknowledgements.

These come after the paint, so that what is measured is what is seen, and not just a socket's buffer.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TypeVar

WINDOW_S = 0.033
"""Seconds of line that may be filled beyond the round trip: two pictures at 60 a second."""

BIG = 0.5
"""Share of what may be on its way that an update has to be to tell when the line must have sent it."""

_MEMORY_S = 10.0
"""Seconds for which the best round trip and bandwidth are believed; lines change."""

_FIRST_BYTES, _FIRST_RTT_S = 15_000.0, 0.1
"""What is assumed to be across in a round trip until more is known, as much as TCP's first window; and how long one is
assumed to take."""

_BIGGER = 2.0
"""How many times bigger an update has to be than the quickest for that one to tell what is the line's own."""

_LEAST_SPENT_S = 0.004
"""Seconds that are counted at the least for what was delivered: clocks and browsers aren't as exact as less."""

_SLOW_BYTES_S, _TELLING_BYTES = 1_500_000.0, 30_000
"""A line that carries less, and on which so many bytes were late once, is slow, however quick what is little may be."""

V = TypeVar("V")


class Delivery(NamedTuple):
    """What the acknowledgement of an update tells."""

    size: int
    """Bytes of the update."""
    elapsed_s: float
    delivered: int
    """Bytes that were acknowledged in the last `spent_s` seconds, this update's among them."""
    spent_s: float
    was_idle: bool
    """Whether nothing else was on its way when it was sent."""


class _RoundTrip(NamedTuple):
    s: float
    size: int
    """Bytes of the update that took so long."""


class Line:
    """Remembers the best that was seen lately. Times are seconds of any monotonic clock."""

    def __init__(self) -> None:
        self._rtts: deque[tuple[float, _RoundTrip]] = deque()
        self._rates: deque[tuple[float, float]] = deque()
        self._was_much_late = False

    @property
    def min_rtt_s(self) -> float:
        return self._rtts[0][1].s if self._rtts else 0.0

    @property
    def bytes_s(self) -> float:
        """The best rate of delivery seen lately."""
        return self._rates[0][1] if self._rates else _FIRST_BYTES / (self.min_rtt_s or _FIRST_RTT_S)

    @property
    def is_known(self) -> bool:
        """Whether anything has told the rate."""
        return bool(self._rates)

    @property
    def is_slow(self) -> bool:
        """Whether the line carries so little that what can wait has to wait for long."""
        return self.bytes_s < _SLOW_BYTES_S

    @property
    def is_known_slow(self) -> bool:
        """Whether much was late once, too: what is sent may just have been little so far."""
        return self._was_much_late and self.is_slow

    def measure(self, delivery: Delivery, now: float) -> float:
        """Take what an acknowledgement tells; the seconds that the update took longer than the least round trip."""
        size, elapsed_s, delivered, spent_s, was_idle = delivery
        _remember(self._rtts, _RoundTrip(elapsed_s, size), now, min)
        late_s = elapsed_s - self.min_rtt_s
        is_telling = late_s > WINDOW_S
        rate = delivered / max(spent_s, _LEAST_SPENT_S)
        quickest = self._rtts[0][1]
        is_big = size > max(BIG * self.bytes_s * WINDOW_S, _BIGGER * quickest.size)
        if is_big or (is_telling and was_idle):
            # What it has more than the quickest, the line sent in no more time than it took longer.
            rate = max(rate, (size - quickest.size) / max(late_s, _LEAST_SPENT_S))
        self._was_much_late |= is_telling and delivered >= _TELLING_BYTES
        # What is little takes as long on a fast line, and says only that no line is slower.
        if is_telling or rate > self.bytes_s:
            _remember(self._rates, rate, now, max)
        return late_s


def _remember(history: deque[tuple[float, V]], value: V, now: float, best: Callable[[V, V], V]) -> None:
    """Add a value; those that are old, and those that a newer one is better than, will never be asked for."""
    while history and best(history[-1][1], value) == value:
        history.pop()
    history.append((now, value))
    while history[0][0] < now - _MEMORY_S:
        history.popleft()
