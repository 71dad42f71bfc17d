"""Lines over which a flow sends, and flows that have measured one."""

from voxy.session.flow import Flow


def run_line(flow: Flow, bytes_s: float, delay_s: float, size: int, updates: int, start: float = 0.0) -> float:
    """Send whenever there is room over a line of this rate and delay; return the most bytes that were on their way."""
    now, free_at, most = start, start, 0
    acks: list[tuple[float, int]] = []
    for seq in range(updates):
        while flow.room(now) <= 0:
            now, acked = acks.pop(0)
            flow.acked(acked, now)
        flow.sent(seq, size, now)
        free_at = max(now, free_at) + size / bytes_s
        acks.append((free_at + 2 * delay_s, seq))
        most = max(most, flow.inflight_bytes)
        while acks and acks[0][0] <= now + 0.001:
            now, acked = acks.pop(0)
            flow.acked(acked, now)
        now += 0.001
    for now, acked in acks:
        flow.acked(acked, now)
    return most


def measured(bytes_s: int, rtt_s: float) -> Flow:
    """A flow that has measured this rate and round trip."""
    flow = Flow()
    flow.sent(0, 1, 0.0)
    flow.acked(0, rtt_s)
    flow.sent(1, bytes_s // 10 + 1, 1.0)
    flow.acked(1, 1.0 + (0.1 + rtt_s))
    assert (round(flow.line.bytes_s), round(flow.line.min_rtt_s, 6)) == (bytes_s, rtt_s)
    return flow


def slow() -> Flow:
    return measured(100_000, 0.1)


def fast() -> Flow:
    return measured(10_000_000, 0.01)
