"""Memory of blocks: what a viewer keeps of the images that it was sent, so that a block seen before is only named."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy as np

from voxy.blocks.generations import Blocks
from voxy.blocks.operations import Atlas, Operation, Recall

_MOST_BLOCKS = 1 << 16
"""Blocks that a library knows at the most: 1 GiB of pixels, more than any viewer keeps."""


class Shelf:
    """The images that one viewer keeps, the least recently used first; the viewer does just the same.

    Images are put on it, and named, in the order of an update's operations; after each update those used least
    recently go, until the rest take at most `limit` bytes (four a pixel).
    """

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        self._images: dict[int, int] = {}
        self._bytes = 0

    def copy(self) -> Self:
        """Another shelf with the same on it."""
        shelf = type(self)(self.limit)
        shelf._images, shelf._bytes = self._images.copy(), self._bytes
        return shelf

    def __contains__(self, image: int) -> bool:
        return image in self._images

    def take(self, used: Sequence[tuple[int, int]]) -> None:
        """Note an update with these images in the order of their use, each with its bytes, or 0 if it was recalled."""
        for image, size in used:
            self._bytes += size
            self._images[image] = size or self._images.pop(image)
        while self._bytes > self.limit:
            self._bytes -= self._images.pop(next(iter(self._images)))


class Library:
    """Which images have a block of some content, for all viewers of a desktop. Contents are told by their digests."""

    def __init__(self) -> None:
        self._places: dict[bytes, dict[int, int]] = {}
        self._contents: dict[int, Sequence[bytes]] = {}
        self._count = 0

    def add(self, image: int, contents: Sequence[bytes]) -> None:
        """Note what the blocks of a new image are."""
        self._contents[image] = contents
        self._count += len(contents)
        for index, digest in enumerate(contents):
            self._places.setdefault(digest, {})[image] = index
        while self._count > _MOST_BLOCKS:
            self._drop(next(iter(self._contents)))

    def _drop(self, image: int) -> None:
        contents = self._contents.pop(image)
        self._count -= len(contents)
        for digest in contents:
            places = self._places.get(digest, {})
            places.pop(image, None)
            if not places:
                self._places.pop(digest, None)

    def recall(
        self, blocks: Blocks, digests: Mapping[int, bytes], shelf: Shelf
    ) -> tuple[Blocks, dict[int, dict[int, int]]]:
        """The blocks that no image on the shelf has; and for each image the others, with their places in it."""
        missing: list[int] = []
        found: dict[int, dict[int, int]] = {}
        for block in blocks.tolist():
            for image, index in self._places.get(digests[block], {}).items():
                if image in shelf:
                    found.setdefault(image, {})[block] = index
                    break
            else:
                missing.append(block)
        return np.array(missing, dtype=np.intp), found


def used_images(operations: Iterable[Operation]) -> tuple[tuple[int, int], ...]:
    """The images of an update, each with its bytes, in the order in which they are kept and recalled."""
    used: list[tuple[int, int]] = []
    for operation in operations:
        match operation:
            case Atlas(number=number) if number:
                used.append((number, operation.kept_bytes))
            case Recall(number=number):
                used.append((number, 0))
    return tuple(used)


def find_repeats(blocks: Blocks, digests: Mapping[int, bytes], number: int) -> tuple[Blocks, tuple[Recall, ...]]:
    """The blocks of an image without those that are like another; and how to draw these from image `number`."""
    places: dict[bytes, int] = {}
    repeated: dict[int, int] = {}
    once: list[int] = []
    for block in blocks.tolist():
        place = places.setdefault(digests[block], len(once))
        if place == len(once):
            once.append(block)
        else:
            repeated[block] = place
    return np.array(once, dtype=np.intp), to_recalls({number: repeated} if repeated else {})


def to_recalls(found: Mapping[int, Mapping[int, int]]) -> tuple[Recall, ...]:
    """The operations that draw what was found, blocks ascending."""
    return tuple(
        Recall(image, *(np.array(side, dtype=np.intp) for side in zip(*sorted(places.items()), strict=True)))
        for image, places in sorted(found.items())
    )
