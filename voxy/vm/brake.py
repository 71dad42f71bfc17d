"""Brake: slows a guest down that writes faster than the line to its new host carries, and lets go of it again."""

import contextlib
from collections.abc import Callable

from voxy.errors import MachineError
from voxy.vm.engine import Guest
from voxy.vm.qmp import CommandRefused
from voxy.vm.sizes import shown

DOWNTIME_MS = 150
_DOWNTIME_MOST_MS = 4800
_REST_S = DOWNTIME_MS / 1000
"""What is left of the disk when the guest is halted should take no longer than that."""

_JUDGE_S = 3.0
"""Over how long one looks before one slows down, or slows down more."""

_PATIENCE_S = 30.0
"""A disk that will have arrived by itself in so many seconds is let be."""

_SLOWEST_BYTES = 64 << 10
_PAGE_BYTES = 4096
_FIRST_PERCENT, _MORE_PERCENT, _MOST_PERCENT = 20, 20, 90
"""How much of its time the guest's CPU is kept from working, when its memory changes too fast."""

PARAMETERS = {
    "cpu-throttle-initial": _FIRST_PERCENT,
    "cpu-throttle-increment": _MORE_PERCENT,
    "max-cpu-throttle": _MOST_PERCENT,
    "downtime-limit": DOWNTIME_MS,
}
"""What QEMU is told before the move, with the capability auto-converge."""


class Brake:
    """Watches one move of `guest`; `note` is told what it does, for who waits."""

    def __init__(self, guest: Guest, note: Callable[[str], None]) -> None:
        self._guest = guest
        self._note = note
        self._write_limit = 0
        self._disk: tuple[float, int, int] | None = None
        self._throttled_at: float | None = None
        self._downtime_ms = DOWNTIME_MS
        self._is_held = self._is_clear = self._is_mirrored = False

    def mirrored(self) -> None:
        """The disk has been the same on both sides for once, as QEMU wants it: a little may be left from now on."""
        self._is_mirrored = True

    async def watch_disk(self, done_bytes: int, left_bytes: int, now: float) -> None:
        """Limit what the guest writes to its disk, where what is left to send doesn't become less."""
        if self._disk is None:
            self._disk = now, done_bytes, left_bytes
            return
        since, done_before, left_before = self._disk
        if now - since < _JUDGE_S:
            return
        self._disk = now, done_bytes, left_bytes
        rate, shrinking = (done_bytes - done_before) / (now - since), (left_before - left_bytes) / (now - since)
        enough = rate * _REST_S if self._is_mirrored else 0
        if left_bytes > enough and left_bytes > shrinking * _PATIENCE_S:
            await self._slow_disk(rate)

    async def _slow_disk(self, line_rate: float) -> None:
        limit = max(int(min(line_rate, self._write_limit or line_rate) / 2), _SLOWEST_BYTES)
        if limit == self._write_limit:
            return
        self._write_limit = limit
        await limit_writes(self._guest, limit)
        self._note(f"{self._guest.name} writes faster than the line carries: it may write {shown(limit)}/s meanwhile.")

    async def watch_memory(self, throttle_percent: int, now: float) -> None:
        """Where QEMU slows the guest's CPU down as far as it may, in vain, let it be halted for longer."""
        if throttle_percent and self._throttled_at is None:
            self._throttled_at = now
            self._note(f"{self._guest.name} changes its memory faster than the line carries: its CPU is slowed down.")
        if throttle_percent < _MOST_PERCENT or self._throttled_at is None or now - self._throttled_at < _JUDGE_S:
            return
        if self._downtime_ms >= _DOWNTIME_MOST_MS:
            if now - self._throttled_at > _PATIENCE_S:
                raise MachineError(
                    f"{self._guest.name} changes its memory faster than the line carries, slowed down as it is: "
                    "move it when it has less to do."
                )
            return
        self._throttled_at = now
        self._downtime_ms *= 2
        await self._tell()
        self._note(f"That isn't enough: {self._guest.name} may be halted for {self._downtime_ms / 1000:.1f} s.")

    async def let_halt(self, is_held: bool) -> None:
        """Whether those who look at the guest hold what they type: QEMU may halt it then, where the line is clear."""
        self._is_held = is_held
        await self._tell()

    async def clear(self, is_clear: bool) -> None:
        """Whether what QEMU has sent has left this host, or nearly."""
        if is_clear != self._is_clear:
            self._is_clear = is_clear
            await self._tell()

    async def _tell(self) -> None:
        """Whether QEMU may halt the guest while there is anything to send yet."""
        limit = self._downtime_ms if self._is_held and self._is_clear else 0
        await self._guest.monitor.execute("migrate-set-parameters", {"downtime-limit": limit})


async def limit_writes(guest: Guest, bytes_per_s: int) -> None:
    """Let a guest write so much to its disk in a second; 0 for all that it likes."""
    said = dict.fromkeys(("bps", "bps_rd", "iops", "iops_rd", "iops_wr"), 0)
    # Each small write has a whole page sent.
    said |= {"bps_wr": bytes_per_s, "iops_wr": -(-bytes_per_s // _PAGE_BYTES)}
    for disk in await guest.monitor.execute("query-block"):
        if "inserted" in disk and disk.get("qdev"):
            with contextlib.suppress(CommandRefused):
                await guest.monitor.execute("block_set_io_throttle", {"id": disk["qdev"], **said})
