import pytest

from voxy.session.meter import Meter, Stages


def stages(encoded_at: float = 1.0) -> Stages:
    return Stages(0.002, 0.001, encoded_at - 0.004, encoded_at)


def test_stages_of_the_update_painted_last() -> None:
    meter = Meter()
    assert meter.last is None
    meter.sent(7, 500, stages(1.0), 1.003)
    assert meter.acked(7, 1.023)
    shown = meter.last
    assert shown is not None
    assert shown.sent.seq == 7
    assert shown.encode_s == pytest.approx(0.004)
    assert shown.send_s == pytest.approx(0.003)
    assert shown.ack_s == pytest.approx(0.02)


def test_an_acknowledgement_counts_for_all_updates_before_it() -> None:
    meter = Meter()
    for seq in (1, 4, 6):
        meter.sent(seq, 1000, stages(), 1.0)
    assert meter.acked(4, 1.5)
    assert (meter.frames_s(1.5), meter.bytes_s(1.5)) == (1.0, 1000.0)
    assert meter.last is not None
    assert meter.last.sent.seq == 4


def test_an_acknowledgement_of_nothing_is_no_news() -> None:
    meter = Meter()
    assert not meter.acked(0, 1.0)
    meter.sent(3, 1000, stages(), 1.0)
    assert not meter.acked(2, 1.0)
    assert meter.last is None


def test_rates_are_of_the_last_two_seconds() -> None:
    meter = Meter()
    for seq in range(100):
        meter.sent(seq, 1000, stages(), seq * 0.1)
        meter.acked(seq, seq * 0.1)
    assert meter.frames_s(9.9) == pytest.approx(10, abs=0.5)
    assert meter.frames_s(11.0) == pytest.approx(4.5, abs=0.5)
    assert (meter.frames_s(20.0), meter.bytes_s(20.0)) == (0.0, 0.0)
