"""Agent: what a host does for others, at one port with TLS on both sides; each request is one step of a move."""

import asyncio
import contextlib
import hmac
import logging
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import web

from voxy.errors import MachineError
from voxy.vm import programs
from voxy.vm.arrival import PROTOCOL, Answer, Arrival, Commit, Cut, Offer, OtherBytes, Step, Version, other_version
from voxy.vm.identity import Identity, Known, fingerprint, new_code, proof
from voxy.vm.landing import Landing, go_on
from voxy.vm.spec import Spec
from voxy.vm.state import Boundary, Layer, Peer
from voxy.vm.store import Machine, Store
from voxy.vm.tunnel import HEARTBEAT_S, MESSAGE_MOST_BYTES, relay
from voxy.vm.window import Window

logger = logging.getLogger(__name__)

OTHER_BYTES_STATUS = 422
_BODY_MOST = 1 << 20
_HEX = re.compile(r"[0-9a-f]{16,64}")
_TRIES_MOST = 5
_CODE_VALID_S = 600.0
_PATIENCE_S = 10.0
"""How long what begins or forgets a move waits for what is left of an earlier one."""

T = TypeVar("T")


class PairRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The certificate of one who wants to be known, and that a person gave it the code."""

    name: str
    certificate: str
    salt: bytes
    proof: str


class PairAnswer(msgspec.Struct, frozen=True):
    """How the other calls itself, and that it has the code too."""

    name: str
    proof: str


class Agent:
    """Serves the machines of `store` to the hosts that `identity` knows; the QEMU here is called `qemu`."""

    def __init__(self, store: Store, identity: Identity, qemu: str = programs.SYSTEM) -> None:
        self._store = store
        self._qemu = qemu
        self._identity = identity
        self._tls = identity.server_tls()
        self._code = ""
        self._tries = 0
        self._valid_until = 0.0
        self._landings: dict[str, Landing] = {}

    def new_code(self) -> str:
        """A code by which one host can be paired, once, for ten minutes."""
        self._code, self._tries = new_code(), 0
        self._valid_until = asyncio.get_running_loop().time() + _CODE_VALID_S
        return self._code

    async def start(self, host: str, port: int) -> tuple[web.AppRunner, int]:
        """Listen; the runner to clean up in the end, and the port."""
        app = web.Application(client_max_size=_BODY_MOST, middlewares=[self._guard])
        machine, window = "/v1/machines/{uuid}", Window(self._store)
        app.add_routes(
            [
                web.post("/v1/pair", self._pair),
                web.post(f"{machine}/offer", self._offer),
                web.post(f"{machine}/cut", self._cut),
                web.put(f"{machine}/layers/{{id}}", self._layer),
                web.post(f"{machine}/prepare", self._prepare),
                web.get(f"{machine}/tunnel/{{name:disk|memory}}", self._tunnel),
                web.get(f"{machine}/tunnel/screen", window.screen),
                web.get(f"{machine}/news", window.news),
                web.post(f"{machine}/commit", self._commit),
                web.post(f"{machine}/abort", self._abort),
            ]
        )
        app.on_cleanup.append(self._drop_all)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, ssl_context=self._tls).start()
        except OSError as error:
            await runner.cleanup()
            raise MachineError(f"Can't listen on {host}:{port} ({error.strerror}): choose another port.") from None
        return runner, runner.addresses[0][1]

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Let in who is known; what can't be done is answered in a sentence."""
        if request.path != "/v1/pair" and _peer(request, self._identity) is None:
            logger.warning("! refused %s of %s: no certificate that is known", request.path, request.remote)
            return web.Response(status=401, text="pair with it first")
        try:
            return await handler(request)
        except MachineError as error:
            logger.warning("! %s of %s: %s", request.path, request.remote, error)
            return web.Response(status=OTHER_BYTES_STATUS if isinstance(error, OtherBytes) else 409, text=str(error))
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            logger.warning("! %s of %s can't be read: %s", request.path, request.remote, error)
            return web.Response(status=400, text="it can't read the request: use the same version of VoXY on both")

    async def _pair(self, request: web.Request) -> web.Response:
        said = await _body(request, PairRequest)
        code, own = self._code, self._identity
        other = Known(said.name, said.certificate)
        if not code or asyncio.get_running_loop().time() > self._valid_until:
            raise MachineError("its code has been used or is too old: start its agent anew for another")
        wanted = await asyncio.to_thread(proof, code, said.salt, "client", own.id, other.id)
        if not hmac.compare_digest(wanted, said.proof):
            self._tries += 1
            if self._tries >= _TRIES_MOST:
                self._code = ""
            raise MachineError("the code is another")
        if self._code != code:
            raise MachineError("its code has been used or is too old: start its agent anew for another")
        self._code = ""
        own.learn(other)
        self._tls.load_verify_locations(cadata=other.certificate)
        answer = await asyncio.to_thread(proof, code, said.salt, "server", own.id, other.id)
        return _json(PairAnswer(own.name, answer))

    async def _offer(self, request: web.Request) -> web.Response:
        # First, since another version may say other things.
        version = await _body(request, Version)
        if version.protocol != PROTOCOL:
            raise MachineError(other_version(there=PROTOCOL, here=version.protocol))
        offer = await _body(request, Offer)
        spec = Spec.parse(bytes(offer.spec))
        if spec.uuid != request.match_info["uuid"]:
            raise ValueError("another machine")
        machine = self._store.adopt(offer.name, spec)
        async with machine.lock_within(_PATIENCE_S):
            arrival = Arrival(machine.layers)
            arrival.begin(offer.move, _known(request, self._identity).id, offer.epoch)
            await self._drop(machine)
            history = tuple(layer.ends for layer in machine.layers.state.frozen if layer.ends)
            parts = {path.stem: path.stat().st_size for path in machine.layers.folder.glob("*.part")}
        return _json(Answer(history, parts, PROTOCOL))

    async def _cut(self, request: web.Request) -> web.Response:
        said = await _body(request, Cut)
        async with self._expected(request) as machine:
            Arrival(machine.layers).cut(said.move, said.common)
        return web.Response()

    async def _layer(self, request: web.Request) -> web.Response:
        query = request.query
        ends = Boundary(int(query["generation"]), _hex(request.match_info["id"]))
        layer = Layer("", ends, _hex(query["sha256"]), int(query["bytes"]))
        async with self._expected(request) as machine:
            await Arrival(machine.layers).take(query["move"], layer, int(query["offset"]), request.content)
        return web.Response()

    async def _prepare(self, request: web.Request) -> web.Response:
        said = await _body(request, Step)
        async with self._expected(request) as machine:
            Arrival(machine.layers).check(said.move)
            self._landings[machine.spec.uuid] = await Landing.prepare(machine, said.move, self._qemu)
        return web.Response()

    async def _tunnel(self, request: web.Request) -> web.WebSocketResponse:
        landing = self._landings.get(request.match_info["uuid"])
        move = landing and landing.machine.layers.state.move
        if not landing or not move or move.peer != _known(request, self._identity).id:
            raise MachineError("no machine is expected")
        try:
            reader, writer = await landing.machine.run.socket(request.match_info["name"]).connect()
        except OSError:
            raise MachineError("its QEMU has ended") from None
        line = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_MOST_BYTES, compress=False)
        await line.prepare(request)
        await relay(reader, writer, line)
        return line

    async def _commit(self, request: web.Request) -> web.Response:
        said = await _body(request, Commit)
        known = _known(request, self._identity)
        async with self._expected(request) as machine:
            landing = self._landings.get(machine.spec.uuid)
            is_new = await Arrival(machine.layers).commit(said, Peer(known.name, said.at), landing)
            if landing and self._landings.pop(machine.spec.uuid, None):
                await landing.go_on()
            elif said.is_running and not is_new and machine.is_running:
                await go_on(machine)
        if is_new:
            logger.info("= %s lives here now, from %s", machine.name, known.name)
        else:
            logger.warning("! %s said again that %s lives here: nothing was changed", known.name, machine.name)
        return web.Response()

    async def _abort(self, request: web.Request) -> web.Response:
        said = await _body(request, Step)
        async with self._expected(request, _PATIENCE_S) as machine:
            Arrival(machine.layers).abort(said.move)
            await self._drop(machine)
        return web.Response()

    async def _drop(self, machine: Machine) -> None:
        """End a QEMU that waits for a machine whose move is over, also one that an agent before this one started."""
        if landing := self._landings.pop(machine.spec.uuid, None):
            await landing.drop()
        elif machine.is_running and machine.layers.state.role == "copy":
            await asyncio.to_thread(machine.run.kill)
        machine.layers.drop_unused()

    async def _drop_all(self, _: web.Application) -> None:
        while self._landings:
            await self._landings.popitem()[1].drop()

    @contextlib.asynccontextmanager
    async def _expected(self, request: web.Request, patience_s: float = 0.0) -> AsyncIterator[Machine]:
        """The machine that a request is about, its lock held, unless another host is moving it."""
        machine = self._store.find(request.match_info["uuid"])
        async with machine.lock_within(patience_s):
            if (move := machine.layers.state.move) and move.peer != _known(request, self._identity).id:
                raise MachineError("another host is moving this machine there")
            yield machine


async def _body(request: web.Request, kind: type[T]) -> T:
    return msgspec.json.decode(await request.read(), type=kind)


def _json(said: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(said), content_type="application/json")


def _hex(text: str) -> str:
    if not _HEX.fullmatch(text):
        raise ValueError(f"“{text[:80]}” is no id")
    return text


def _peer(request: web.Request, identity: Identity) -> Known | None:
    tls = request.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
    return identity.by_id(fingerprint(certificate)) if certificate else None


def _known(request: web.Request, identity: Identity) -> Known:
    known = _peer(request, identity)
    assert known, "the guard let nobody else in"
    return known
