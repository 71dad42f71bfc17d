"""A flow and a server side of the same make, talking to each other without any I/O."""

from dataclasses import dataclass, field
from typing import Generic

from voxy.sources.vnc.steps import Flow, Read, Send, StartTls, Step, T

_MOST_READ_BYTES = 1 << 16  # what a driver may be asked to wait for during a handshake


class ServerSilent(Exception):
    """The client waits for what the server doesn't say."""


@dataclass
class Conversation(Generic[T]):
    """How it went: the client's result, the TLS that each side started, and what the other didn't read of each."""

    result: T
    tls: list[str]
    server_tls: list[str]
    unread: bytes
    unheard: bytes


@dataclass
class _Party(Generic[T]):
    flow: Flow[T]
    inbox: bytearray = field(default_factory=bytearray)
    tls: list[str] = field(default_factory=list)
    step: Step | None = None
    results: list[T] = field(default_factory=list)

    def advance(self, peer: "_Party") -> bool:
        """Go on until the next step waits for bytes that aren't there; whether anything was done."""
        is_moving = False
        while not self.results:
            answer = b""
            match self.step:
                case Read(size):
                    assert size <= _MOST_READ_BYTES
                    if len(self.inbox) < size:
                        return is_moving
                    answer = bytes(self.inbox[:size])
                    del self.inbox[:size]
                case Send(data):
                    peer.inbox += data
                case StartTls(kind):
                    self.tls.append(kind)
            is_moving = True
            try:
                self.step = next(self.flow) if self.step is None else self.flow.send(answer)
            except StopIteration as stop:
                self.results.append(stop.value)
        return is_moving


def converse(client: Flow[T], server: Flow[object]) -> Conversation[T]:
    """Let the two talk until the client is done and the server waits."""
    here, there = _Party(client), _Party(server)
    while here.advance(there) | there.advance(here):
        pass
    if not here.results:
        raise ServerSilent(f"the client waits in {here.step}, the server in {there.step}")
    return Conversation(here.results[0], here.tls, there.tls, bytes(here.inbox), bytes(there.inbox))


def says(*parts: bytes) -> Flow[None]:
    """A server that just talks."""
    for part in parts:
        yield Send(part)
