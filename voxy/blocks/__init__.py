"""The one idea: an array of fixed-size blocks, each with a generation number. No I/O, no clock."""

from voxy.blocks.generations import Generations, Holding
from voxy.blocks.geometry import BLOCK, BlockGrid, Rect, Size
from voxy.blocks.operations import Atlas, Encoding, Fill, Operation

__all__ = [
    "BLOCK",
    "Atlas",
    "BlockGrid",
    "Encoding",
    "Fill",
    "Generations",
    "Holding",
    "Operation",
    "Rect",
    "Size",
]
