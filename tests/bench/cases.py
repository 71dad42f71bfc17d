"""What can be measured: scenes, lines, sizes, and a case that says one of each."""

from dataclasses import dataclass
from typing import NamedTuple, Self

from voxy.blocks import Size


class Scene(NamedTuple):
    """How a scene behaves; `scene.py` draws it."""

    fps: int
    is_typed: bool


SCENES = {
    "echo": Scene(fps=0, is_typed=True),
    "scroll": Scene(fps=60, is_typed=True),
    "term": Scene(fps=60, is_typed=True),
    "video": Scene(fps=30, is_typed=True),
    "fullvideo": Scene(fps=30, is_typed=True),
    "drag": Scene(fps=30, is_typed=True),
    "slides": Scene(fps=1, is_typed=False),
    "idle": Scene(fps=0, is_typed=False),
}
"""fps 0: nothing moves by itself. is_typed: keys are pressed while it runs."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is between server and browser; rate 0 is loopback as it is."""

    mbit_s: float = 0.0
    delay_ms: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `fast`, or `8/20`: 8 Mbit/s, 20 ms each way."""
        if text == "fast":
            return cls()
        rate, slash, delay = text.partition("/")
        if not slash or float(rate) <= 0 or float(delay) < 0:
            raise ValueError("use fast, or MBIT_S/DELAY_MS such as 8/20")
        return cls(float(rate), float(delay))

    def __str__(self) -> str:
        return f"{self.mbit_s:g} Mbit/s, {self.delay_ms:g} ms each way" if self.mbit_s else "fast line"


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement: which peer shows which scene, of what size, over which line."""

    peer: str
    scene: str
    size: Size
    line: Line
    seconds: float

    def __str__(self) -> str:
        return f"{self.peer}: {self.scene} {self.size}, {self.line}"


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured of a case; None where it has no meaning, as keys in a scene in which nobody types.

    `cores` and `pss_mb` are of the peer's programs and its X server together.
    """

    case: Case
    key_p50_ms: float | None
    key_p95_ms: float | None
    age_p50_ms: float | None
    age_p95_ms: float | None
    frames_s: float
    mbit_s: float
    cores: float
    pss_mb: float

    @property
    def server_ms_per_frame(self) -> float | None:
        """Processor time of the server for each frame that was shown."""
        return self.cores * 1000 / self.frames_s if self.frames_s else None


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that could not be measured."""

    case: Case
    reason: str
