"""The one idea: an array of fixed-size blocks, each with a generation number. No I/O, no clock."""

from voxy.blocks.generations import Generations, Holding
from voxy.blocks.geometry import BLOCK, BlockGrid, Rect, Size
from voxy.blocks.operations import (
    Atlas,
    Copy,
    Deflated,
    Encoding,
    Fill,
    Operation,
    Patches,
    Projection,
    Recall,
    Step,
    Video,
    VideoCodec,
)

__all__ = [
    "BLOCK",
    "Atlas",
    "BlockGrid",
    "Copy",
    "Deflated",
    "Encoding",
    "Fill",
    "Generations",
    "Holding",
    "Operation",
    "Patches",
    "Projection",
    "Recall",
    "Rect",
    "Size",
    "Step",
    "Video",
    "VideoCodec",
]
