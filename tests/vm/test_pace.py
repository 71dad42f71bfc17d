"""Memory is sent as fast as the line carries it, and a guest may be halted when little of it waits."""

from collections import deque

import pytest

from tests.line import Line
from tests.vm.hosts import Host
from tests.vm.journeys import check_stopped, downtimes, started, until_counted
from tests.vm.test_flight import pytestmark
from voxy.vm.identity import Known
from voxy.vm.pace import PERIOD_S, Pace

__all__ = ["pytestmark"]

_STEP_S = PERIOD_S / 10


class FakeLine:
    """A line, and a QEMU that sends as fast as it is told to, in bursts as it does."""

    def __init__(self, bytes_per_s: float, round_trip_s: float, buffers: float = 1e12) -> None:
        self._step_bytes = bytes_per_s * _STEP_S
        self._round_trip_s = round_trip_s
        self._buffers = buffers
        self._waiting = self._sent = 0.0
        self._pings: deque[tuple[float, bytes]] = deque()
        self._pongs: deque[tuple[float, bytes]] = deque()
        self.pace = Pace()
        self.steps = 0
        self.clear_waits: list[float] = []
        """The bytes that waited when the line was said to be clear."""

    def run(self, seconds: float, wanted_bytes_per_s: float = 1e12) -> float:
        """How many bytes a second were carried."""
        began = self._sent - self._waiting
        for _ in range(round(seconds / _STEP_S)):
            self.steps += 1
            now = self.steps * _STEP_S
            if self.steps % 5 == 1:
                self._pings.append((self._sent, self.pace.ping(now)))
            if self.steps % 10 == 1:
                burst = min(self.pace.bytes_per_s, wanted_bytes_per_s) * PERIOD_S
                burst = min(burst, max(self._buffers - self._waiting, 0))
                self._sent, self._waiting = self._sent + burst, self._waiting + burst
                self.pace.send(int(burst))
            self._waiting = max(self._waiting - self._step_bytes, 0)
            while self._pings and self._pings[0][0] <= self._sent - self._waiting:
                self._pongs.append((now + self._round_trip_s, self._pings.popleft()[1]))
            while self._pongs and self._pongs[0][0] <= now:
                self.pace.pong(self._pongs.popleft()[1], now)
            if self.steps % 10 == 5:
                self.pace.look(now)
                if self.pace.is_clear:
                    self.clear_waits.append(self._waiting)
        return (self._sent - self._waiting - began) / seconds


@pytest.mark.parametrize("bytes_per_s", [1e5, 1e6, 1e7, 1e9])
@pytest.mark.parametrize("round_trip_s", [0.001, 0.04, 0.3])
def test_a_line_is_used_and_little_waits_before_it(bytes_per_s: float, round_trip_s: float) -> None:
    line = FakeLine(bytes_per_s, round_trip_s, buffers=7e5)
    line.run(10)
    line.clear_waits.clear()
    assert line.run(20) > 0.7 * min(bytes_per_s, 7e5 / PERIOD_S)
    assert len(line.clear_waits) > 50
    assert max(line.clear_waits) < bytes_per_s * (0.2 + round_trip_s)


def test_nothing_is_clear_before_a_ping_that_went_after_memory_has_come_back() -> None:
    line = FakeLine(1e6, 0.01, buffers=7e5)
    line.run(PERIOD_S / 2)
    assert not line.pace.is_clear
    line.run(0.3)
    assert not line.pace.is_clear, "4 MB/s have filled a line of 1 MB/s"
    line.run(2)
    assert line.clear_waits


def test_a_guest_with_little_to_send_isnt_taken_for_a_slow_line() -> None:
    line = FakeLine(1e8, 0.01)
    line.run(2, wanted_bytes_per_s=1e4)
    assert line.pace.is_clear
    assert line.pace.bytes_per_s > 1e8


def test_a_line_that_has_become_slower_is_known_for_it() -> None:
    line = FakeLine(1e7, 0.01, buffers=7e5)
    line.run(5)
    line._step_bytes = 1e5 * _STEP_S
    line.run(10)
    line.clear_waits.clear()
    line.run(10)
    assert line.pace.bytes_per_s < 3e5
    assert max(line.clear_waits) < 1e5 * 0.25


def test_pongs_that_nobody_asked_for_change_nothing() -> None:
    pace = Pace()
    for said in (b"", b"?", b"\xff" * 8):
        pace.pong(said, 1.0)
        pace.look(2.0)
    assert not pace.is_clear
    assert pace.bytes_per_s == Pace().bytes_per_s


async def test_over_a_slow_line_with_a_router_a_guest_is_halted_briefly(a: Host, b: Host) -> None:
    async with Line(b.port, mbit_s=8, delay_ms=20).open() as port:
        a.identity.learn(Known(b.name, b.identity.certificate, f"127.0.0.1:{port}"))
        with downtimes() as took:
            async with started(a, b):
                assert await a.move("desk", b)
                await until_counted(b, 8)
                await check_stopped(b)
    print(f"Halted {took[0]:.2f} s over 8 Mbit/s with 20 ms each way.")
    # Six ways there and back alone take 0.24 s.
    assert took[0] < 0.6
