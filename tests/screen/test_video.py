import sys

import numpy as np
import pytest

from tests.pictures import photograph, to_pixels
from voxy.blocks import Size, VideoCodec
from voxy.screen import video
from voxy.screen.framebuffer import Pixels
from voxy.screen.video import Chunk, VideoEncoder, video_codecs

av = pytest.importorskip("av", reason="without the extra voxy[video] there is nothing to encode with")

RATE = 4_000_000


def panning(size: Size, frames: int) -> list[Pixels]:
    """A noisy photograph that moves under a frame of `size`, as parts of one larger array."""
    whole = photograph(Size(size.width + 64, size.height + 64))
    offsets = [(int(32 + 31 * np.cos(n / 7)), int(32 + 31 * np.sin(n / 9))) for n in range(frames)]
    return [whole[top : top + size.height, left : left + size.width] for top, left in offsets]


def decoded(codec: VideoCodec, chunks: list[Chunk]) -> list[Pixels]:
    context = av.CodecContext.create({VideoCodec.H264: "h264", VideoCodec.VP8: "vp8"}[codec], "r")
    frames = []
    for chunk in chunks:
        (frame,) = context.decode(av.Packet(chunk.data))
        frames.append(to_pixels(frame.to_ndarray(format="rgb24")))
    return frames


def psnr(shown: Pixels, wanted: Pixels) -> float:
    channels = [pixels[..., None] >> np.array([16, 8, 0], dtype=np.uint32) & 255 for pixels in (shown, wanted)]
    return float(10 * np.log10(255**2 / np.mean((channels[0].astype(int) - channels[1]) ** 2)))


def test_both_codecs_are_there() -> None:
    assert video_codecs() == (VideoCodec.H264, VideoCodec.VP8)


def test_without_pyav_nothing_can_be_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert video.video_codecs.__wrapped__() == ()


@pytest.mark.parametrize("codec", list(VideoCodec), ids=lambda codec: codec.name)
@pytest.mark.parametrize("size", [Size(640, 360), Size(333, 221)], ids=str)
def test_each_frame_is_one_chunk_and_near_the_source(codec: VideoCodec, size: Size) -> None:
    encoder = VideoEncoder(codec, size, RATE)
    frames = panning(size, 12)
    chunks = [encoder.encode(frame) for frame in frames]
    assert [chunk.is_key for chunk in chunks] == [True] + [False] * 11
    for shown, wanted in zip(decoded(codec, chunks), frames, strict=True):
        assert shown.shape == (size.height + size.height % 2, size.width + size.width % 2)
        assert psnr(shown[: size.height, : size.width], wanted) > 35


@pytest.mark.parametrize("codec", list(VideoCodec), ids=lambda codec: codec.name)
def test_a_key_chunk_begins_anew(codec: VideoCodec) -> None:
    encoder = VideoEncoder(codec, Size(320, 240), RATE)
    frames = panning(Size(320, 240), 6)
    chunks = [encoder.encode(frame, is_key=number == 3) for number, frame in enumerate(frames)]
    assert [chunk.is_key for chunk in chunks] == [True, False, False, True, False, False]
    for shown, wanted in zip(decoded(codec, chunks[3:]), frames[3:], strict=True):
        assert psnr(shown, wanted) > 35


def test_h264_is_what_browsers_are_told() -> None:
    chunk = VideoEncoder(VideoCodec.H264, Size(1280, 720), RATE).encode(panning(Size(1280, 720), 1)[0])
    assert chunk.data.startswith(b"\0\0\0\1\x67\x42\xc0")  # a parameter set, of the constrained baseline profile


@pytest.mark.parametrize("codec", list(VideoCodec), ids=lambda codec: codec.name)
def test_the_rate_is_followed_while_running(codec: VideoCodec) -> None:
    size = Size(320, 240)
    random = np.random.default_rng(3)
    noise = [to_pixels(random.integers(0, 255, (size.height, size.width, 3))) for _ in range(4)]
    encoder = VideoEncoder(codec, size, 6_000_000)
    fine = [encoder.encode(noise[number % 4]) for number in range(30)]
    encoder.bits_per_second = 600_000
    coarse = [encoder.encode(noise[number % 4]) for number in range(60)]
    assert sum(len(chunk.data) for chunk in coarse[30:]) < sum(len(chunk.data) for chunk in fine) / 2
    assert coarse[0].is_key is (codec is VideoCodec.VP8)
    assert not any(chunk.is_key for chunk in coarse[1:])
