"""Meter: what one viewer was shown lately, and where the time went. Times are seconds of any monotonic clock."""

from collections import deque
from dataclasses import dataclass

_LATELY_S = 2.0
"""Seconds over which rates are counted."""


@dataclass(slots=True)
class Stages:
    """How an update came about: how long its newest pixels took to be grabbed and compared, and when it was made."""

    grab_s: float
    diff_s: float
    begun_at: float
    encoded_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Sent:
    """An update on its way."""

    seq: int
    size: int
    at: float
    stages: Stages


@dataclass(frozen=True, slots=True)
class Shown:
    """An update that was painted, `ack_s` after it was sent."""

    sent: Sent
    ack_s: float

    @property
    def encode_s(self) -> float:
        """From its plan to its bytes."""
        return self.sent.stages.encoded_at - self.sent.stages.begun_at

    @property
    def send_s(self) -> float:
        """From its bytes to the socket."""
        return self.sent.at - self.sent.stages.encoded_at


class Meter:
    """Counts for people to look at; nothing is decided by it."""

    def __init__(self) -> None:
        self._inflight: deque[Sent] = deque()
        self._lately: deque[tuple[float, int]] = deque()
        self.last: Shown | None = None

    def sent(self, seq: int, size: int, stages: Stages, now: float) -> None:
        """Note that update `seq` of `size` bytes goes to the socket."""
        self._inflight.append(Sent(seq, size, now, stages))

    def acked(self, seq: int, now: float) -> bool:
        """Note that all updates to `seq` are painted; whether any of them is news."""
        newest = None
        while self._inflight and self._inflight[0].seq <= seq:
            newest = self._inflight.popleft()
            self._lately.append((now, newest.size))
        if newest:
            self.last = Shown(newest, now - newest.at)
            self._forget(now)
        return newest is not None

    def frames_s(self, now: float) -> float:
        """Updates a second that were painted lately."""
        self._forget(now)
        return len(self._lately) / _LATELY_S

    def bytes_s(self, now: float) -> float:
        """Bytes a second of those."""
        self._forget(now)
        return sum(size for _, size in self._lately) / _LATELY_S

    def _forget(self, now: float) -> None:
        while self._lately and self._lately[0][0] <= now - _LATELY_S:
            self._lately.popleft()
