"""Projector: which viewer follows which stream of the film that is running."""

from dataclasses import dataclass

import numpy as np

from voxy.blocks import BlockGrid, Projection, Video
from voxy.screen.film import Film
from voxy.screen.framebuffer import Pixels
from voxy.screen.streams import Stream
from voxy.screen.video import video_codecs
from voxy.session.viewer import Viewer

_MOST_STREAMS = 3
"""Streams of one film: each encodes all of it. Whoever can't go on with any gets pictures as if there were no video."""


@dataclass(slots=True)
class Frame:
    """What a viewer that has had `number` chunks of a stream lacks, up to one of `pixels`."""

    stream: Stream
    number: int
    generation: int
    bytes_s: float
    pixels: Pixels

    @property
    def film(self) -> Film:
        return self.stream.film

    @property
    def key(self) -> tuple[int, int]:
        """Equal for all viewers that lack the same."""
        return id(self.stream), self.number

    def encode(self) -> tuple[Video, ...]:
        videos, self.number = self.stream.take(self.number, self.pixels, self.generation, self.bytes_s)
        return videos


class Projector:
    """Gives each viewer that can show video a stream that it can go on with."""

    def __init__(self) -> None:
        self._following: dict[Viewer, tuple[Stream, int]] = {}

    def project(self, viewer: Viewer, film: Film, grid: BlockGrid) -> Projection | None:
        """Give `viewer` a stream of `film` that it goes on with, or begins; None where there is none for it."""
        stream, number = self._following.get(viewer, (None, 0))
        if stream is None or stream.film is not film or not stream.serves(number):
            self._following.pop(viewer, None)
            stream, number = self._find_stream(viewer, film, grid), 0
            if stream is None:
                return None
            self._following[viewer] = stream, 0
        return Projection(film.blocks, stream.edges, number == 0)

    def _find_stream(self, viewer: Viewer, film: Film, grid: BlockGrid) -> Stream | None:
        """One that nobody has begun yet, which serves all who begin together, or a new one."""
        codec = next((codec for codec in video_codecs() if codec.name.lower() in viewer.capabilities), None)
        streams = {stream for stream, _ in self._following.values() if stream.film is film}
        for stream in streams:
            if stream.codec is codec and stream.serves(0):
                return stream
        if codec is None or len(streams) >= _MOST_STREAMS:
            return None
        return Stream(film, grid, codec, viewer.flow.bytes_s)

    def next_frame(self, viewer: Viewer, generation: int) -> Frame:
        """What `viewer` gets next."""
        stream, number = self._following[viewer]
        return Frame(stream, number, generation, viewer.flow.bytes_s, np.empty((0, 0), dtype=np.uint32))

    def sent(self, viewer: Viewer, frame: Frame) -> None:
        """Note that `viewer` gets what was made of a frame."""
        if viewer in self._following:
            self._following[viewer] = frame.stream, frame.number

    def leave(self, viewer: Viewer) -> None:
        self._following.pop(viewer, None)
