"""Inflate: a zlib stream that gives exactly what is asked of it, and never more."""

import zlib

from voxy.errors import SourceLost


class Inflate:
    """One of a server's streams; it goes on from rect to rect."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()

    def reset(self) -> None:
        self._stream = zlib.decompressobj()

    def exactly(self, data: bytes, size: int) -> bytes:
        """The `size` bytes that `data` holds; SourceLost for any other number."""
        found = self.at_most(data, size)
        if len(found) != size:
            raise SourceLost(f"The VNC server sends {len(found)} bytes of a picture that has {size}.")
        return found

    def at_most(self, data: bytes, size: int) -> bytes:
        try:
            # One more than may be: what is left of the input then is a bomb.
            found = self._stream.decompress(data, size + 1)
        except zlib.error as error:
            raise SourceLost(f"The VNC server sends a picture that can't be unpacked: {error}.") from None
        if self._stream.eof:
            # zlib would keep all that follows.
            raise SourceLost("The VNC server ends a stream of pictures that goes on.")
        if len(found) > size:
            raise SourceLost(f"The VNC server packs more than the {size} bytes that belong there.")
        return found
