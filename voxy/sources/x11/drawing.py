"""Drawing: when what a program draws may be grabbed, so that it is whole."""

import math

_PART_S = 0.002
"""Seconds after a grab in which more is drawn that belonged to it; programs that draw anew let more pass."""

_SETTLE_S = 0.0004
"""Seconds to wait for the rest of a drawing, where drawings come in parts."""

_WARY = 16
"""Grabs for which that is done after one that came too soon. Most programs draw all at once, and nothing waits."""


class Drawing:
    """What has been drawn and isn't grabbed yet. Times are seconds of any monotonic clock."""

    def __init__(self) -> None:
        self.begun_at: float | None = None
        """When it was noticed first."""
        self._grabbed_at = -math.inf
        self._wary = 0

    def note(self, now: float) -> None:
        """Something was drawn."""
        if self.begun_at is None:
            self.begun_at = now
            if now < self._grabbed_at + _PART_S:
                self._wary = _WARY

    @property
    def ready_at(self) -> float:
        """When to grab it; infinity where there is nothing to grab."""
        if self.begun_at is None:
            return math.inf
        return self.begun_at + _SETTLE_S if self._wary else self.begun_at

    def begin(self) -> float:
        """It is being grabbed, and what is drawn from now on is another; when it began."""
        begun_at, self.begun_at = self.begun_at or 0.0, None
        self._wary = max(0, self._wary - 1)
        return begun_at

    def end(self, now: float) -> None:
        """It was grabbed."""
        self._grabbed_at = now
