from tests.session.lines import run_line
from voxy.session.flow import Flow
from voxy.session.quality import ANY, LOSSLESS, QUALITIES


def test_what_a_person_chose_bounds_the_quality() -> None:
    flow = Flow()
    run_line(flow, bytes_s=1e8, delay_s=0.001, size=10_000, updates=200)
    assert flow.quality.jpeg_for(1000) == flow.quality.jpeg == QUALITIES[-1]
    assert flow.quality.film_bytes_s == flow.line.bytes_s
    flow.quality.level = "light"
    assert flow.quality.jpeg_for(1000) == flow.quality.jpeg == QUALITIES[0]
    assert flow.quality.film_bytes_s < flow.line.bytes_s / 10
    flow.quality.level = "exact"
    assert flow.quality.jpeg_for(1000) == flow.quality.jpeg == LOSSLESS


def test_pictures_get_coarser_on_a_slow_line_and_finer_on_a_fast_one() -> None:
    slow, fast = Flow(), Flow()
    run_line(slow, bytes_s=1e5, delay_s=0.02, size=50_000, updates=20)
    run_line(fast, bytes_s=1e8, delay_s=0.001, size=50_000, updates=50)
    assert slow.quality.jpeg == QUALITIES[0]
    assert fast.quality.jpeg == QUALITIES[-1]


def test_only_so_much_text_is_exact_as_a_slow_line_carries_soon() -> None:
    slow, fast = Flow(), Flow()
    run_line(slow, bytes_s=250_000, delay_s=0.05, size=30_000, updates=20)
    run_line(fast, bytes_s=1e8, delay_s=0.001, size=2_000, updates=50)
    assert slow.quality.most_text in (32768, 65536)
    assert fast.quality.most_text == ANY, "that little was sent says nothing of the line"
    run_line(slow, bytes_s=250_000, delay_s=0.05, size=1_000, updates=100, start=100.0)
    assert slow.quality.most_text in (32768, 65536), "that little was quick says nothing of what is much"
    run_line(slow, bytes_s=1e8, delay_s=0.001, size=200_000, updates=50, start=200.0)
    assert slow.quality.most_text == ANY, "it is another line now"
    slow.quality.level = "exact"
    assert slow.quality.most_text == ANY


def test_a_big_picture_is_coarser_on_a_slow_line_and_a_small_one_is_not() -> None:
    flow = Flow()
    assert flow.quality.jpeg_for(2_000_000) == QUALITIES[0], "nothing is known yet"
    run_line(flow, bytes_s=250_000, delay_s=0.02, size=2_000, updates=200)
    assert flow.quality.jpeg_for(900_000) == QUALITIES[0]
    assert flow.quality.jpeg_for(60_000) == flow.quality.jpeg > QUALITIES[0]
