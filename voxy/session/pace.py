"""Pace: how fast one viewer's messages are taken, so that a flood of them is nobody else's trouble."""

_RATE = 500.0
"""Messages a second, once a burst is over; hands and acknowledgements of 60 pictures a second are less.

A flood takes 0.06 to 0.08 cores so, until the X server has it.
"""

_BURST = 1000.0

_LEAST_REST_S = 0.02
"""Seconds: to wake for each message would cost more than the message, and of motions that come together one is left."""


class Pace:
    """A bucket of tokens. Nothing is left out: who says more waits, and with it all that it says."""

    def __init__(self, now: float) -> None:
        self._left = _BURST
        self._at = now

    def rest(self, now: float, weight: float = 1.0) -> float:
        """Note what was taken; the seconds until more is."""
        self._left = min(_BURST, self._left + (now - self._at) * _RATE) - weight
        self._at = now
        rest_s = -self._left / _RATE
        return rest_s if rest_s >= _LEAST_REST_S else 0.0
