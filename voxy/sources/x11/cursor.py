"""The pointer's shape, by XFIXES."""

from collections import OrderedDict
from dataclasses import replace

import numpy as np
from Xlib.ext import xfixes

from voxy.sources.base import Cursor
from voxy.sources.x11 import requests
from voxy.sources.x11.connection import Connection

_KEPT = 64
"""Shapes remembered, so that one seen before costs no request."""


class CursorTracker:
    """Reads shapes, each once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._shapes: OrderedDict[int, Cursor] = OrderedDict()
        self._last: Cursor | None = None
        connection.name_event(requests.XFIXES, xfixes.XFixesCursorNotify, xfixes.DisplayCursorNotify)
        connection.ask(
            xfixes.SelectCursorInput,
            requests.XFIXES,
            window=connection.root,
            mask=xfixes.XFixesDisplayCursorNotifyMask,
        )

    def take_change(self, serial: int | None = None) -> Cursor | None:
        """The current shape unless it was taken last; `serial` names it where an event said which it is."""
        cursor = self._shape(serial)
        # Programs make the same shape anew, and servers tell of changes that are none.
        if self._last and cursor == replace(self._last, id=cursor.id):
            return None
        self._last = cursor
        return cursor

    def _shape(self, serial: int | None) -> Cursor:
        if serial is not None and serial in self._shapes:
            self._shapes.move_to_end(serial)
            return self._shapes[serial]
        image = self._connection.ask(requests.GetCursorImage, requests.XFIXES)
        cursor = Cursor(
            image.serial, image.width, image.height, image.hot_x, image.hot_y, _to_rgba(bytes(image.pixels[:]))
        )
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
