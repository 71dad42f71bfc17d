"""How far a move is: in numbers that make sense, on terminals and in logs."""

import contextlib
import io
import os
import pty
import re

import pytest

from voxy.vm.progress import Phase, Progress
from voxy.vm.report import Report
from voxy.vm.sizes import shown

MIB = 1 << 20


def test_a_phase_says_bytes_share_rate_and_time_left() -> None:
    progress = Progress()
    progress.enter(Phase.LAYERS, 400 * MIB)
    assert progress.sentence(0.0) == "sending layers: 0 B of 400 MiB, 0%"
    progress.add(40 * MIB)
    assert progress.sentence(2.0) == "sending layers: 40 MiB of 400 MiB, 10%, 20 MiB/s, 18 s left"


def test_the_rate_is_todays() -> None:
    progress = Progress()
    progress.enter(Phase.LAYERS, 4000 * MIB)
    for second in range(60):
        progress.add((100 if second < 30 else 1) * MIB)
        progress.rate(float(second))
    assert progress.rate(59.0) == MIB


def test_another_phase_begins_anew() -> None:
    progress = Progress()
    progress.enter(Phase.LAYERS, 10 * MIB)
    progress.add(10 * MIB)
    progress.rate(1.0)
    progress.enter(Phase.MEMORY)
    assert progress.sentence(2.0) == "sending memory"
    progress.reach(1 * MIB, 65 * MIB)
    assert progress.sentence(3.0) == "sending memory: 1 MiB of 65 MiB, 2%, 1 MiB/s, 1 min 4 s left"


def test_all_that_there_is_is_told_as_it_comes() -> None:
    told: list[tuple[str, int]] = []
    progress = Progress(lambda now: told.append((now.phase, now.done_bytes)))
    progress.enter(Phase.LAYERS, 7)
    progress.add(3)
    progress.add(4)
    assert told == [("sending layers", 0), ("sending layers", 3), ("sending layers", 7)]


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1 << 20, "1 MiB"), (1500 << 20, "1.46 GiB")])
def test_sizes_are_read_at_a_glance(size: int, text: str) -> None:
    assert shown(size) == text


def test_a_log_gets_a_line_for_each_phase_and_one_every_ten_seconds() -> None:
    stream, now = io.StringIO(), 0.0
    report = Report(stream, lambda: now)
    progress = Progress(report.tell, report.note)
    progress.enter(Phase.ASKING)
    progress.enter(Phase.LAYERS, 100 * MIB)
    for _ in range(24):
        now += 1.0
        progress.add(MIB)
    progress.note("It is slowed down.")
    report.close()
    assert stream.getvalue().splitlines() == [
        "Asking.",
        "Sending layers: 0 B of 100 MiB, 0%.",
        "Sending layers: 10 MiB of 100 MiB, 10%, 1 MiB/s, 1 min 30 s left.",
        "Sending layers: 20 MiB of 100 MiB, 20%, 1 MiB/s, 1 min 20 s left.",
        "It is slowed down.",
    ]


def test_a_terminal_gets_one_line_that_changes_and_is_gone_in_the_end() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        now = 0.0
        report = Report(stream, lambda: now)
        progress = Progress(report.tell, report.note)
        progress.enter(Phase.LAYERS, 100 * MIB)
        for _ in range(100):
            now += 0.01
            progress.add(MIB)
        progress.note("It is slowed down.")
        report.close()
    shown_there = b""
    with contextlib.suppress(OSError):  # at the end
        while data := os.read(ours, 4096):
            shown_there += data
    os.close(ours)
    lines = shown_there.decode().split("\r\x1b[K")
    assert 5 <= len([line for line in lines if line.startswith("Sending layers: ")]) <= 7
    assert [line for line in lines if "\n" in line] == ["It is slowed down.\r\n"]
    assert lines[-1] == ""
    assert all(len(re.sub(r"\s", "", line)) < 80 for line in lines)


def test_who_wants_quiet_gets_nothing() -> None:
    progress = Progress(Report(None).tell, Report(None).note)
    progress.enter(Phase.LAYERS, 5)
    progress.note("It is slowed down.")
