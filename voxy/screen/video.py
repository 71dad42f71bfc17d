"""A rect of the screen as video: one chunk for each frame, at once. PyAV does it, where it is installed."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, cast

import numpy as np

from voxy.blocks import Size, VideoCodec
from voxy.screen.framebuffer import Pixels

if TYPE_CHECKING:
    import av

_FRAMES_S = 30
"""Frames a second that a bit rate is meant for: each frame may take a thirtieth of it, however many there are."""

_BURST_BITS_A_PIXEL = 0.6
"""What may be sent above the rate at once: a key frame of a photograph takes 0.35 bits a pixel."""

_FINEST = "22"
"""H.264's quantizer (0…51) below which nothing is spent: 46 dB, the difference isn't seen in motion."""

_SMPTE170M = 6
"""FFmpeg's number of BT.601's matrix."""

_NAMES = {VideoCodec.H264: "libx264", VideoCodec.VP8: "libvpx"}

# Figures for a panning photograph with noise: ultrafast takes 3.6 ms at 1280x720, superfast 5.0 for the same size.
# A second thread saves 0.4 ms and takes the other core from whoever needs it.
_OPTIONS = {
    VideoCodec.H264: {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "forced-idr": "1",
        "qmin": _FINEST,
    },
    VideoCodec.VP8: {"deadline": "realtime", "cpu-used": "-16", "lag-in-frames": "0", "qmin": "8"},
}


@cache
def video_codecs() -> tuple[VideoCodec, ...]:
    """What can be encoded here, best first; nothing without the extra `voxy[video]`."""
    try:
        from av import codecs_available
    except ImportError:
        return ()
    return tuple(codec for codec, name in _NAMES.items() if name in codecs_available)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One frame, encoded. It needs all chunks before it, back to the last key one."""

    data: bytes
    is_key: bool


class VideoEncoder:
    """Encodes frames of `size` as one stream: the first chunk is a key one, then those that were asked for.

    Not to be called from two threads at once; PyAV releases the GIL while it converts and encodes.
    """

    def __init__(self, codec: VideoCodec, size: Size, bits_per_second: int) -> None:
        from av.video.reformatter import VideoReformatter

        self.codec = codec
        self.size = size
        self._bits_per_second = bits_per_second
        self._reformatter = VideoReformatter()
        self._context = self._open()

    @property
    def bits_per_second(self) -> int:
        """What the stream may take at 30 frames/s; an easy picture takes less, since it gets no finer than is seen."""
        return self._bits_per_second

    @bits_per_second.setter
    def bits_per_second(self, value: int) -> None:
        if value == self._bits_per_second:
            return
        self._bits_per_second = value
        if self.codec is VideoCodec.H264:
            self._context.bit_rate = value
        else:
            # FFmpeg tells libvpx of no change: the stream begins anew.
            self._context = self._open()

    def encode(self, pixels: Pixels, is_key: bool = False) -> Chunk:
        """The chunk of one frame, BGRX pixels that may be a part of a larger array."""
        from av.video.frame import PictureType

        frame = self._to_yuv(pixels)
        if is_key:
            frame.pict_type = PictureType.I
        (packet,) = self._context.encode(frame)
        return Chunk(bytes(packet), packet.is_keyframe)

    def _to_yuv(self, pixels: Pixels) -> "av.VideoFrame":
        from av import VideoFrame
        from av.video.reformatter import ColorRange, Colorspace

        height, width = pixels.shape
        if width % 2 or height % 2:
            pixels = np.pad(pixels, ((0, height % 2), (0, width % 2)), mode="edge")
        channels = pixels.view(np.uint8).reshape(*pixels.shape, 4)
        return self._reformatter.reformat(
            VideoFrame.from_numpy_buffer(channels, "bgra"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )

    def _open(self) -> "av.VideoCodecContext":
        from av import CodecContext
        from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc

        context = cast("av.VideoCodecContext", CodecContext.create(_NAMES[self.codec], "w"))
        context.width, context.height = (side + side % 2 for side in self.size)
        context.pix_fmt = "yuv420p"
        context.framerate = Fraction(_FRAMES_S)
        context.time_base = Fraction(1, _FRAMES_S)
        context.thread_count = 1
        context.gop_size = 2**30  # a key frame is asked for; it never comes by itself
        context.max_b_frames = 0
        context.bit_rate = self._bits_per_second
        # The matrix is BT.601's since VP8 knows no other; primaries and transfer are the screen's own.
        context.color_range = ColorRange.MPEG
        context.colorspace = _SMPTE170M
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.IEC61966_2_1
        burst = max(int(_BURST_BITS_A_PIXEL * context.width * context.height), 1)
        # x264 follows a change of its rate only where the most is the rate itself from the beginning.
        context.options = {
            **_OPTIONS[self.codec],
            "maxrate": str(self._bits_per_second),
            "bufsize": str(burst),
        }
        return context
