"""Capture: which part of an X screen changed, and its pixels."""

import logging

import numpy as np
from Xlib import X, error
from Xlib.display import Display
from Xlib.ext import damage as xdamage

from voxy.blocks import BlockGrid, Rect, Size
from voxy.errors import SourceUnavailable
from voxy.screen.framebuffer import Framebuffer
from voxy.sources.base import Damage
from voxy.sources.x11 import requests
from voxy.sources.x11.shm import SharedMemory

logger = logging.getLogger(__name__)

_RGB = np.uint32(0x00FFFFFF)
_RECTS_MOST = 6
"""Rects grabbed apart; more cost more requests than one rect around them has pixels."""

_STRIPE_PIXELS = 256 * 1024
"""Pixels of one GetImage where there is no shared memory: a whole screen at once would stall everything else."""


class Capture:
    """Grabs what changed on the root window of `display`. All calls come from the source's thread."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._root = display.screen().root
        self._check_format()
        for name in (requests.XFIXES, xdamage.extname):
            if not requests.register(display, name):
                raise SourceUnavailable(f"The X server lacks the extension {name}, which VoXY needs to see changes.")
        requests_version = display.xfixes_query_version()
        logger.debug("= XFIXES %d.%d", requests_version.major_version, requests_version.minor_version)
        display.damage_query_version()
        self._damage = self._root.damage_create(xdamage.DamageReportNonEmpty)
        self._region = requests.create_region(display)
        self.size = Size(0, 0)
        self.shm_reason = ""
        self._shm: SharedMemory | None = None
        self._segment = 0
        self._is_whole = True
        self.measure()

    def close(self) -> None:
        if self._shm:
            self._shm.close()
            self._shm = None

    def measure(self) -> None:
        """Read the screen's size; where it changed, the next grab covers everything."""
        geometry = self._root.get_geometry()
        size = Size(geometry.width, geometry.height)
        if size != self.size:
            self.size = size
            self._is_whole = True
            self._share()

    def grab(self, framebuffer: Framebuffer) -> Damage:
        """Take the damage, then the pixels: what is drawn between the two is damage again."""
        self._display.damage_subtract(self._damage, X.NONE, self._region)
        rects = requests.fetch_region(self._display, self._region)
        damage = (Rect.of(self.size),) if self._is_whole else self._bands(map(Rect._make, rects))
        try:
            self._copy(damage, framebuffer.fit_back(self.size))
        except error.BadMatch:
            # The screen became smaller between the event that said so and this grab.
            self.measure()
            self._is_whole = True
            return self.grab(framebuffer)
        self._is_whole = False
        return damage

    def _check_format(self) -> None:
        screen, info = self._display.screen(), self._display.display.info
        depth = screen.root_depth
        bits = {f.depth: f.bits_per_pixel for f in info.pixmap_formats}.get(depth)
        if depth not in (24, 32) or bits != 32 or info.image_byte_order != X.LSBFirst:
            raise SourceUnavailable(
                f"The X server's screen has {depth} bits of colour: start it with 24 (Xvfb :1 -screen 0 1920x1080x24)."
            )

    def _share(self) -> None:
        """Set up shared memory for the size, or keep the reason why there is none."""
        if self._shm:
            requests.shm_detach(self._display, self._segment)
            self._shm.close()
            self._shm = None
        if not requests.register(self._display, requests.SHM):
            self.shm_reason = "the X server has no MIT-SHM"
            return
        try:
            shm = SharedMemory(self.size.width * self.size.height * 4)
        except OSError as failure:
            self.shm_reason = f"no shared memory to be had: {failure.strerror}"
            return
        self._segment = requests.shm_attach(self._display, shm.id)
        try:
            requests.shm_get_image(self._display, self._root.id, (0, 0, 1, 1), self._segment, 0).reply()
        except error.XError as failure:
            # Typically a display on another machine, or in a container with other shared memory.
            self.shm_reason = f"the X server can't share memory with VoXY: {type(failure).__name__}"
            shm.close()
        else:
            self._shm, self.shm_reason = shm, ""
        finally:
            shm.forget()
        if self.shm_reason:
            logger.warning("Grabs will be slower, since %s.", self.shm_reason)

    def _bands(self, rects: "map[Rect]") -> Damage:
        """A few rects of whole blocks that cover `rects`."""
        grid = BlockGrid(self.size)
        mask = np.zeros((grid.rows, grid.columns), dtype=np.bool_)
        for rect in rects:
            if cells := grid.cells(rect):
                mask[cells.y : cells.bottom, cells.x : cells.right] = True
        bands: list[Rect] = []
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

    def _copy(self, damage: Damage, back: np.ndarray[tuple[int, int], np.dtype[np.uint32]]) -> None:
        if self._shm is None:
            for rect in damage:
                self._copy_by_get_image(rect, back)
            return
        replies, offset = [], 0
        for rect in damage:
            replies.append(requests.shm_get_image(self._display, self._root.id, rect, self._segment, offset * 4))
            offset += rect.width * rect.height
        offset = 0
        for rect, reply in zip(damage, replies, strict=True):
            reply.reply()
            count = rect.width * rect.height
            pixels = self._shm.pixels[offset : offset + count].reshape(rect.height, rect.width)
            np.bitwise_and(pixels, _RGB, out=back[rect.y : rect.bottom, rect.x : rect.right])
            offset += count

    def _copy_by_get_image(self, rect: Rect, back: np.ndarray[tuple[int, int], np.dtype[np.uint32]]) -> None:
        rows = max(1, _STRIPE_PIXELS // rect.width)
        for y in range(rect.y, rect.bottom, rows):
            height = min(rows, rect.bottom - y)
            image = self._root.get_image(rect.x, y, rect.width, height, X.ZPixmap, 0xFFFFFFFF)
            pixels = np.frombuffer(image.data, dtype=np.uint32).reshape(height, rect.width)
            np.bitwise_and(pixels, _RGB, out=back[y : y + height, rect.x : rect.right])
