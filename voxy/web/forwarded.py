"""Who asks, by which scheme and host, where proxies that are trusted stand before VoXY.

Read from the right, since only what the nearest proxy wrote is known to be true: what a client wrote itself stands to
the left of it. Anything said by somebody who is not trusted is ignored.
"""

import ipaddress
import re
from collections.abc import Container
from typing import NamedTuple

from aiohttp import web
from multidict import MultiMapping

from voxy.errors import AuthError

_PAIR = re.compile(r'\s*([!#$%&\'*+.^_`|~\w-]+)=("(?:[^"\\]|\\.)*"|[^\s;,"]*)\s*')


class Asked(NamedTuple):
    """A request as the browser made it; None where no proxy says anything else."""

    remote: str | None = None
    scheme: str | None = None
    host: str | None = None


def as_asked(request: web.Request, trusted: Container[object]) -> web.Request:
    """The request as the browser made it; AuthError 400 for headers that contradict each other."""
    if (request.remote or "") not in trusted:
        return request
    asked = read_forwarded(request.headers, trusted)
    changed = {name: value for name, value in asked._asdict().items() if value is not None}
    return request.clone(**changed) if changed else request


def read_forwarded(headers: MultiMapping[str], trusted: Container[object]) -> Asked:
    """What proxies say in the headers of a request that came from a trusted one."""
    old = any(name in headers for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"))
    if "Forwarded" not in headers:
        return _read_old(headers, trusted) if old else Asked()
    # A proxy writes the one and lets pass the other, which is then the client's own word.
    if old:
        raise AuthError(
            "Forwarded and X-Forwarded-* are both there: have the proxy take out the one it doesn't write.", 400
        )
    return _read_new(headers.getall("Forwarded"), trusted)


def _read_old(headers: MultiMapping[str], trusted: Container[object]) -> Asked:
    def last(name: str) -> str | None:
        values = _split(headers.getall(name, []))
        return values[-1] if values else None

    remote = _client([_address(hop) for hop in _split(headers.getall("X-Forwarded-For", []))], trusted)
    return Asked(remote, _scheme(last("X-Forwarded-Proto")), last("X-Forwarded-Host"))


def _read_new(values: list[str], trusted: Container[object]) -> Asked:
    elements = [_pairs(element) for element in _elements(",".join(values))]
    remote = _client([_address(element.get("for", "")) for element in elements], trusted)
    last = elements[-1] if elements else {}
    return Asked(remote, _scheme(last.get("proto")), last.get("host"))


def _client(hops: list[str], trusted: Container[object]) -> str | None:
    """The first address from the right that is no proxy of ours; the leftmost where all are."""
    client = None
    for hop in reversed(hops):
        if not hop:
            break
        client = hop
        if hop not in trusted:
            break
    return client


def _split(values: list[str]) -> list[str]:
    return [part.strip() for part in ",".join(values).split(",")] if values else []


def _elements(text: str) -> list[str]:
    """The elements of a Forwarded header, whose quoted values may have commas."""
    return [found for found in re.findall(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+', text) if found.strip()]


def _pairs(element: str) -> dict[str, str]:
    pairs = {}
    for name, value in _PAIR.findall(element):
        pairs[name.lower()] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
    return pairs


def _address(hop: str) -> str:
    """The address in `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80` or `2001:db8::1`; empty for what is none."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](:\d+)?", hop)
    text = bracketed[1] if bracketed else hop.partition(":")[0] if hop.count(":") == 1 else hop
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _scheme(text: str | None) -> str | None:
    if text is None:
        return None
    if text.lower() not in ("http", "https"):
        raise AuthError("The proxy says neither http nor https: correct its X-Forwarded-Proto.", 400)
    return text.lower()
