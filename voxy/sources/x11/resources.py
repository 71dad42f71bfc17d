"""What programs read at their start from the root window's RESOURCE_MANAGER: how large text and pointers are."""

import re
from collections.abc import Mapping

from Xlib import X, Xatom
from Xlib.protocol import request

from voxy.sources.x11.connection import Connection

DPI, CURSOR_SIZE = "Xft.dpi", "Xcursor.size"
USUAL_DPI, USUAL_CURSOR_SIZE = 96, 24

_MOST_WORDS = 1 << 20
"""Of four bytes: no desktop's resources are as long."""


class Resources:
    """Sets the size of text and pointers for programs that start later, and puts back what was there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: dict[str, str | None] | None = None
        self._scale = 0.0

    def scale(self, scale: float) -> None:
        """Make text and pointers so much larger than the desktop has them itself, all other resources as they are."""
        if scale == self._scale:
            return
        text = self._read()
        if self._found is None:
            self._found = {name: value_of(name, text) for name in (DPI, CURSOR_SIZE)}
        usual = {DPI: USUAL_DPI, CURSOR_SIZE: USUAL_CURSOR_SIZE}
        values = {name: str(round(_number(found, usual[name]) * scale)) for name, found in self._found.items()}
        self._write(text, values)
        self._scale = scale

    def restore(self) -> None:
        """Put back what `scale` found."""
        if self._found is not None:
            self._write(self._read(), self._found)
            self._found, self._scale = None, 0.0

    def _read(self) -> str:
        answer = request.GetProperty(
            display=self._connection,
            delete=False,
            window=self._connection.root,
            property=Xatom.RESOURCE_MANAGER,
            type=X.AnyPropertyType,
            long_offset=0,
            long_length=_MOST_WORDS,
        )
        _, data = answer.value or (8, b"")
        return bytes(data).decode("latin-1")

    def _write(self, text: str, values: Mapping[str, str | None]) -> None:
        data = merged(text, values).encode("latin-1")
        if not data:
            request.DeleteProperty(
                display=self._connection, window=self._connection.root, property=Xatom.RESOURCE_MANAGER
            )
            return
        request.ChangeProperty(
            display=self._connection,
            mode=X.PropModeReplace,
            window=self._connection.root,
            property=Xatom.RESOURCE_MANAGER,
            type=Xatom.STRING,
            data=(8, data),
        )


def value_of(name: str, text: str) -> str | None:
    """The value of a resource, None where it isn't there; the last of several counts."""
    found = re.findall(rf"^{re.escape(name)}[ \t]*:[ \t]*(.*)\n?", text, re.MULTILINE)
    return found[-1] if found else None


def merged(text: str, values: Mapping[str, str | None]) -> str:
    """The resources with these values; None takes one out."""
    for name, value in values.items():
        text = re.sub(rf"^{re.escape(name)}[ \t]*:.*\n?", "", text, flags=re.MULTILINE)
        if value is not None:
            text = f"{text}\n" if text and not text.endswith("\n") else text
            text += f"{name}:\t{value}\n"
    return text


def _number(text: str | None, usual: int) -> float:
    try:
        return float(text or usual)
    except ValueError:
        return usual
