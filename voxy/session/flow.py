"""Flow control of one viewer: how much may be on its way, and how coarse pictures have to be.

The budget is bandwidth × (least round trip + one picture's time), both measured from acknowledgements after the
paint, so that it bounds the age of what is seen and not just a socket's buffer.
"""

import math
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, TypeVar

_WINDOW_S = 0.033
"""Seconds of line that may be filled beyond the round trip: two pictures at 60 a second."""

_BIG = 0.5
"""Share of the window that an update has to be to be counted as sent when the line must have sent it."""

_LEAST_SPARE = 0.75
"""Share of that from which on it is filled with what can wait: less would be small updates, more than are shown."""

_AMPLE_S = 0.066
"""Seconds of a line that isn't slow which are filled with that: a browser needs a third of them for anything."""

_QUIET = 2.0
"""How many times as long as the line takes to send something new nothing goes that can wait: what is new all the time
gets the line for itself. At most that of a window, or what can wait would still do so when all that has ended."""

_LONGEST_MADE_S = 0.1
"""Seconds in which an update is made at the longest, for all that is counted on."""

_MEMORY_S = 10.0
"""Seconds for which the best round trip and bandwidth are believed; lines change."""

_FRAMES_S = 60.0
"""Updates a second that a browser shows at the most; more in the same frame would be decoded in vain."""

_MORE = 2
"""Updates that may be on their way besides those of a round trip: one that is painted, and what is typed meanwhile."""

_FIRST_BYTES, _FIRST_RTT_S = 15_000.0, 0.1
"""What is assumed to be across in a round trip until more is known, as much as TCP's first window; and how long one is
assumed to take."""

_BIGGER = 2.0
"""How many times bigger an update has to be than the quickest for that one to tell what is the line's own."""

_LEAST_SPENT_S = 0.004
"""Seconds that are counted at the least for what was delivered: clocks and browsers aren't as exact as less."""

_PICTURE_S = 0.050
"""Seconds that a lossy picture may take on the line before it gets coarser."""

Level: TypeAlias = Literal["auto", "exact", "light"]
"""What a person chose: what the line carries, nothing lossy, or as few bytes as can be."""

LOSSLESS = 0
"""The quality at which nothing may go lossy."""

ANY = sys.maxsize
"""As many pixels as there may be."""

_LIGHT_BYTES_S = 60_000.0
"""What a film may take of a line that is to be spared."""

QUALITIES = (35, 50, 65, 80)
"""Few steps, so that viewers on like lines need the same pictures and share them."""

_PIXEL_BYTES = (0.05, 0.065, 0.085, 0.14)
"""What a pixel of a photograph takes in these qualities, roughly."""

_TEXT_PIXEL_BYTES = 0.13
"""What an exact pixel of dense text takes, roughly."""

_BIG_PICTURE_S = 0.05
"""Seconds that a picture may take on a line that is known to be slow, if there is a quality for it: what is cut to in a
film is coarse for a moment, rather than two of its frames late."""

_SLOW_BYTES_S, _TELLING_BYTES = 1_500_000.0, 30_000
"""A line that carries less, and on which so many bytes were late once, is slow, however quick what is little may be."""

_GOOD_PICTURES = 20
"""Pictures that were quick on the line before the next is tried finer."""


V = TypeVar("V")


@dataclass(slots=True)
class _Sent:
    seq: int
    size: int
    at: float
    acked_before: int
    acked_at: float
    """When the newest of these was acknowledged, or the first after it sent, if the line was idle meanwhile."""
    is_first: bool
    """Whether the line was idle before."""


class _RoundTrip(NamedTuple):
    s: float
    size: int
    """Bytes of the update that took so long."""


