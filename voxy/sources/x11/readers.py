"""Readers: the ways in which pixels of the root window come into a framebuffer, the best first."""

import itertools
import logging
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from Xlib import X, error
from Xlib.protocol import request

from voxy.blocks import BlockGrid, Rect, Size
from voxy.screen.framebuffer import Framebuffer, Pixels
from voxy.sources.base import Damage
from voxy.sources.x11 import requests
from voxy.sources.x11.connection import Connection
from voxy.sources.x11.shm import SharedMemory, ShmUnavailable, collector

logger = logging.getLogger(__name__)

_STRIPE_PIXELS = 256 * 1024
"""Pixels of one GetImage where there is no shared memory: a whole screen at once would stall everything else."""


class Reader(Protocol):
    """Reads a screen of one size."""

    def fit_back(self, framebuffer: Framebuffer) -> Pixels:
        """The framebuffer's array to read into."""

    def ask(self, region: int) -> None:
        """Have the server begin to read a region (0: the whole screen), which is all in which the back is older."""

    def read(self, damage: Damage, back: Pixels) -> None:
        """Read the rects in which something changed, once they are known; BadMatch if the screen has become smaller."""

    def close(self) -> None:
        """Give back what the server keeps for it."""


def open_reader(connection: Connection, size: Size) -> tuple[Reader, str]:
    """The best reader to be had, and why it doesn't share memory, if it doesn't."""
    padded = BlockGrid(size).padded
    try:
        memory = SharedMemory(connection, 2 * padded.width * padded.height)
    except ShmUnavailable as reason:
        logger.warning("Grabs will be slower, since %s.", reason)
        return PlainImages(connection, size), str(reason)
    if memory.has_pixmaps and (pixmaps := SharedPixmaps.create(connection, size, memory)):
        return pixmaps, ""
    return SharedImages(connection, size, memory), ""


class SharedPixmaps:
    """Two pixmaps in shared memory, which are the framebuffer's back and front themselves: the server copies into its
    place just what changed, in the same journey in which it says what that is.
    """

    def __init__(self, connection: Connection, size: Size, memory: SharedMemory, pixmaps: list[int]) -> None:
        self._connection = connection
        self._size = size
        self._memory = memory
        self._pixmaps = pixmaps
        self._pixmap = pixmaps[0]
        padded = BlockGrid(size).padded
        self._arrays = list(memory.pixels.reshape(2, padded.height, padded.width))
        self._context = connection.allocate_resource_id()
        attributes = {"subwindow_mode": X.IncludeInferiors, "graphics_exposures": 0}
        request.CreateGC(display=connection, cid=self._context, drawable=connection.root, attrs=attributes)

    @classmethod
    def create(cls, connection: Connection, size: Size, memory: SharedMemory) -> "SharedPixmaps | None":
        """None where the server refuses."""
        padded = BlockGrid(size).padded
        pixmaps = [connection.allocate_resource_id() for _ in range(2)]
        refusals: list[error.XError] = []
        for number, pixmap in enumerate(pixmaps):
            connection.ask(
                requests.ShmCreatePixmap,
                requests.SHM,
                pixmap=pixmap,
                drawable=connection.root,
                width=padded.width,
                height=padded.height,
                depth=connection.screen.root_depth,
                segment=memory.segment,
                offset=number * 4 * padded.width * padded.height,
                onerror=collector(refusals),
            )
        connection.sync()
        return None if refusals else cls(connection, size, memory, pixmaps)

    def fit_back(self, framebuffer: Framebuffer) -> Pixels:
        is_second = framebuffer.front is self._arrays[0]
        framebuffer.lend_back(self._size, self._arrays[is_second])
        self._pixmap = self._pixmaps[is_second]
        return self._arrays[is_second]

    def ask(self, region: int) -> None:
        connection = self._connection
        connection.ask(requests.SetGCClipRegion, requests.XFIXES, gc=self._context, region=region, x=0, y=0)
        request.CopyArea(
            display=connection,
            gc=self._context,
            src_drawable=connection.root,
            dst_drawable=self._pixmap,
            src_x=0,
            src_y=0,
            dst_x=0,
            dst_y=0,
            width=self._size.width,
            height=self._size.height,
        )

    def read(self, damage: Damage, back: Pixels) -> None:
        pass

    def close(self) -> None:
        request.FreeGC(display=self._connection, gc=self._context)
        for pixmap in self._pixmaps:
            request.FreePixmap(display=self._connection, pixmap=pixmap)
        for resource in (self._context, *self._pixmaps):
            self._connection.free_resource_id(resource)
        self._memory.detach()


class PlainImages:
    """Images sent through the connection."""

    def __init__(self, connection: Connection, size: Size) -> None:
        self._connection = connection
        self._size = size

    def fit_back(self, framebuffer: Framebuffer) -> Pixels:
        return framebuffer.fit_back(self._size)

    def ask(self, region: int) -> None:
        pass

    def read(self, damage: Damage, back: Pixels) -> None:
        for stripe in itertools.chain.from_iterable(map(_stripes, damage)):
            image = request.GetImage(
                display=self._connection,
                format=X.ZPixmap,
                drawable=self._connection.root,
                **stripe._asdict(),
                plane_mask=requests.ALL_PLANES,
            )
            _put(np.frombuffer(image.data[:], dtype=np.uint32), stripe, back)

    def close(self) -> None:
        pass


class SharedImages(PlainImages):
    """Images in shared memory, copied from there: for servers whose own pixels are in a graphics card's memory."""

    def __init__(self, connection: Connection, size: Size, memory: SharedMemory) -> None:
        super().__init__(connection, size)
        self._memory = memory

    def read(self, damage: Damage, back: Pixels) -> None:
        # All are asked for at once, in one journey to the server and back.
        replies, start = [], 0
        for rect in damage:
            replies.append(self._ask_for(rect, start))
            start += rect.area
        start = 0
        for rect, reply in zip(damage, replies, strict=True):
            reply.reply()
            end = start + rect.area
            _put(self._memory.pixels[start:end], rect, back)
            start = end

    def close(self) -> None:
        self._memory.detach()

    def _ask_for(self, rect: Rect, offset: int) -> Any:
        """Have the pixels of `rect` written into the segment; they are there when the answer's `reply()` returns."""
        return self._connection.ask(
            requests.ShmGetImage,
            requests.SHM,
            defer=True,
            drawable=self._connection.root,
            **rect._asdict(),
            plane_mask=requests.ALL_PLANES,
            format=X.ZPixmap,
            segment=self._memory.segment,
            offset=offset * 4,
        )


def _stripes(rect: Rect) -> Iterator[Rect]:
    """`rect`, cut into pieces of at most `_STRIPE_PIXELS`."""
    rows = max(1, _STRIPE_PIXELS // rect.width)
    for y in range(rect.y, rect.bottom, rows):
        yield Rect(rect.x, y, rect.width, min(rows, rect.bottom - y))


def _put(pixels: Pixels, rect: Rect, back: Pixels) -> None:
    back[rect.slices] = pixels.reshape(rect.height, rect.width)
