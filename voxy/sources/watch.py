"""Watch: notices, on the loop's side, that a server which somebody waits for doesn't answer."""

import asyncio
import math
import time
from collections.abc import Callable

_PING_S = 1.0
"""Seconds of waiting after which the server is asked for a sign of life, and between two of those."""

_ANSWER_S = 0.4
"""Seconds that it has to answer."""


class Watch:
    """`ping` asks for a sign of life, which is to be given to `take_answer`; `tell` hears True when none comes in
    time, and False when one comes after all. Nothing is asked while nobody waits.
    """

    def __init__(self, ping: Callable[[], None], tell: Callable[[bool], None]) -> None:
        self._ping = ping
        self._tell = tell
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = 0
        self._is_asked = False
        self._is_used = False
        self._is_stalled = False
        self._answered_at = -math.inf

    def __enter__(self) -> None:
        """Somebody waits from here on, until the context ends."""
        self._waiting += 1
        self.note_use()

    def __exit__(self, *_: object) -> None:
        self._waiting -= 1

    def note_use(self) -> None:
        """Something was sent: see that it arrives."""
        self._is_used = True
        if self._timer is None and not self._is_asked:
            self._set_timer(_PING_S, self._ask)

    def take_answer(self) -> None:
        self._answered_at = time.monotonic()
        self._set_stalled(False)
        if self._is_asked:
            self._is_asked = False
            self._set_timer(_PING_S, self._ask)

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _ask(self) -> None:
        self._timer = None
        if not self._waiting and not self._is_used:
            return
        # Answers come much oftener than that: what each would put off is looked at when it is due.
        if (rest_s := self._answered_at + _PING_S - time.monotonic()) > 0:
            self._set_timer(rest_s, self._ask)
            return
        self._is_used, self._is_asked = False, True
        self._set_timer(_ANSWER_S, self._miss)
        self._ping()

    def _miss(self) -> None:
        self._timer = None
        self._set_stalled(True)

    def _set_timer(self, delay_s: float, function: Callable[[], None]) -> None:
        self.stop()
        self._timer = asyncio.get_running_loop().call_later(delay_s, function)

    def _set_stalled(self, is_stalled: bool) -> None:
        if is_stalled != self._is_stalled:
            self._is_stalled = is_stalled
            self._tell(is_stalled)
