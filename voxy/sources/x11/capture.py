"""Capture: which part of an X screen changed, and its pixels."""

import numpy as np
from numpy.typing import NDArray
from Xlib import X, error
from Xlib.ext import damage as xdamage
from Xlib.ext import xfixes
from Xlib.protocol import request

from voxy.blocks import BlockGrid, Rect, Size
from voxy.errors import SourceUnavailable
from voxy.screen.framebuffer import Framebuffer, Pixels
from voxy.sources.base import Damage
from voxy.sources.x11 import requests
from voxy.sources.x11.connection import Connection
from voxy.sources.x11.readers import Reader, open_reader

_RECTS_MOST = 6
"""Rects grabbed apart; more cost more requests than one rect around them has pixels."""

_TRIES = 20
"""Grabs of one picture, each at another size: a screen that is resized as often as that isn't worth waiting for."""


class Capture:
    """Grabs what changed on the root window. All calls come from the source's thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._check_format()
        for name in (requests.XFIXES, xdamage.extname):
            if not connection.has_extension(name):
                raise SourceUnavailable(f"The X server lacks the extension {name}, which VoXY needs to see changes.")
        connection.ask(xfixes.QueryVersion, requests.XFIXES, major_version=4, minor_version=0)
        connection.ask(xdamage.QueryVersion, xdamage.extname, major_version=1, minor_version=1)
        connection.name_event(xdamage.extname, xdamage.DamageNotifyCode, requests.Damaged)
        self._damage = connection.allocate_resource_id()
        self._region, self._newest, self._newest_before = (connection.allocate_resource_id() for _ in range(3))
        connection.ask(
            xdamage.DamageCreate,
            xdamage.extname,
            damage=self._damage,
            drawable=connection.root,
            level=xdamage.DamageReportNonEmpty,
        )
        for region in (self._region, self._newest, self._newest_before):
            connection.ask(requests.CreateRegion, requests.XFIXES, region=region)
        self.size = Size(0, 0)
        self.shm_reason = ""
        self._reader: Reader | None = None
        self._framebuffer: Framebuffer | None = None
        """What was grabbed into last."""
        self._whole: list[Pixels] = []
        """The arrays that show all of the screen, but for what changed since the grab before the last."""
        self.measure()

    def close(self) -> None:
        """Let go of the memory shared with the server, whose end has freed its side."""
        self._reader = None
        self._whole.clear()

    def measure(self) -> bool:
        """Read the screen's size; True where it changed, and then the next grab covers everything."""
        geometry = request.GetGeometry(display=self._connection, drawable=self._connection.root)
        size = Size(geometry.width, geometry.height)
        if size == self.size:
            return False
        self.size = size
        self._whole.clear()
        if self._reader:
            self._reader.close()
        self._reader, self.shm_reason = open_reader(self._connection, size)
        return True

    def owe(self) -> None:
        """Grab everything again: something was grabbed for somebody who no longer wanted it."""
        self._whole.clear()

    def grab(self, framebuffer: Framebuffer) -> Damage:
        """Take what changed since the last grab, and where."""
        for _ in range(_TRIES):
            assert self._reader
            back = self._reader.fit_back(framebuffer)
            if framebuffer is not self._framebuffer:
                self._framebuffer = framebuffer
                self._whole.clear()
            is_whole = all(back is not each for each in self._whole)
            rects = self._take_damage(is_whole)
            damage = (Rect.of(self.size),) if is_whole else self._few(rects)
            try:
                self._reader.read(damage, back)
            except error.BadMatch:
                # The screen became smaller, and the event that says so is still on its way.
                self._whole.clear()
                self.measure()
                continue
            if is_whole:
                self._whole = [*self._whole[-1:], back]
            return damage
        raise SourceUnavailable("The X server's screen can't be read: its size changes all the time.")

    def _check_format(self) -> None:
        depth, info = self._connection.screen.root_depth, self._connection.info
        bits = {format.depth: format.bits_per_pixel for format in info.pixmap_formats}.get(depth)
        if depth not in (24, 32) or bits != 32 or info.image_byte_order != X.LSBFirst:
            raise SourceUnavailable(
                f"The X server's screen has {depth} bits of colour: start it with 24 (Xvfb :1 -screen 0 1920x1080x24)."
            )

    def _take_damage(self, is_whole: bool) -> NDArray[np.int16]:
        """Where something changed since the last grab, as rows of x, y, width, height; the reader begins to read it.

        Also what had changed in the grab before that, for the back is as old. Nobody else draws between the two, so
        there the back gets what the front shows, and nobody has to compare it once more.
        """
        assert self._reader
        self._newest, self._newest_before = self._newest_before, self._newest
        ask = self._connection.ask
        request.GrabServer(display=self._connection)
        ask(xdamage.DamageSubtract, xdamage.extname, damage=self._damage, repair=X.NONE, parts=self._newest)
        both = {"source1": self._newest, "source2": self._newest_before}
        ask(requests.UnionRegion, requests.XFIXES, **both, destination=self._region)
        self._reader.ask(X.NONE if is_whole else self._region)
        request.UngrabServer(display=self._connection)
        region = ask(requests.FetchRegion, requests.XFIXES, region=self._newest)
        return np.frombuffer(region.rects[:], dtype="<i2").reshape(-1, 4)

    def _few(self, rects: NDArray[np.int16]) -> Damage:
        """The rects on the screen as they are, if they are few; or else a few of whole blocks that cover them."""
        if len(rects) <= _RECTS_MOST:
            corners, sides = rects[:, :2].tolist(), rects[:, 2:].view(np.uint16).tolist()
            inside = (Rect(*at, *side).intersect(Rect.of(self.size)) for at, side in zip(corners, sides, strict=True))
            return tuple(rect for rect in inside if rect)
        return self._bands(rects)

    def _bands(self, rects: NDArray[np.int16]) -> Damage:
        grid = BlockGrid(self.size)
        bands: list[Rect] = []
        mask = _cells(grid, rects)
        rows = np.flatnonzero(mask.any(axis=1))
        first, last = mask[rows].argmax(axis=1), mask[rows, ::-1].argmax(axis=1)
        for row, left, right in zip(rows.tolist(), first.tolist(), (grid.columns - last).tolist(), strict=True):
            is_same = bands and bands[-1].bottom == row and (bands[-1].x, bands[-1].right) == (left, right)
            top = bands.pop().y if is_same else row
            bands.append(Rect.between(left, top, right, row + 1))
        if len(bands) > _RECTS_MOST:
            around = bands[0]
            for band in bands[1:]:
                around = around.union(band)
            bands = [around]
        screen = Rect.of(self.size)
        pixels = (Rect(*(side * grid.block for side in band)).intersect(screen) for band in bands)
        return tuple(rect for rect in pixels if rect)


def _cells(grid: BlockGrid, rects: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Which blocks `rects` touch. A drawing program may damage thousands of rects: no loop over them."""
    far = np.array(grid.size)
    start = np.clip(rects[:, :2].astype(np.intp), 0, far) // grid.block
    end = -(-np.clip(rects[:, :2].astype(np.intp) + rects[:, 2:].view(np.uint16), 0, far) // grid.block)
    # Corners of each rect, +1 where it begins and -1 after it ends: summed both ways they count the rects over a cell.
    shape = grid.rows + 1, grid.columns + 1
    (left, top), (right, bottom) = start.T, end.T
    begun, ended = (
        np.bincount(np.concatenate(corners), minlength=shape[0] * shape[1])
        for corners in (
            (top * shape[1] + left, bottom * shape[1] + right),
            (top * shape[1] + right, bottom * shape[1] + left),
        )
    )
    counts = (begun - ended).reshape(shape).cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
    return np.asarray(counts > 0)
