"""Drives a flow from bytes that are there."""

from voxy.sources.vnc.steps import MOST_BORROWED, Borrow, Flow, Read, Send, T

MOST = 1 << 27
"""Bytes of one step; nothing honest needs more."""


def pump(flow: Flow[T], data: bytes) -> tuple[T, bytes]:
    """A flow's result, and what it sent; EOFError where it wants more than there is."""
    at, sent = 0, b""
    step = next(flow)
    while True:
        given = b""
        if isinstance(step, Read | Borrow):
            assert 0 <= step.size <= (MOST if isinstance(step, Read) else MOST_BORROWED), (
                "a flow that waits for more than it may"
            )
            given = data[at : at + step.size]
            if len(given) < step.size:
                raise EOFError
            at += step.size
        elif isinstance(step, Send):
            sent += step.data
        try:
            step = flow.send(given)
        except StopIteration as end:
            assert at == len(data), f"{len(data) - at} bytes are left"
            return end.value, sent
