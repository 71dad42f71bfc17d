"""PeerClient: another host's agent, as one who moves a machine there talks to it."""

import asyncio
import hmac
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from voxy.errors import MachineError
from voxy.values import Listen
from voxy.vm.agent import OTHER_BYTES_STATUS, PairAnswer, PairRequest
from voxy.vm.arrival import PROTOCOL, Answer, Commit, Cut, Offer, Step, other_version
from voxy.vm.freight import SILENCE_S, pack
from voxy.vm.identity import Identity, Known, fingerprint, new_salt, proof
from voxy.vm.images import used_bytes
from voxy.vm.progress import Progress
from voxy.vm.state import Boundary, Layer
from voxy.vm.tunnel import HEARTBEAT_S, MESSAGE_MOST_BYTES, WAITING_BYTES

_CONNECT_S = 10.0
_ANSWER_S = 25.0
_KEPT_S = 60.0
_FORGET_S = 5.0
"""A host that doesn't answer learns from the next offer that a move is over."""

_ALIVE_S, _ALIVE_TRIES = 5, 3
"""How often a host that has long to do is asked by the system, and how often in vain, until the line to it is given up:
a cable that was pulled says nothing."""

_PIECE_BYTES = 1 << 16
_ANSWER_MOST_BYTES = 1 << 20
_CLOCK_FAULTS = {9, 10}
"""OpenSSL's numbers for a certificate that isn't valid yet, or not any more."""

_CHECKED_BYTES_PER_S = 20e6
"""What the slowest disk reads, when the other side compares a layer with its checksum."""


class PeerGone(MachineError):
    """Another host that gives no answer; whether it did what was asked is not known."""


class PeerRefused(MachineError):
    """Another host that answers that it won't."""


class PeerGotOther(PeerRefused):
    """Another host to which a layer came with other bytes than it should have."""


class PeerClient:
    """Requests to the host `known`, for one machine."""

    def __init__(self, identity: Identity, known: Known, uuid: str) -> None:
        if not known.address:
            raise MachineError(f"Nobody has said where {known.name} listens: voxy vm pair ADDRESS:PORT.")
        self.known = known
        self._url = f"https://{known.address}/v1/machines/{uuid}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S)
        # Kept while memory is sent, so that the commit needn't begin with a handshake.
        connector = aiohttp.TCPConnector(
            ssl=identity.client_tls(known), keepalive_timeout=_KEPT_S, socket_factory=_watched_socket
        )
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def offer(self, offer: Offer) -> Answer:
        try:
            answer = msgspec.json.decode(await self._post("offer", offer), type=Answer)
        except msgspec.DecodeError:
            raise PeerRefused(f"{self.known.name} answers what can't be read: use the same VoXY on both.") from None
        if answer.protocol != PROTOCOL:
            raise PeerRefused(f"{self.known.name}: {other_version(there=answer.protocol, here=PROTOCOL)}.")
        return answer

    async def cut(self, cut: Cut) -> None:
        await self._post("cut", cut)

    async def commit(self, commit: Commit) -> None:
        await self._post("commit", commit)

    async def prepare(self, step: Step) -> None:
        await self._post("prepare", step)

    async def abort(self, step: Step) -> None:
        await self._post("abort", step, _FORGET_S)

    async def tunnel(self, name: str) -> aiohttp.ClientWebSocketResponse:
        """A line to a socket of the QEMU that waits there; whoever reads it has pings and pongs too."""
        line = await self._session.ws_connect(
            f"{self._url}/tunnel/{name}", heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_MOST_BYTES, autoping=False
        )
        # asyncio would keep half a megabyte; aiohttp has no public way to tell it.
        if (connection := line._response.connection) and connection.transport:
            connection.transport.set_write_buffer_limits(high=WAITING_BYTES)
        return line

    async def window(self, part: str, had: Boundary) -> aiohttp.ClientWebSocketResponse:
        """A line to a machine's `news` or its `tunnel/screen`, for those who have had it up to there."""
        name, url = self.known.name, f"{self._url}/{part}?had={had.id}"
        try:
            return await self._session.ws_connect(url, heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_MOST_BYTES)
        except aiohttp.WSServerHandshakeError as error:
            raise PeerRefused(f"{name} doesn't show it ({error.status}).") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._gone(error) from None

    async def send(self, move: str, layer: Layer, path: Path, offset: int, progress: Progress) -> int:
        """Send a layer's file from `offset` on; how many bytes that took."""
        assert layer.ends
        query = {"move": move, "generation": layer.ends.generation, "sha256": layer.sha256}
        query |= {"bytes": layer.bytes, "offset": offset}
        wire_bytes = 0

        async def pieces(limit: asyncio.Timeout) -> AsyncIterator[bytes]:
            nonlocal wire_bytes
            async for record in pack(path, offset, layer.bytes):
                for start in range(0, len(record.wire), _PIECE_BYTES):
                    _extend(limit, SILENCE_S)
                    yield record.wire[start : start + _PIECE_BYTES]
                wire_bytes += len(record.wire)
                progress.add(record.data_bytes)
            _extend(limit, _ANSWER_S + used_bytes(path) / _CHECKED_BYTES_PER_S)

        limit = asyncio.timeout(_ANSWER_S)
        await self._request("PUT", f"layers/{layer.ends.id}", limit, params=query, data=pieces(limit))
        return wire_bytes

    async def _post(self, path: str, said: msgspec.Struct, within_s: float = 0.0) -> bytes:
        return await self._request("POST", path, asyncio.timeout(within_s or _ANSWER_S), data=msgspec.json.encode(said))

    async def _request(self, method: str, path: str, limit: asyncio.Timeout, **body: Any) -> bytes:
        name = self.known.name
        try:
            async with limit, self._session.request(method, f"{self._url}/{path}", **body) as response:
                said = await _all(response)
        except aiohttp.ClientConnectorCertificateError as error:
            if getattr(error.certificate_error, "verify_code", 0) in _CLOCK_FAULTS:
                raise PeerRefused(
                    f"The certificate of {name} is of another time: set the clocks of both right."
                ) from None
            raise PeerRefused(f"The host at {self.known.address} is not {name}: its certificate is another.") from None
        except TimeoutError:
            raise PeerGone(f"{name} at {self.known.address} says nothing any more.") from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._gone(error) from None
        if response.status != 200:
            kind = PeerGotOther if response.status == OTHER_BYTES_STATUS else PeerRefused
            raise kind(f"{name} refused: {said.decode(errors='replace')[:300]}.")
        return said

    def _gone(self, error: Exception) -> PeerGone:
        reason, known = str(error) or type(error).__name__, self.known
        return PeerGone(f"{known.name} at {known.address} doesn't answer, or knows this host no more ({reason}).")


