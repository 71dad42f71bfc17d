"""Flow control of one viewer: how much may be on its way.

The budget is bandwidth × (least round trip + one picture's time), both measured from acknowledgements after the
paint, so that it bounds the age of what is seen and not just a socket's buffer.
"""

import math
from collections import deque
from dataclasses import dataclass

from voxy.session.line import BIG, WINDOW_S, Delivery, Line
from voxy.session.quality import Quality

_LEAST_SPARE = 0.75
"""Share of what may go that can wait from which on it goes: less would be small updates, more than are shown."""

_AMPLE_S = 0.066
"""Seconds of a line that isn't slow which may be filled with that: a browser needs a third of them for anything."""

_QUIET = 2.0
"""How many times as long as the line takes to send something new nothing goes that can wait: what is new all the time
gets the line for itself. At most that of a window, or what can wait would still do so when all that has ended."""

_LONGEST_MADE_S = 0.1
"""Seconds in which an update is made at the longest, for all that is counted on."""

_FRAMES_S = 60.0
"""Updates a second that a browser shows at the most; more in the same frame would be decoded in vain."""

_MORE = 2
"""Updates that may be on their way besides those of a round trip: one that is painted, and what is typed meanwhile."""


@dataclass(slots=True)
class _Sent:
    seq: int
    size: int
    at: float
    acked_before: int
    acked_at: float
    """When the newest of these was acknowledged, or the first after it sent, if the line was idle meanwhile."""
    was_idle: bool
    """Whether the line was idle before."""


class Flow:
    """Counts what is sent and acknowledged. Times are seconds of any monotonic clock."""

    def __init__(self) -> None:
        self.line = Line()
        self.quality = Quality(self.line)
        self._inflight: deque[_Sent] = deque()
        self._acked_bytes = 0
        self._acked_at = 0.0
        self.inflight_bytes = 0
        self._ahead_s = WINDOW_S
        self._quiet_bytes = self._quiet_since = 0.0
        self.last_seq = -1

    @property
    def window_bytes(self) -> int:
        return int(self.line.bytes_s * (self.line.min_rtt_s + WINDOW_S))

    def sent(self, seq: int, size: int, now: float, made_in_s: float = 0.0, is_new: bool = True) -> None:
        """Note that update `seq` of `size` bytes went out, which it took `made_in_s` to make.

        What it brings `is_new`, or could wait.
        """
        self.last_seq = seq
        if is_new:
            left = max(0.0, (self._quiet_until - now) * self.line.bytes_s)
            most = _QUIET * max(size, self.window_bytes)
            self._quiet_bytes, self._quiet_since = min(left + _QUIET * size, most), now
        # The next takes as long, and the line has something to send meanwhile.
        self._ahead_s = WINDOW_S + min(made_in_s, _LONGEST_MADE_S)
        if was_idle := not self._inflight:
            self._acked_at = now
        self.inflight_bytes += size
        self._inflight.append(_Sent(seq, size, now, self._acked_bytes, self._acked_at, was_idle))

    def acked(self, seq: int, now: float) -> None:
        """Take an acknowledgement of everything up to `seq`; unknown ones change nothing."""
        newest = None
        while self._inflight and self._inflight[0].seq <= seq:
            newest = self._inflight.popleft()
            self.inflight_bytes -= newest.size
            self._acked_bytes += newest.size
        if newest:
            # Counted from the acknowledgement before it was sent, or what was delivered and not yet acknowledged then
            # would be taken for the line's speed.
            delivered, spent_s = self._acked_bytes - newest.acked_before, now - newest.acked_at
            delivery = Delivery(newest.size, max(now - newest.at, 1e-4), delivered, spent_s, newest.was_idle)
            self.quality.adapt(self.line.measure(delivery, now))
            self._acked_at = now

    def room(self, now: float) -> int:
        """Bytes that may be sent now; 0 for none. With nothing on its way there is always room."""
        if not self._inflight:
            return max(self.window_bytes, 1)
        if self._is_full:
            return 0
        room = self.window_bytes - self.inflight_bytes
        if self._is_big and now < self._due_at:
            room = max(room, int(self.line.bytes_s * self._ahead_s - self._unsent(now)))
        return max(0, room)

    def room_at(self, now: float) -> float:
        """When there will be room though nothing is acknowledged until then; infinity if there won't.

        After an update that is most of the window the line would be idle from when it has been sent until that is
        known, and all that changed meanwhile would make the next one as big. After one that is late it may stand.
        """
        if not self._inflight or self._is_full or not self._is_big or now >= self._due_at:
            return math.inf
        at = self._all_sent_at - self._ahead_s
        return at if at < self._due_at else math.inf

    def spare(self, now: float) -> int:
        """Bytes that what can wait may take now: they keep the line busy, and hold up what changes meanwhile for as
        little as can be. 0 also where something is late, since the line is slower then than was thought, or stands.
        """
        if now < self._quiet_until or (self._inflight and (self._is_full or now >= self._due_at)):
            return 0
        most = self._most_spare
        spare = most - self._unsent(now)
        return int(spare) if spare >= most * _LEAST_SPARE else 0

    def spare_at(self) -> float:
        """When there will be some, though nothing is acknowledged until then."""
        soon_s = self._most_spare * (1 - _LEAST_SPARE) / self.line.bytes_s
        return max(self._quiet_until, self._all_sent_at - soon_s if self._inflight else -math.inf)

    @property
    def _most_spare(self) -> float:
        return self.line.bytes_s * (WINDOW_S if self.line.is_slow else _AMPLE_S)

    @property
    def _is_full(self) -> bool:
        return len(self._inflight) > round(self.line.min_rtt_s * _FRAMES_S) + _MORE

    @property
    def _quiet_until(self) -> float:
        return self._quiet_since + self._quiet_bytes / self.line.bytes_s

    @property
    def _is_big(self) -> bool:
        """Whether the oldest of what is on its way is most of the window, on a line that is known."""
        return self.line.is_known and self._inflight[0].size > BIG * self.window_bytes

    @property
    def _begun_at(self) -> float:
        """When the line began to send the oldest of what is on its way."""
        return max(self._inflight[0].at, self._acked_at - self.line.min_rtt_s)

    @property
    def _due_at(self) -> float:
        """When that is to be acknowledged."""
        return self._begun_at + self._inflight[0].size / self.line.bytes_s + self.line.min_rtt_s

    @property
    def _all_sent_at(self) -> float:
        """When the line will have sent all that is on its way."""
        return self._begun_at + self.inflight_bytes / self.line.bytes_s

    def _unsent(self, now: float) -> float:
        """Bytes that the line must still have to send."""
        return max(0.0, (self._all_sent_at - now) * self.line.bytes_s) if self._inflight else 0.0
