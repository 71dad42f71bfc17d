"""No picture of a viewer is decoded: what it sends are bytes to us."""

import ast
import struct
import zlib
from pathlib import Path

from tests.stack import HELLO, running, viewing
from tests.web.test_stream import RecordingSource
from voxy.session.events import Delivery, Offer

PACKAGE = Path(__file__).parents[2] / "voxy"
DECODERS = {"open", "decode_jpeg", "frombytes", "frombuffer"}


def decodes_pictures(path: Path) -> bool:
    """Whether a module has something that reads the formats of pictures."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id == "Image" and node.attr in DECODERS) or node.attr.startswith("decode_jpeg"):
                return True
            if node.value.id == "av" and node.attr == "open":
                return True
    return False


def test_pictures_are_decoded_where_a_vnc_server_sends_them_alone() -> None:
    decoding = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if decodes_pictures(path)}
    assert decoding == {"sources/vnc/tight.py"}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


async def test_a_pasted_picture_that_is_a_bomb_is_bytes() -> None:
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0))
    bomb += chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")
    source = RecordingSource()
    async with running(source) as stack, viewing(stack, greet=False) as viewer:
        await viewer.send(**HELLO, capabilities=["clipboard"])
        await viewer.next_text("clipboard")
        await viewer.send(type="clip", parts=[{"mime": "image/png", "size": len(bomb)}])
        await viewer.socket.send_bytes(b"\x11" + bomb)
        assert isinstance(await source.next_injected(), Offer)
        delivery = await source.next_injected()
        assert isinstance(delivery, Delivery)
        assert delivery.clip
        assert delivery.clip.parts == {"image/png": bomb}
