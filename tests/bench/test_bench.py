"""The parts of the benchmark that need no browser: what a stamp means, what is counted, how it is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.analysis import Window, key_latencies_ms, percentile, whole_frames
from tests.bench.cases import Case, Failure, Line, Result
from tests.bench.report import to_markdown
from tests.bench.stamp import Stamp
from voxy.blocks import Size

CASE = Case("voxy", "scroll", Size(1920, 1080), Line(8, 20), seconds=4)
RESULT = Result(CASE, 20.4, None, 31, 45, frames_s=50, mbit_s=2.5, cores=0.5, pss_mb=140)


def word(ms: int, inputs: int = 0) -> int:
    return Stamp(ms, inputs).serialize()


@given(st.integers(0, 2**20 - 1), st.integers(0, 2**12 - 1))
def test_stamp_is_what_was_stamped(ms: int, inputs: int) -> None:
    assert Stamp.parse(word(ms, inputs)) == (ms, inputs)


@given(st.integers(0, 2**20 - 1), st.integers(0, 47))
def test_stamp_with_one_cell_wrong_is_none(ms: int, cell: int) -> None:
    assert Stamp.parse(word(ms) ^ 1 << cell) is None


def test_age_goes_over_the_turn_of_the_clock() -> None:
    assert Stamp(2**20 - 10, 0).age_ms(2**20 * 7 + 5) == 15
    assert Stamp(3, 0).age_ms(2**20 - 1) == -4


def test_torn_and_repeated_frames_do_not_count() -> None:
    samples = [(100.0, word(90), word(90)), (116.0, word(110), word(90)), (133.0, word(110), word(110))]
    samples += [(150.0, 0, word(110)), (166.0, word(110), word(110))]
    assert [(frame.seen_at, frame.age_ms) for frame in whole_frames(samples)] == [(100.0, 10), (133.0, 23)]


def test_keys_are_answered_by_counts_and_lost_ones_wait_until_the_end() -> None:
    samples = [(90.0, word(80, 4095), 0), (130.0, word(125, 1), 0)]
    window = Window(start=100, end=300, closed=400)
    assert key_latencies_ms(samples, [110, 120, 200], window) == [20, 10, 200]


def test_percentiles() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile(range(100), 0.95) == 95


def test_line_is_read() -> None:
    assert Line.parse("8/20") == Line(8, 20)
    assert str(Line.parse("fast")) == "fast line"
    with pytest.raises(ValueError, match="MBIT_S"):
        Line.parse("slow")


def test_report_tells_numbers_and_reasons() -> None:
    report = to_markdown("Here.", [RESULT, Failure(CASE, "no | picture")], [RESULT], ["Xpra: xpra is not installed"])
    assert "## 8 Mbit/s, 20 ms each way, 1920x1080" in report
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in report.splitlines() if "| VoXY" in line]
    assert cells[0] == ["scroll", "VoXY", "20", "–", "31", "45", "50.0", "2.50", "0.50", "140"]
    assert cells[1][2] == "no / picture"
    assert cells[2] == ["1920x1080", "VoXY", "20.4", "–", "10.00", "6.25", "140"]
    assert "- Not measured: Xpra: xpra is not installed" in report
