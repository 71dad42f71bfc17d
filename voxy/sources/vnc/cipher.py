"""AES-EAX messages, in which RSA-AES wraps its handshake and, for some types, the whole session.

A message is a U16 length (which is authenticated), that many encrypted bytes, and a tag of 16 bytes. Each direction has
its own key and, as nonce, a little-endian counter of its messages.
"""

from voxy.errors import SourceLost, SourceUnavailable
from voxy.sources.vnc.steps import Flow, Read

_LENGTH_BYTES = 2
_TAG_BYTES = 16
_NONCE_BYTES = 16
_MESSAGE_BYTES = 8192  # the most that TigerVNC puts in one message; what a handshake needs is far less


class Cipher:
    """Both directions of one connection; keys of 16 or 32 bytes."""

    def __init__(self, sending_key: bytes, receiving_key: bytes) -> None:
        self._sending = _Direction(sending_key)
        self._receiving = _Direction(receiving_key)
        self._received = bytearray()
        self._plain = bytearray()

    def encrypt(self, data: bytes) -> bytes:
        """The messages that carry `data`."""
        parts = (data[start : start + _MESSAGE_BYTES] for start in range(0, len(data), _MESSAGE_BYTES))
        return b"".join(self._sending.seal(part) for part in parts)

    def decrypt(self, data: bytes) -> bytes:
        """The plain bytes of all messages that are whole with `data`; holds at most one that isn't.

        Raises SourceLost if a message was changed on its way; nothing more can be read then.
        """
        self._received += data
        start = 0
        while (end := self._end_of_message(start)) <= len(self._received):
            header = bytes(self._received[start : start + _LENGTH_BYTES])
            try:
                self._plain += self._receiving.open(header, bytes(self._received[start + _LENGTH_BYTES : end]))
            except ValueError:
                raise SourceLost("What the VNC server sent was changed on its way: VoXY connects anew.") from None
            start = end
        del self._received[:start]
        plain = bytes(self._plain)
        self._plain.clear()
        return plain

    def read(self, size: int) -> Flow[bytes]:
        """Exactly `size` plain bytes during the handshake; what a message has beyond them is kept for later.

        Raises SourceUnavailable if a message was changed on its way, or is empty or longer than any of a handshake.
        """
        while len(self._plain) < size:
            header = yield Read(_LENGTH_BYTES)
            length = int.from_bytes(header)
            if not 0 < length <= _MESSAGE_BYTES:
                raise SourceUnavailable(f"The VNC server logs in with a message of {length} bytes: it is no RSA-AES.")
            sealed = yield Read(length + _TAG_BYTES)
            try:
                self._plain += self._receiving.open(header, sealed)
            except ValueError:
                raise SourceUnavailable(
                    "The VNC server and VoXY don't have the same key: somebody between them may have changed it."
                ) from None
        plain = bytes(self._plain[:size])
        del self._plain[:size]
        return plain

    def _end_of_message(self, start: int) -> int:
        length = int.from_bytes(self._received[start : start + _LENGTH_BYTES])
        return start + _LENGTH_BYTES + length + _TAG_BYTES


class _Direction:
    """The key of one direction, and how many messages went it."""

    def __init__(self, key: bytes) -> None:
        # Imported here: most connections need no cipher, and the import takes a while.
        from Crypto.Cipher import AES

        self._key = key
        self._aes = AES
        self._count = 0

    def seal(self, plain: bytes) -> bytes:
        header = len(plain).to_bytes(_LENGTH_BYTES)
        aes = self._aes.new(self._key, self._aes.MODE_EAX, nonce=self._nonce(), mac_len=_TAG_BYTES)
        sealed, tag = aes.update(header).encrypt_and_digest(plain)
        return header + sealed + tag

    def open(self, header: bytes, sealed: bytes) -> bytes:
        """The plain bytes; ValueError if header, bytes or tag are not what was sealed."""
        aes = self._aes.new(self._key, self._aes.MODE_EAX, nonce=self._nonce(), mac_len=_TAG_BYTES)
        return aes.update(header).decrypt_and_verify(sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:])

    def _nonce(self) -> bytes:
        nonce = self._count.to_bytes(_NONCE_BYTES, "little")
        self._count += 1
        return nonce