class Flow:
    """Counts what is sent and acknowledged. Times are seconds of any monotonic clock."""

    def __init__(self) -> None:
        self._inflight: deque[_Sent] = deque()
        self._acked_bytes = 0
        self._rtts: deque[tuple[float, _RoundTrip]] = deque()
        self._rates: deque[tuple[float, float]] = deque()
        self._acked_at = 0.0
        self.inflight_bytes = 0
        self._ahead_s = _WINDOW_S
        self._quiet_bytes = self._quiet_since = 0.0
        self._good_pictures = 0
        self._step = len(QUALITIES) - 1
        self._has_been_slow = False
        self.last_seq = -1
        self.level: Level = "auto"

    @property
    def min_rtt_s(self) -> float:
        return self._rtts[0][1].s if self._rtts else 0.0

    @property
    def bytes_s(self) -> float:
        """The best rate of delivery seen lately."""
        return self._rates[0][1] if self._rates else _FIRST_BYTES / (self.min_rtt_s or _FIRST_RTT_S)

    @property
    def quality(self) -> int:
        """JPEG quality for what may go lossy."""
        match self.level:
            case "exact":
                return LOSSLESS
            case "light":
                return QUALITIES[0]
        return QUALITIES[self._step]

    def quality_for(self, pixels: int) -> int:
        """The quality for a picture of so many pixels: coarser than others where it would be long on its way."""
        most_bytes = self.bytes_s * _BIG_PICTURE_S
        fitting = sum(pixels * pixel_bytes <= most_bytes for pixel_bytes in _PIXEL_BYTES)
        return min(self.quality, QUALITIES[max(0, fitting - 1)])

    @property
    def most_text(self) -> int:
        """Pixels of text that are soon across exactly, a power of two, so that viewers on like lines share pictures.

        That a line is slow is known by pictures that were late: what is sent may just have been little so far.
        """
        is_known_slow = self._step < len(QUALITIES) - 1 or (self._has_been_slow and self.is_slow)
        pixels = int(self.bytes_s * _BIG_PICTURE_S / _TEXT_PIXEL_BYTES)
        return 1 << pixels.bit_length() >> 1 if is_known_slow and self.level != "exact" else ANY

    @property
    def film_bytes_s(self) -> float:
        """What a film may take of the line."""
        return min(self.bytes_s, _LIGHT_BYTES_S) if self.level == "light" else self.bytes_s

    @property
    def window_bytes(self) -> int:
        return int(self.bytes_s * (self.min_rtt_s + _WINDOW_S))

    def sent(self, seq: int, size: int, now: float, made_in_s: float = 0.0, is_new: bool = True) -> None:
        """Note that update `seq` of `size` bytes went out, which it took `made_in_s` to make.

        What it brings `is_new`, or could wait.
        """
        self.last_seq = seq
        if is_new:
            left = max(0.0, (self._quiet_until - now) * self.bytes_s)
            most = _QUIET * max(size, self.window_bytes)
            self._quiet_bytes, self._quiet_since = min(left + _QUIET * size, most), now
        # The next takes as long, and the line has something to send meanwhile.
        self._ahead_s = _WINDOW_S + min(made_in_s, _LONGEST_MADE_S)
        if is_first := not self._inflight:
            self._acked_at = now
        self.inflight_bytes += size
        self._inflight.append(_Sent(seq, size, now, self._acked_bytes, self._acked_at, is_first))

    def acked(self, seq: int, now: float) -> None:
        """Take an acknowledgement of everything up to `seq`; unknown ones change nothing."""
        newest = None
        while self._inflight and self._inflight[0].seq <= seq:
            newest = self._inflight.popleft()
            self.inflight_bytes -= newest.size
            self._acked_bytes += newest.size
        if newest:
            self._measure(newest, now)
            self._acked_at = now

    def room(self, now: float) -> int:
        """Bytes that may be sent now; 0 for none. With nothing on its way there is always room."""
        if not self._inflight:
            return max(self.window_bytes, 1)
        if self._is_full:
            return 0
        room = self.window_bytes - self.inflight_bytes
        if self._is_big and now < self._due_at:
            room = max(room, int(self.bytes_s * self._ahead_s - self._unsent(now)))
        return max(0, room)

    def room_at(self) -> float:
        """When there will be room though nothing is acknowledged until then; infinity if there won't.

        After an update that is most of the window the line would be idle from when it has been sent until that is
        known, and all that changed meanwhile would make the next one as big.
        """
        if not self._inflight or self._is_full or not self._is_big:
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
        soon_s = self._most_spare * (1 - _LEAST_SPARE) / self.bytes_s
        return max(self._quiet_until, self._all_sent_at - soon_s if self._inflight else -math.inf)

    @property
    def is_slow(self) -> bool:
        """Whether the line carries so little that what can wait has to wait for long."""
        return self.bytes_s < _SLOW_BYTES_S

    @property
    def _most_spare(self) -> float:
        return self.bytes_s * (_WINDOW_S if self.is_slow else _AMPLE_S)

    @property
    def _is_full(self) -> bool:
        return len(self._inflight) > round(self.min_rtt_s * _FRAMES_S) + _MORE

    @property
    def _quiet_until(self) -> float:
        return self._quiet_since + self._quiet_bytes / self.bytes_s

    @property
    def _is_big(self) -> bool:
        """Whether the oldest of what is on its way is most of the window, on a line that is known."""
        return bool(self._rates) and self._inflight[0].size > _BIG * self.window_bytes

    @property
    def _begun_at(self) -> float:
        """When the line began to send the oldest of what is on its way."""
        return max(self._inflight[0].at, self._acked_at - self.min_rtt_s)

    @property
    def _due_at(self) -> float:
        """When that is to be acknowledged."""
        return self._begun_at + self._inflight[0].size / self.bytes_s + self.min_rtt_s

    @property
    def _all_sent_at(self) -> float:
        """When the line will have sent all that is on its way."""
        return self._begun_at + self.inflight_bytes / self.bytes_s

    def _unsent(self, now: float) -> float:
        """Bytes that the line must still have to send."""
        return max(0.0, (self._all_sent_at - now) * self.bytes_s) if self._inflight else 0.0

    def _measure(self, newest: _Sent, now: float) -> None:
        elapsed = max(now - newest.at, 1e-4)
        _remember(self._rtts, _RoundTrip(elapsed, newest.size), now, min)
        late_s = elapsed - self.min_rtt_s
        is_telling = late_s > _WINDOW_S
        # Counted from the acknowledgement before it was sent, or what was delivered and not yet acknowledged then
        # would be taken for the line's speed.
        delivered = self._acked_bytes - newest.acked_before
        rate = delivered / max(now - newest.acked_at, _LEAST_SPENT_S)
        quickest = self._rtts[0][1]
        is_big = newest.size > max(_BIG * self.bytes_s * _WINDOW_S, _BIGGER * quickest.size)
        if is_big or (is_telling and newest.is_first):
            # What it has more than the quickest, the line sent in no more time than it took longer.
            rate = max(rate, (newest.size - quickest.size) / max(late_s, _LEAST_SPENT_S))
        self._has_been_slow |= is_telling and delivered >= _TELLING_BYTES
        # What is little takes as long on a fast line, and says only that no line is slower.
        if is_telling or rate > self.bytes_s:
            _remember(self._rates, rate, now, max)
        self._adapt(late_s)

    def _adapt(self, late_s: float) -> None:
        """Coarser at once where a picture came `late_s` after the least round trip, finer when many were quick."""
        self._good_pictures = self._good_pictures + 1 if late_s < _PICTURE_S / 2 else 0
        if late_s > _PICTURE_S:
            self._step = max(0, self._step - 1)
        elif self._good_pictures >= _GOOD_PICTURES:
            self._step = min(len(QUALITIES) - 1, self._step + 1)
            self._good_pictures = 0


def _remember(history: deque[tuple[float, V]], value: V, now: float, best: Callable[[V, V], V]) -> None:
    """Add a value; those that are old, and those that a newer one is better than, will never be asked for."""
    while history and best(history[-1][1], value) == value:
        history.pop()
    history.append((now, value))
    while history[0][0] < now - _MEMORY_S:
        history.popleft()
