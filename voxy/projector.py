"""Projector: which viewer follows which stream of the film that is running."""

from dataclasses import dataclass

from voxy.blocks import Projection, Rect, Video, VideoCodec
from voxy.blocks.generations import Blocks
from voxy.screen.film import Film
from voxy.screen.framebuffer import Pixels
from voxy.screen.streams import Stream
from voxy.screen.video import video_codecs
from voxy.session.viewer import Viewer

_MOST_STREAMS = 3
"""Streams of one film: each encodes all of it. Whoever can't go on with any gets pictures as if there were no video."""


_NAMES = {codec: codec.name.lower() for codec in VideoCodec}
"""What the codecs are called among a viewer's capabilities."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a viewer that has had `number` chunks of a stream lacks, up to one of a `generation`."""

    stream: Stream
    number: int
    generation: int
    bytes_s: float
    rect: Rect
    blocks: Blocks
    """Where the film was then, and what that touches."""

    @property
    def key(self) -> tuple[int, int]:
        """Equal for all viewers that lack the same."""
        return id(self.stream), self.number

    def encode(self, pixels: Pixels) -> tuple[tuple[Video, ...], int]:
        """The chunks, of which the last is of `pixels` or newer ones, and how many the viewer has had then."""
        return self.stream.take(self.number, pixels, self.rect, self.generation, self.bytes_s)


class Projector:
    """Gives each viewer that can show video a stream that it can go on with."""

    def __init__(self) -> None:
        self._following: dict[Viewer, tuple[Stream, int]] = {}

    def may_serve(self, viewer: Viewer) -> bool:
        """Whether `viewer` can show any video, and wants it."""
        return viewer.flow.quality.level != "exact" and not viewer.capabilities.isdisjoint(_NAMES.values())

    def prepare(self) -> None:
        """Have all at hand that the first frame needs; may be called in any thread."""
        video_codecs()

    def project(self, viewer: Viewer, film: Film) -> Projection | None:
        """Give `viewer` a stream of `film` that it goes on with, or begins; None where there is none for it."""
        stream, number = self._following.get(viewer, (None, 0))
        may_serve = self.may_serve(viewer)
        if not may_serve or stream is None or stream.film is not film or not stream.serves(number):
            self._following.pop(viewer, None)
            stream, number = self._find_stream(viewer, film) if may_serve else None, 0
            if stream is None:
                return None
            self._following[viewer] = stream, 0
        return Projection(film.grid, film.rect, film.blocks, film.edges, number == 0)

    def _find_stream(self, viewer: Viewer, film: Film) -> Stream | None:
        """One that nobody has begun yet, which serves all who begin together, or a new one."""
        codec = next((codec for codec in video_codecs() if _NAMES[codec] in viewer.capabilities), None)
        streams = {stream for stream, _ in self._following.values() if stream.film is film}
        for stream in streams:
            if stream.codec is codec and stream.serves(0):
                return stream
        if codec is None or len(streams) >= _MOST_STREAMS:
            return None
        return Stream(film, codec, viewer.flow.quality.film_bytes_s)

    def next_frame(self, viewer: Viewer, generation: int) -> Frame:
        """What `viewer` gets next."""
        stream, number = self._following[viewer]
        return Frame(stream, number, generation, viewer.flow.quality.film_bytes_s, stream.film.rect, stream.film.blocks)

    def sent(self, viewer: Viewer, stream: Stream, number: int) -> None:
        """Note that `viewer` has had `number` chunks of a stream."""
        if viewer in self._following:
            self._following[viewer] = stream, number

    def leave(self, viewer: Viewer) -> None:
        self._following.pop(viewer, None)
