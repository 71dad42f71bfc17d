"""How the desktop and its viewers fare, for people and programs that watch over them."""

from voxy.desktop import Desktop
from voxy.session.viewer import Viewer


def status_of(desktop: Desktop, now: float) -> dict[str, object]:
    """What `status.json` says."""
    width, height = desktop.size
    viewers = [_viewer(viewer, now) for viewer in desktop.viewers]
    return {
        "desktop": {
            "name": desktop.name,
            "width": width,
            "height": height,
            "state": desktop.state.state,
            "reason": desktop.state.reason,
            "generation": desktop.generation,
            "viewers": len(viewers),
        },
        "viewers": viewers,
    }


def _viewer(viewer: Viewer, now: float) -> dict[str, object]:
    flow, meter = viewer.flow, viewer.meter
    return {
        "hidden": viewer.is_hidden,
        "round_trip_ms": round(flow.line.min_rtt_s * 1000, 2),
        "bandwidth_mbit_s": _to_mbit(flow.line.bytes_s),
        "window_bytes": flow.window_bytes,
        "inflight_bytes": flow.inflight_bytes,
        "quality": flow.quality.jpeg,
        "frames_s": meter.frames_s(now),
        "mbit_s": _to_mbit(meter.bytes_s(now)),
        "exact": viewer.exact_share,
        "times": viewer.times(),
    }


def _to_mbit(count: float) -> float:
    return round(count * 8 / 1e6, 3)
