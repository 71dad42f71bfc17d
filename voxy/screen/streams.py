"""Streams: the chunks of one film, for all viewers that have got each of them so far."""

import threading
from collections import deque

from voxy.blocks import Rect, Size, Video, VideoCodec
from voxy.screen.film import Film
from voxy.screen.framebuffer import Pixels
from voxy.screen.video import Chunk, VideoEncoder

_MOST_BEHIND = 3
"""Chunks that a viewer may be behind the others, and get with the next one; more are quicker sent as a new stream."""

_CHUNKS_KEPT = 32
"""Chunks kept: while one who is behind waits for its turn to be encoded, others may get ahead."""

_MOST_BITS_S = 6_000_000
_LINE_SHARE = 0.6
"""Of what a line can take, what a film may."""

_RATE_STEP = 0.25
"""The rate follows the line where it is this much off: it is measured anew with each acknowledgement."""


class Stream:
    """One encoder of one film. Each chunk needs all before it, so a viewer that missed one needs another stream."""

    def __init__(self, film: Film, codec: VideoCodec, bytes_s: float) -> None:
        self.film = film
        self.codec = codec
        self._encoder = VideoEncoder(codec, Size(film.rect.width, film.rect.height), _rate(bytes_s))
        self._chunks: deque[Chunk] = deque(maxlen=_CHUNKS_KEPT)
        self._count = 0
        self._generation = 0
        self._lock = threading.Lock()

    def serves(self, number: int) -> bool:
        """Whether a viewer that has had `number` chunks can go on."""
        return self._count - _MOST_BEHIND <= number

    def take(
        self, number: int, pixels: Pixels, rect: Rect, generation: int, bytes_s: float
    ) -> tuple[tuple[Video, ...], int]:
        """What a viewer lacks that has had `number` chunks, up to one of these pixels, to be drawn on `rect`; and how
        many it has had then.
        """
        with self._lock:
            # Somebody may have been quicker, with the same picture or a newer one.
            is_lost = number < self._count - len(self._chunks)
            if generation > self._generation or is_lost:
                self._generation = generation
                self._follow_rate(_rate(bytes_s))
                self._chunks.append(self._encoder.encode(pixels, is_key=is_lost))
                self._count += 1
            chunks = list(self._chunks)[-1 if is_lost else number - self._count :] if number < self._count else []
            videos = tuple(Video(self.codec, 0, chunk.is_key, rect, chunk.data) for chunk in chunks)
            return videos, self._count

    def _follow_rate(self, wanted: int) -> None:
        if abs(wanted - self._encoder.bits_per_second) > _RATE_STEP * self._encoder.bits_per_second:
            self._encoder.bits_per_second = wanted


def cut(front: Pixels, rect: Rect) -> Pixels:
    """A copy of the pixels of a frame."""
    return front[rect.slices].copy()


def _rate(bytes_s: float) -> int:
    return int(min(_MOST_BITS_S, _LINE_SHARE * 8 * bytes_s))
