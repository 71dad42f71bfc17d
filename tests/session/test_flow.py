from math import inf

from tests.session.lines import fast, run_line, slow
from voxy.session.flow import Flow


def test_first_update_always_has_room() -> None:
    assert Flow().room(0.0) > 0


def test_update_larger_than_the_window_waits_for_its_ack() -> None:
    flow = Flow()
    flow.sent(1, 10_000_000, 0.0)
    assert flow.room(0.1) == 0
    flow.acked(1, 1.0)
    assert flow.room(1.0) > 0


def test_line_is_not_idle_until_a_big_update_is_acknowledged() -> None:
    flow = slow()
    flow.sent(2, 50_000, 2.0)
    assert 2.45 < flow.room_at(2.0) < 2.5, "a little before all is on its way"
    assert flow.room(flow.room_at(2.0) - 0.001) == 0
    assert 0 < flow.room(2.5) <= flow.window_bytes
    flow.sent(3, 4000, 2.5)
    assert flow.room(2.5) == 0
    assert flow.room_at(2.5) > 2.5


def test_line_is_not_idle_after_two_updates_that_are_most_of_the_window() -> None:
    flow = slow()
    for seq in (2, 3):
        flow.sent(seq, int(0.6 * flow.window_bytes), 2.0)
    assert flow.room(2.0) == 0
    assert 2.1 < flow.room_at(2.0) < 2.16, "a little before all is on its way"
    assert flow.room(2.15) > 0


def test_next_update_is_made_while_the_line_is_busy() -> None:
    flow = slow()
    flow.sent(2, 50_000, 2.0, made_in_s=0.08)
    assert 2.38 < flow.room_at(2.0) < 2.4
    assert flow.room(2.4) > 0


def test_nothing_is_sent_after_a_big_update_that_is_late() -> None:
    flow = slow()
    flow.sent(2, 50_000, 2.0)
    assert flow.room(2.59) > 0
    assert flow.room(2.61) == 0
    assert flow.room_at(2.61) == inf, "nobody is to ask again until it is acknowledged"
    flow.sent(3, 50_000, 2.59)
    assert flow.room_at(2.59) == inf, "it is after the first is due"


def test_what_can_wait_fills_the_line_and_no_more() -> None:
    flow = slow()
    most = flow.spare(2.0)
    assert most == 3300, "what the line sends in 33 ms"
    assert flow.spare_at() < 2.0
    flow.sent(2, most, 2.0, is_new=False)
    assert flow.spare(2.01) == 0, "few at a time would be more updates than are shown"
    assert 2.02 < flow.spare_at() < 2.03
    assert 0.75 * most <= flow.spare(flow.spare_at() + 0.001) < most


def test_what_is_new_all_the_time_has_the_line_for_itself() -> None:
    flow = slow()
    for seq in range(2, 12):
        flow.sent(seq, 1000, seq / 50)
        flow.acked(seq, seq / 50 + 0.015)
        assert flow.spare(seq / 50 + 0.019) == 0
    assert flow.spare_at() > 12 / 50
    assert flow.spare(flow.spare_at()) > 0


def test_what_can_wait_soon_has_the_line_when_much_has_ended() -> None:
    flow = slow()
    for seq in range(2, 100):
        flow.sent(seq, 1800, seq / 50)
        flow.acked(seq, seq / 50 + 0.019)
    waits_s = flow.spare_at() - 99 / 50
    assert 0.03 < waits_s <= 2 * flow.window_bytes / flow.line.bytes_s + 1e-6


def test_what_can_wait_may_take_longer_where_the_line_is_not_slow() -> None:
    flow = fast()
    assert round(flow.spare(2.0), -3) == 660_000, "what the line sends in 66 ms"
    flow.sent(2, 660_000, 2.0, is_new=False)
    assert flow.spare(2.04) == 0
    assert 2.0493 < flow.spare_at() < 2.0497
    assert flow.spare(2.05) >= 495_000


def test_what_can_wait_is_not_sent_after_what_is_late() -> None:
    flow = slow()
    flow.sent(2, 3000, 2.0, is_new=False)
    assert flow.spare(2.12) == 3300
    assert flow.spare(2.14) == 0
    flow.acked(2, 2.2)
    assert flow.spare(2.2) > 0


def test_small_updates_are_counted_until_they_are_acknowledged() -> None:
    flow = slow()
    for seq in range(2, 6):
        flow.sent(seq, flow.window_bytes // 4 + 1, 2.0)
    assert flow.room(2.15) == 0
    assert flow.room_at(2.15) == inf


def test_no_more_updates_are_on_their_way_than_are_shown() -> None:
    flow = Flow()
    flow.sent(0, 1, 0.0)
    flow.acked(0, 0.005)
    for seq in (1, 2, 3):
        assert flow.room(1.0) > 0
        flow.sent(seq, 10, 1.0)
    assert flow.room(1.0) == flow.spare(1.1) == 0
    flow.acked(1, 1.01)
    assert flow.room(1.01) > 0


def test_ack_covers_all_before_it() -> None:
    flow = Flow()
    for seq in (3, 7, 9):
        flow.sent(seq, 100, 0.0)
    flow.acked(7, 0.1)
    assert flow.inflight_bytes == 100
    flow.acked(9, 0.1)
    assert flow.inflight_bytes == 0


def test_unknown_acks_change_nothing() -> None:
    flow = Flow()
    flow.sent(5, 100, 0.0)
    flow.acked(4, 0.1)
    assert flow.inflight_bytes == 100
    flow.acked(5, 0.1)
    flow.acked(5, 0.2)
    assert flow.inflight_bytes == 0


def test_what_is_on_its_way_stays_near_the_window() -> None:
    flow = Flow()
    most = run_line(flow, bytes_s=1e6, delay_s=0.02, size=10_000, updates=200)
    assert most <= 100_000
