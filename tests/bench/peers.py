"""Who is measured: VoXY and its neighbours, each a way to start it on a display and the page that opens it.

A new one is one entry of PEERS.
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_VOXY = Path(sys.executable).parent / "voxy"
_NOVNC = Path("/usr/share/novnc")
_NOVNC_PAGE = "vnc.html?autoconnect=1&resize=off&reconnect=0"
_XPRA_PAGE = "index.html?sound=false&floating_menu=false&clipboard=false"
_XPRA_WITHOUT = ("mdns", "pulseaudio", "notifications", "printing", "file-transfer", "webcam", "system-tray", "daemon")
_SELKIES_WITHOUT = ("enable-basic-auth", "audio-enabled", "enable-resize", "manual-resolution")


class Place(NamedTuple):
    """Where a peer serves: an X display, a port for browsers, and one for RFB, all of this machine."""

    display: str
    port: int
    rfb_port: int


class Command(NamedTuple):
    """A program, and the port on which it listens when it is ready."""

    argv: tuple[str, ...]
    port: int


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to see an X display in a browser."""

    title: str
    needs: tuple[str | Path, ...]
    commands: Callable[[Place], tuple[Command, ...]]
    page: str = ""
    is_on_xvnc: bool = False
    """Whether the X server is TigerVNC's, serving RFB itself, and not Xvfb."""

    @property
    def missing(self) -> str | None:
        """What of its needs is not installed."""
        absent = [str(need) for need in self.needs if not (shutil.which(need) or Path(need).is_dir())]
        return ", ".join(absent) or None


def _voxy(place: Place) -> tuple[Command, ...]:
    options = ("--display", place.display, "--listen", f"127.0.0.1:{place.port}", "--auth", "none")
    return (Command((str(_VOXY), "serve", *options), place.port),)


def _voxy_on_vnc(place: Place) -> tuple[Command, ...]:
    options = ("--vnc", f"127.0.0.1:{place.rfb_port}", "--listen", f"127.0.0.1:{place.port}", "--auth", "none")
    return (Command((str(_VOXY), "serve", *options), place.port),)


def _websockify(place: Place) -> tuple[Command, ...]:
    ports = f"127.0.0.1:{place.port}", f"127.0.0.1:{place.rfb_port}"
    return (Command(("websockify", "--web", str(_NOVNC), *ports), place.port),)


def _x11vnc(place: Place) -> tuple[Command, ...]:
    options = ("-forever", "-shared", "-nopw", "-localhost", "-quiet", "-rfbport", str(place.rfb_port))
    return (Command(("x11vnc", "-display", place.display, *options), place.rfb_port), *_websockify(place))


def _xpra(place: Place) -> tuple[Command, ...]:
    silent = (*(f"--{name}=no" for name in _XPRA_WITHOUT), "--speaker=off", "--microphone=off")
    bind = f"--bind-tcp=127.0.0.1:{place.port}"
    return (Command(("xpra", "shadow", place.display, bind, "--html=on", *silent), place.port),)


def _selkies(place: Place) -> tuple[Command, ...]:
    silent = [word for name in _SELKIES_WITHOUT for word in (f"--{name}", "false")]
    listen = ("--mode", "websockets", "--addr", "127.0.0.1", "--port", str(place.port))
    return (Command(("selkies", *listen, *silent), place.port),)


PEERS = {
    "voxy": Peer("VoXY", (_VOXY,), _voxy),
    "voxy-vnc": Peer("VoXY + TigerVNC", ("Xvnc", _VOXY), _voxy_on_vnc, is_on_xvnc=True),
    "tigervnc": Peer("noVNC + TigerVNC", ("Xvnc", "websockify", _NOVNC), _websockify, _NOVNC_PAGE, is_on_xvnc=True),
    "x11vnc": Peer("noVNC + x11vnc", ("x11vnc", "websockify", _NOVNC), _x11vnc, _NOVNC_PAGE),
    "selkies": Peer("Selkies", ("selkies",), _selkies),
    "xpra": Peer("Xpra", ("xpra",), _xpra, _XPRA_PAGE),
}