def _watched_socket(where: aiohttp.AddrInfoType) -> socket.socket:
    made = socket.socket(*where[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _ALIVE_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _ALIVE_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _ALIVE_TRIES)
    if sys.platform == "linux":  # for what was sent and not acknowledged as well
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _ALIVE_S * (_ALIVE_TRIES + 1) * 1000)
    return made


async def _all(response: aiohttp.ClientResponse) -> bytes:
    said = bytearray()
    async for piece in response.content.iter_any():
        said += piece
        if len(said) > _ANSWER_MOST_BYTES:
            raise aiohttp.ClientPayloadError(f"it answers more than {_ANSWER_MOST_BYTES} bytes")
    return bytes(said)


def _extend(limit: asyncio.Timeout, seconds: float) -> None:
    limit.reschedule(asyncio.get_running_loop().time() + seconds)


async def pair(identity: Identity, address: Listen, code: str) -> Known:
    """Become known to the host whose agent listens at `address`, and know it; `code` is what it shows."""
    certificate = await _certificate(address)
    server_id, salt = fingerprint(certificate), new_salt()
    mine = await asyncio.to_thread(proof, code, salt, "client", server_id, identity.id)
    server = Known(address.host, ssl.DER_cert_to_PEM_cert(certificate), str(address))
    context = identity.client_tls(server)
    request = PairRequest(identity.name, identity.certificate, salt, mine)
    # Without a certificate: the other side would end a handshake with one that it doesn't know yet.
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    plain.check_hostname, plain.minimum_version = False, context.minimum_version
    plain.load_verify_locations(cadata=server.certificate)
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_S)) as session,
            session.post(f"https://{address}/v1/pair", data=msgspec.json.encode(request), ssl=plain) as response,
        ):
            said = await _all(response)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise PeerGone(f"{address} doesn't answer ({error}).") from None
    if response.status != 200:
        raise PeerRefused(f"{address} refused: {said.decode(errors='replace')[:300]}.")
    answer = msgspec.json.decode(said, type=PairAnswer)
    theirs = await asyncio.to_thread(proof, code, salt, "server", server_id, identity.id)
    if not hmac.compare_digest(theirs, answer.proof):
        raise PeerRefused(f"Somebody else answers at {address}: it doesn't have the code.")
    return identity.learn(Known(answer.name, server.certificate, str(address)))


async def _certificate(address: Listen) -> bytes:
    """What the one who listens there shows. It proves nothing until both have shown that they have the code."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(_ANSWER_S):
            _, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    except (OSError, TimeoutError) as error:
        raise PeerGone(f"Nobody answers at {address} ({error}): start voxy vm agent there.") from None
    tls = writer.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True)
    writer.close()
    assert isinstance(certificate, bytes)
    return certificate
