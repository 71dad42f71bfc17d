"""Capture: which part of an X screen changed, and its pixels."""

import itertools
import logging
from collections.abc import Iterator
from typing import Any

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
from voxy.sources.x11.shm import SharedMemory, ShmUnavailable

logger = logging.getLogger(__name__)

_RGB = np.uint32(0x00FFFFFF)
_RECTS_MOST = 6
"""Rects grabbed apart; more cost more requests than one rect around them has pixels."""

_STRIPE_PIXELS = 256 * 1024
"""Pixels of one GetImage where there is no shared memory: a whole screen at once would stall everything else."""

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
        connection.name_event(xdamage.extname, xdamage.DamageNotifyCode, xdamage.DamageNotify)
        self._damage = connection.allocate_resource_id()
        self._region = connection.allocate_resource_id()
        connection.ask(
            xdamage.DamageCreate,
            xdamage.extname,
            damage=self._damage,
            drawable=connection.root,
            level=xdamage.DamageReportNonEmpty,
        )
        connection.ask(requests.CreateRegion, requests.XFIXES, region=self._region)
        self.size = Size(0, 0)
        self.shm_reason = ""
        self._shm: SharedMemory | None = None
        self._back: Pixels | None = None
        self._owed: list[Rect] = []
        self.measure()

    def close(self) -> None:
        if self._shm:
            self._shm.close()

    def measure(self) -> bool:
        """Read the screen's size; True where it changed, and then the next grab covers everything."""
        geometry = request.GetGeometry(display=self._connection, drawable=self._connection.root)
        size = Size(geometry.width, geometry.height)
        if size == self.size:
            return False
        self.size = size
        self._back = None
        self._share()
        return True

    def owe(self, damage: Damage) -> None:
        """Grab this again: it was grabbed for somebody who no longer wanted it."""
        self._owed += damage

    def grab(self, framebuffer: Framebuffer) -> Damage:
        """Take the damage, then the pixels: what is drawn between the two is damage again."""
        for _ in range(_TRIES):
            rects = self._take_damage()
            back = framebuffer.fit_back(self.size)
            damage = self._bands(rects) if back is self._back else (Rect.of(self.size),)
            try:
                self._copy(damage, back)
            except error.BadMatch:
                # The screen became smaller, and the event that says so is still on its way.
                self._back = None
                self.measure()
                continue
            self._back = back
            self._owed.clear()
            return damage
        raise SourceUnavailable("The X server's screen can't be read: its size changes all the time.")

    def _check_format(self) -> None:
        depth, info = self._connection.screen.root_depth, self._connection.info
        bits = {format.depth: format.bits_per_pixel for format in info.pixmap_formats}.get(depth)
        if depth not in (24, 32) or bits != 32 or info.image_byte_order != X.LSBFirst:
            raise SourceUnavailable(
                f"The X server's screen has {depth} bits of colour: start it with 24 (Xvfb :1 -screen 0 1920x1080x24)."
            )

    def _share(self) -> None:
        """Set up shared memory for the size, or keep the reason why there is none."""
        pixels = self.size.width * self.size.height
        if self._shm and len(self._shm.pixels) >= pixels:
            return
        if self._shm:
            self._shm.detach()
            self._shm = None
        try:
            self._shm = SharedMemory.attach(self._connection, pixels)
            self.shm_reason = ""
        except ShmUnavailable as reason:
            self.shm_reason = str(reason)
            logger.warning("Grabs will be slower, since %s.", reason)

    def _take_damage(self) -> NDArray[np.int16]:
        """The rects that changed since this was called last: rows of x, y, width, height."""
        connection = self._connection
        connection.ask(xdamage.DamageSubtract, xdamage.extname, damage=self._damage, repair=X.NONE, parts=self._region)
        region = connection.ask(requests.FetchRegion, requests.XFIXES, region=self._region)
        rects = np.frombuffer(region.rects[:], dtype="<i2").reshape(-1, 4)
        return np.concatenate([rects, np.array(self._owed, dtype="<i2")]) if self._owed else rects

    def _bands(self, rects: NDArray[np.int16]) -> Damage:
        """A few rects of whole blocks that cover `rects`."""
        grid = BlockGrid(self.size)
        bands: list[Rect] = []
        mask = _cells(grid, rects)
        for row in np.flatnonzero(mask.any(axis=1)).tolist():
            columns = np.flatnonzero(mask[row])
            band = Rect.between(int(columns[0]), row, int(columns[-1]) + 1, row + 1)
            if bands and bands[-1].bottom == row and (bands[-1].x, bands[-1].width) == (band.x, band.width):
                bands[-1] = bands[-1].union(band)
            else:
                bands.append(band)
        if len(bands) > _RECTS_MOST:
            around = bands[0]
            for band in bands[1:]:
                around = around.union(band)
            bands = [around]
        screen = Rect.of(self.size)
        pixels = (Rect(*(side * grid.block for side in band)).intersect(screen) for band in bands)
        return tuple(rect for rect in pixels if rect)

    def _copy(self, damage: Damage, back: Pixels) -> None:
        """Copy what the screen shows, without the byte that is no colour."""
        read = self._read_by_get_image(damage) if self._shm is None else self._read_by_shm(damage, self._shm)
        for (x, y, width, height), pixels in read:
            np.bitwise_and(pixels.reshape(height, width), _RGB, out=back[y : y + height, x : x + width])

    def _read_by_shm(self, damage: Damage, shm: SharedMemory) -> Iterator[tuple[Rect, Pixels]]:
        # All are asked for at once, in one journey to the server and back.
        replies, start = [], 0
        for rect in damage:
            replies.append(self._ask_for(rect, start, shm.segment))
            start += rect.width * rect.height
        start = 0
        for rect, reply in zip(damage, replies, strict=True):
            reply.reply()
            end = start + rect.width * rect.height
            yield rect, shm.pixels[start:end]
            start = end

    def _ask_for(self, rect: Rect, offset: int, segment: int) -> Any:
        """Have the pixels of `rect` written into the segment; they are there when the answer's `reply()` returns."""
        return self._connection.ask(
            requests.ShmGetImage,
            requests.SHM,
            defer=True,
            drawable=self._connection.root,
            **rect._asdict(),
            plane_mask=requests.ALL_PLANES,
            format=X.ZPixmap,
            segment=segment,
            offset=offset * 4,
        )

    def _read_by_get_image(self, damage: Damage) -> Iterator[tuple[Rect, Pixels]]:
        for stripe in itertools.chain.from_iterable(map(_stripes, damage)):
            image = request.GetImage(
                display=self._connection,
                format=X.ZPixmap,
                drawable=self._connection.root,
                **stripe._asdict(),
                plane_mask=requests.ALL_PLANES,
            )
            yield stripe, np.frombuffer(image.data[:], dtype=np.uint32)


def _stripes(rect: Rect) -> Iterator[Rect]:
    """`rect`, cut into pieces of at most `_STRIPE_PIXELS`."""
    rows = max(1, _STRIPE_PIXELS // rect.width)
    for y in range(rect.y, rect.bottom, rows):
        yield Rect(rect.x, y, rect.width, min(rows, rect.bottom - y))


def _cells(grid: BlockGrid, rects: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Which blocks `rects` touch. A drawing program may damage thousands of rects: no loop over them."""
    far = np.array(grid.size)
    start = np.clip(rects[:, :2].astype(np.intp), 0, far) // grid.block
    end = -(-np.clip(rects[:, :2].astype(np.intp) + rects[:, 2:].view(np.uint16), 0, far) // grid.block)
    # Corners of each rect, +1 where it begins and -1 after it ends: summed both ways they count the rects over a cell.
    corners = np.zeros((grid.rows + 1, grid.columns + 1), dtype=np.int32)
    for rows, columns, sign in ((start, start, 1), (end, end, 1), (start, end, -1), (end, start, -1)):
        np.add.at(corners, (rows[:, 1], columns[:, 0]), sign)
    counts = corners.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
    return np.asarray(counts > 0)
