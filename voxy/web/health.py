"""How VoXY is, for what watches over it: /livez, /readyz, and /metrics for Prometheus."""

import os
import resource
import time

from aiohttp import web

from voxy.desktop import Desktop

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def health_routes(desktop_key: web.AppKey[Desktop]) -> list[web.RouteDef]:
    """`/livez`: this process answers. `/readyz`: it has a picture to show, else 503. They say no more to anybody."""

    async def livez(_: web.Request) -> web.Response:
        return _word("ok")

    async def readyz(request: web.Request) -> web.Response:
        is_ready = request.app[desktop_key].state.state == "live"
        return _word("ok") if is_ready else _word("not ready", 503)

    return [web.get("/livez", livez, name="livez"), web.get("/readyz", readyz, name="readyz")]


def metrics_response(desktop: Desktop) -> web.Response:
    """The figures of now."""
    return web.Response(
        body=metrics_of(desktop, time.monotonic()).encode(),
        headers={"Content-Type": _PROMETHEUS, "Cache-Control": "no-store"},
    )


def metrics_of(desktop: Desktop, now: float) -> str:
    """What /metrics says, in Prometheus' text format; no name of a person or an address is in it."""
    viewers = desktop.viewers
    used = resource.getrusage(resource.RUSAGE_SELF)
    width, height = desktop.size
    figures: list[tuple[str, str, str, float]] = [
        ("voxy_desktop_up", "gauge", "Whether the desktop gives pictures.", desktop.state.state == "live"),
        ("voxy_desktop_pixels", "gauge", "Pixels of the desktop.", width * height),
        ("voxy_desktop_generation", "counter", "Changes of the picture so far.", desktop.generation),
        ("voxy_viewers", "gauge", "Viewers that are connected.", len(viewers)),
        ("voxy_viewers_hidden", "gauge", "Of these, those that nobody looks at.", sum(v.is_hidden for v in viewers)),
        ("voxy_frames_per_second", "gauge", "Updates to all viewers.", sum(v.meter.frames_s(now) for v in viewers)),
        ("voxy_bytes_per_second", "gauge", "Bytes of them.", sum(v.meter.bytes_s(now) for v in viewers)),
        ("voxy_inflight_bytes", "gauge", "Bytes not acknowledged.", sum(v.flow.inflight_bytes for v in viewers)),
        ("process_cpu_seconds_total", "counter", "Processor time.", used.ru_utime + used.ru_stime),
        ("process_resident_memory_bytes", "gauge", "Memory in use.", _resident_bytes()),
    ]
    lines = [
        line
        for name, kind, purpose, value in figures
        for line in (f"# HELP {name} {purpose}", f"# TYPE {name} {kind}", f"{name} {float(value):.15g}")
    ]
    return "\n".join(lines) + "\n"


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _word(text: str, status: int = 200) -> web.Response:
    return web.Response(text=f"{text}\n", status=status, headers={"Cache-Control": "no-store"})
