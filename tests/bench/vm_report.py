"""What `make bench-vm` has measured, as a table and a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Leg:
    """One move: what was rewritten before it, and what it took."""

    share: float
    written_bytes: int
    line_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Full:
    """A full copy, or the beginning of one."""

    disk_bytes: int
    sent_bytes: int
    seconds: float

    @property
    def whole_seconds(self) -> float:
        return self.seconds * self.disk_bytes / self.sent_bytes


@dataclass(frozen=True, slots=True)
class Speed:
    """Writes of 4 KiB a second by the guest."""

    before: float
    first_pass: float
    second_pass: float

    def __str__(self) -> str:
        return (
            f"Writes/s of the guest: {self.before:.0f} before the first freeze; after it {self.first_pass:.0f} to "
            f"blocks that it writes for the first time, {self.second_pass:.0f} when it writes them again."
        )


def table(full: Full, legs: Sequence[Leg], mbit_s: float) -> str:
    """The moves in Markdown; what one with nothing rewritten sends is the machine's memory, above all."""
    part = full.sent_bytes / full.disk_bytes
    how = "." if part > 0.99 else f", computed from the first {part:.0%} of it, in {full.seconds:.0f} s."
    lines = [
        f"{full.disk_bytes / MIB:.0f} MiB of disk, a line of {mbit_s:.0f} Mbit/s. "
        f"Full copy: {full.whole_seconds:.0f} s{how}",
        "",
        "| rewritten, in random 4-KiB blocks | MB written | MB on the line | without memory: times written | s "
        "| part of a full copy's time |",
        "|---|---|---|---|---|---|",
    ]
    for leg in legs:
        factor = (leg.line_bytes - legs[0].line_bytes) / leg.written_bytes if leg.written_bytes else None
        cells = [f"{leg.share * 100:.4g} %", f"{leg.written_bytes / 1e6:.1f}", f"{leg.line_bytes / 1e6:.1f}"]
        cells += ["" if factor is None else f"{factor:.2f}", f"{leg.seconds:.1f}"]
        lines.append(f"| {' | '.join(cells)} | 1/{full.whole_seconds / leg.seconds:.0f} |")
    return "\n".join(lines)


def draw(full: Full, legs: Sequence[Leg], path: Path) -> None:
    """Bytes and seconds over the share that was rewritten, with what a full copy takes."""
    shares = [leg.share * 100 for leg in legs if leg.share]
    shown = [leg for leg in legs if leg.share]
    figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    rows = (
        ("MB on the line", [leg.line_bytes / 1e6 for leg in shown], full.disk_bytes / 1e6),
        ("seconds", [leg.seconds for leg in shown], full.whole_seconds),
    )
    for panel, (title, values, whole) in zip(panels, rows, strict=True):
        panel.loglog(shares, values, "o-", color="#0b6e99", label="move to a host that has the older copy")
        panel.axhline(whole, color="#e08e2b", label="full copy")
        if title.startswith("MB"):
            written = [leg.written_bytes / 1e6 for leg in shown]
            panel.loglog(shares, written, ":", color="#8c8c8c", label="what was written")
        panel.set_xticks(shares, [f"{share:g}" for share in shares])
        panel.minorticks_off()
        panel.set_xlabel("% of the disk rewritten")
        panel.set_title(title)
        panel.grid(color="#dddddd")
        panel.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def downtime_told(name: str, took: Sequence[float]) -> str:
    middle = sorted(took)[len(took) // 2]
    return f"Halted, {name}: {middle:.2f} s (median of {len(took)}; {min(took):.2f} to {max(took):.2f})."
