"""Pace: how fast a guest's memory is sent, so that little of it waits before the line to its new host.

QEMU takes what it has written for sent, however much of it waits before the line, and halts the guest while that is
carried. So pings go along with the memory. By their pongs it is known what the line carries and how long what is
written takes to arrive; QEMU is told to send no faster, and to halt the guest only when little waits.
"""

import math
from collections import deque

PERIOD_S = 0.1
"""How often the pace is changed; QEMU sends as much at a time as the line is to carry in that long, and measures so."""

PING_S = 0.05

_FIRST_BYTES_PER_S = 4 << 20
"""Before anything is known of the line, and slow enough that QEMU has memory left until it has measured its speed."""

_SLOWEST_BYTES_PER_S, _FASTEST_BYTES_PER_S = 1 << 14, 1 << 34
_CLEAR_S = 0.05
"""So much later than where nothing waits, what is sent may arrive."""

_DRAINED_S, _LEAST_SHARE = 0.3, 0.1
_UNKNOWN_GROWTH, _GROWTH = 4, 0.01
"""Of the speed with each look; on a line that was full for once, by so much more with each."""

_OF_LATE_S = 0.3
"""Over how long one looks at what a line has carried; pongs may come at once."""

_WORSE_S = 0.002
"""By how much longer each ping may take where nothing waits: lines change."""


class Pace:
    """Is told of what is sent to one line, and of its pings and pongs."""

    def __init__(self) -> None:
        self.bytes_per_s = _FIRST_BYTES_PER_S
        self._sent_bytes = 0
        self._pings: deque[tuple[bytes, float]] = deque()
        self._least_s = math.inf
        self._took_s = 0.0
        self._heard: deque[tuple[float, int]] = deque()
        self._line_per_s = 0.0
        self._clear_looks = 0

    @property
    def is_clear(self) -> bool:
        """Whether little waited before the line at the last look."""
        return self._clear_looks > 0

    def send(self, size: int) -> None:
        self._sent_bytes += size

    def ping(self, now: float) -> bytes:
        """What a ping says that is sent now, after what was sent before it."""
        said = self._sent_bytes.to_bytes(8, "big")
        self._pings.append((said, now))
        return said

    def pong(self, said: bytes, now: float) -> None:
        """The other side has taken what was sent before the ping that said so."""
        while self._pings and said >= self._pings[0][0]:
            arrived, at = self._pings.popleft()
            self._took_s = now - at
            self._least_s = min(self._took_s, self._least_s + _WORSE_S)
            self._heard.append((now, int.from_bytes(arrived, "big")))
            while len(self._heard) > 2 and self._heard[1][0] <= now - _OF_LATE_S:
                self._heard.popleft()

    def look(self, now: float) -> None:
        """Judge how fast to send from now on, and whether the line is clear."""
        oldest_s = now - self._pings[0][1] if self._pings else 0.0
        late_s = max(self._took_s, oldest_s) - self._least_s
        # The first ping went before the memory, and says only how long one takes where nothing waits.
        was_clear, is_clear = self.is_clear, len(self._heard) > 1 and late_s <= _CLEAR_S
        self._clear_looks = self._clear_looks + 1 if is_clear else 0
        if is_clear:
            growth = 1 + _GROWTH * self._clear_looks if self._line_per_s else _UNKNOWN_GROWTH
            self._send_at(max(self.bytes_per_s * growth, self._line_per_s))
        elif late_s > _CLEAR_S:
            if not was_clear and (carried := self._carried_per_s()):
                self._line_per_s = carried
            share = max(1 - late_s / _DRAINED_S, _LEAST_SHARE)
            self._send_at(min(self.bytes_per_s, self._line_per_s or self.bytes_per_s) * share)

    def _carried_per_s(self) -> float:
        """What the line has carried of late, where something waited all the time."""
        (since, before), (now, sent) = self._heard[0], self._heard[-1]
        return (sent - before) / (now - since) if now > since else 0.0

    def _send_at(self, bytes_per_s: float) -> None:
        self.bytes_per_s = int(min(max(bytes_per_s, _SLOWEST_BYTES_PER_S), _FASTEST_BYTES_PER_S))
