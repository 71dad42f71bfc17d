"""Progress: how far a move is, told by phase. It reads no clock."""

from collections import deque
from collections.abc import Callable
from enum import StrEnum

from voxy.vm.sizes import shown

_WINDOW_S = 8.0
"""Over how long the rate is taken: long enough for a number that stands still, short enough to be today's."""

_SAMPLE_S = 0.2


class Phase(StrEnum):
    """What a move is just doing; from HALTED on, the guest stands still."""

    ASKING = "asking"
    LAYERS = "sending layers"
    DISK = "sending what is written meanwhile"
    MEMORY = "sending memory"
    HALTED = "halted, sending the rest"
    HANDING_OVER = "handing over"


class Progress:
    """What a move has sent of what; `tell` is called when that changes, `note` for what a person should know."""

    def __init__(
        self, tell: Callable[["Progress"], None] = lambda _: None, note: Callable[[str], None] = lambda _: None
    ) -> None:
        self._tell = tell
        self.note = note
        self.phase = Phase.ASKING
        self.done_bytes = 0
        self.total_bytes = 0
        self._samples: deque[tuple[float, int]] = deque()

    def enter(self, phase: Phase, total_bytes: int = 0) -> None:
        """Begin a phase in which so much is to be sent, as far as one knows."""
        self.phase, self.done_bytes, self.total_bytes = phase, 0, total_bytes
        self._samples.clear()
        self._tell(self)

    def add(self, sent_bytes: int) -> None:
        """So much more of the phase has been sent."""
        self.reach(self.done_bytes + sent_bytes, self.total_bytes)

    def reach(self, done_bytes: int, total_bytes: int) -> None:
        """So much of the phase has been sent in all; how much there is changes while a guest writes."""
        self.done_bytes, self.total_bytes = done_bytes, total_bytes
        self._tell(self)

    def rate(self, now: float) -> float:
        """Bytes a second, lately; 0 where that isn't known yet. Ask about as often as it is shown."""
        if not self._samples or now - self._samples[-1][0] >= _SAMPLE_S:
            self._samples.append((now, self.done_bytes))
        while len(self._samples) > 2 and now - self._samples[1][0] >= _WINDOW_S:
            self._samples.popleft()
        since, before = self._samples[0]
        return (self.done_bytes - before) / (now - since) if now > since else 0.0

    def sentence(self, now: float) -> str:
        """Phase, bytes, share, rate and time left, as far as there is something to say."""
        rate = self.rate(now)
        if not self.total_bytes:
            return self.phase
        share = min(self.done_bytes / self.total_bytes, 1.0)
        told = f"{self.phase}: {shown(self.done_bytes)} of {shown(self.total_bytes)}, {share:.0%}"
        if rate > 0:
            left_s = max(self.total_bytes - self.done_bytes, 0) / rate
            told += f", {shown(int(rate))}/s, {_time(left_s)} left"
        return told


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
