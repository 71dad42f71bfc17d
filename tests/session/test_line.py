from tests.session.lines import fast, run_line
from voxy.session.flow import Flow


def test_what_is_little_does_not_make_a_line_seem_slow() -> None:
    flow = fast()
    known = flow.line.bytes_s
    for seq in range(2, 100):
        flow.sent(seq, 100, seq)
        flow.acked(seq, seq + 0.03)
    assert flow.line.bytes_s == known
    flow.sent(100, 100_000, 100.0)
    flow.acked(100, 101.0)
    assert flow.line.bytes_s < known / 50, "what was much and late tells that it has become slow"


def test_what_is_big_tells_by_itself_that_a_line_is_fast() -> None:
    flow = Flow()
    flow.sent(0, 1, 0.0)
    flow.acked(0, 0.01)
    for seq in range(1, 10):
        flow.sent(seq, 20_000, seq / 2)
        flow.acked(seq, seq / 2 + 0.02)
    assert flow.line.bytes_s < 2_000_000
    flow.sent(10, 200_000, 5.0)
    flow.acked(10, 5.03)
    assert round(flow.line.bytes_s) == 9_999_950, "it took 20 ms longer than a byte"


def test_a_slow_line_seems_no_faster_where_nothing_is_little() -> None:
    flow = Flow()
    for seq in range(10):
        size = 100_000 if seq % 2 else 40_000
        flow.sent(seq, size, 2 * seq)
        flow.acked(seq, 2 * seq + size / 100_000 + 0.1)
    assert 90_000 < flow.line.bytes_s < 100_001


def test_bandwidth_and_round_trip_of_a_slow_line_are_found() -> None:
    flow = Flow()
    run_line(flow, bytes_s=1e6, delay_s=0.02, size=10_000, updates=200)
    assert 0.8e6 < flow.line.bytes_s < 1.2e6
    assert 0.045 < flow.line.min_rtt_s < 0.055
