"""PeerClient: another host's agent, as one who moves a machine there talks to it."""

import asyncio
import hmac
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from voxy.errors import MachineError
from voxy.values import Listen
from voxy.vm.agent import PairAnswer, PairRequest
from voxy.vm.arrival import Answer, Commit, Cut, Offer, Step
from voxy.vm.identity import Identity, Known, fingerprint, new_salt, proof
from voxy.vm.state import Layer
from voxy.vm.tunnel import HEARTBEAT_S

_ANSWER_S = 60.0
_PIECE_BYTES = 1 << 18
Progress = Callable[[int], None]
"""Is told how many bytes more have been sent."""


class PeerGone(MachineError):
    """Another host that gives no answer; whether it did what was asked is not known."""


class PeerRefused(MachineError):
    """Another host that answers that it won't."""


class PeerClient:
    """Requests to the host `known`, for one machine."""

    def __init__(self, identity: Identity, known: Known, uuid: str) -> None:
        if not known.address:
            raise MachineError(f"Nobody has said where {known.name} listens: voxy vm pair ADDRESS:PORT.")
        self.known = known
        self._url = f"https://{known.address}/v1/machines/{uuid}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=_ANSWER_S)
        connector = aiohttp.TCPConnector(ssl=identity.client_tls(known))
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def offer(self, offer: Offer) -> Answer:
        return msgspec.json.decode(await self._post("offer", offer), type=Answer)

    async def cut(self, cut: Cut) -> None:
        await self._post("cut", cut)

    async def commit(self, commit: Commit) -> None:
        await self._post("commit", commit)

    async def prepare(self, step: Step) -> None:
        await self._post("prepare", step)

    async def abort(self, step: Step) -> None:
        await self._post("abort", step)

    async def tunnel(self, name: str) -> aiohttp.ClientWebSocketResponse:
        """A line to a socket of the QEMU that waits there."""
        url = f"{self._url}/tunnel/{name}"
        return await self._session.ws_connect(url, heartbeat=HEARTBEAT_S, max_msg_size=0)

    async def send(self, move: str, layer: Layer, path: Path, offset: int, progress: Progress) -> None:
        """Send a layer's file from `offset` on."""
        assert layer.ends
        query = {"move": move, "generation": layer.ends.generation, "sha256": layer.sha256}
        query |= {"bytes": layer.bytes, "offset": offset}
        body = _pieces(path, offset, layer.bytes, progress)
        await self._request("PUT", f"layers/{layer.ends.id}", params=query, data=body)

    async def _post(self, path: str, said: msgspec.Struct) -> bytes:
        return await self._request("POST", path, data=msgspec.json.encode(said))

    async def _request(self, method: str, path: str, **body: Any) -> bytes:
        name = self.known.name
        try:
            async with self._session.request(method, f"{self._url}/{path}", **body) as response:
                said = await response.read()
        except aiohttp.ClientConnectorCertificateError:
            raise PeerRefused(f"The host at {self.known.address} is not {name}: its certificate is another.") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise PeerGone(
                f"{name} at {self.known.address} doesn't answer, or knows this host no more ({reason})."
            ) from None
        if response.status != 200:
            raise PeerRefused(f"{name} refused: {said.decode(errors='replace')[:300]}.")
        return said


async def _pieces(path: Path, offset: int, size: int, progress: Progress) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        left = size - offset
        while left > 0 and (piece := await asyncio.to_thread(file.read, min(_PIECE_BYTES, left))):
            left -= len(piece)
            yield piece
            progress(len(piece))


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
            said = await response.read()
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
