"""The pointer's shape, by XFIXES."""

from collections import OrderedDict

import numpy as np
from Xlib.display import Display

from voxy.sources.base import Cursor
from voxy.sources.x11 import requests

_KEPT = 64
"""Shapes remembered, so that one seen before costs no request."""


class CursorTracker:
    """Reads shapes, each once."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._shapes: OrderedDict[int, Cursor] = OrderedDict()
        requests.select_cursor_input(display, display.screen().root.id)

    def shape(self, serial: int | None = None) -> Cursor:
        """The current shape; `serial` names it where an event said which it is."""
        if serial is not None and serial in self._shapes:
            self._shapes.move_to_end(serial)
            return self._shapes[serial]
        image = requests.get_cursor_image(self._display)
        cursor = Cursor(image.serial, image.width, image.height, image.xhot, image.yhot, _to_rgba(bytes(image.pixels)))
        self._shapes[cursor.id] = cursor
        if len(self._shapes) > _KEPT:
            self._shapes.popitem(last=False)
        return cursor


def _to_rgba(argb: bytes) -> bytes:
    """Straight RGBA of X's ARGB, in which colours are multiplied by alpha."""
    bgra = np.frombuffer(argb, dtype=np.uint8).reshape(-1, 4)
    alpha = bgra[:, 3:].astype(np.uint16)
    straight = np.minimum(255, (bgra[:, 2::-1].astype(np.uint16) * 255 + alpha // 2) // np.maximum(alpha, 1))
    return np.concatenate([np.where(alpha > 0, straight, 0), alpha], axis=1).astype(np.uint8).tobytes()
