"""RSA-AES: logging in by it, what is sealed afterwards, and servers that aren't who they should be."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.vnc.conversation import converse, says
from tests.sources.vnc.security_servers import (
    OK,
    RA2,
    RA2_256,
    RA2_NE,
    RA2_NE_256,
    VENCRYPT,
    Eax,
    RsaAes,
    fingerprint,
    judge,
    offer,
    public,
    refuse,
    server_key,
    vencrypt,
    word,
)
from voxy.errors import SourceLost, SourceUnavailable
from voxy.sources.vnc.cipher import Cipher
from voxy.sources.vnc.security import Credentials, authenticate
from voxy.sources.vnc.steps import Flow, Read, Send

KEY_BITS = {RA2: 128, RA2_NE: 128, RA2_256: 256, RA2_NE_256: 256}
PASSWORD = Credentials(password="a password of more than 16 bytes")
PERSON = Credentials("ada", PASSWORD.password)


def served(kind: int, rsa_aes: RsaAes) -> Flow[None]:
    """A server of 3.8 that speaks this type alone."""
    assert (yield from offer(kind)) == kind
    yield from logged_in(kind, rsa_aes)


def logged_in(kind: int, rsa_aes: RsaAes) -> Flow[None]:
    is_right = yield from rsa_aes.log_in()
    if kind in (RA2, RA2_256):
        yield Send(rsa_aes.sending.seal(OK if is_right else refuse("Authentication failed")))
    else:
        yield from judge(is_right)


def refused(rsa_aes: RsaAes, credentials: Credentials = PASSWORD, kind: int = RA2_256) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        converse(authenticate((3, 8), credentials), served(kind, rsa_aes))
    return str(caught.value)


def agreed(kind: int = RA2_256) -> tuple[Cipher, RsaAes]:
    """Both ends of a session that is sealed."""
    rsa_aes = RsaAes(KEY_BITS[kind], "", PASSWORD.password)
    cipher = converse(authenticate((3, 8), PASSWORD), served(kind, rsa_aes)).result
    assert cipher is not None
    return cipher, rsa_aes


# --- logging in


@pytest.mark.parametrize("kind", KEY_BITS)
@pytest.mark.parametrize("asks_user", [True, False])
def test_right_password(kind: int, asks_user: bool) -> None:
    rsa_aes = RsaAes(KEY_BITS[kind], "ada", PERSON.password, asks_user)
    conversation = converse(authenticate((3, 8), PERSON), served(kind, rsa_aes))
    assert not conversation.unread
    assert not conversation.unheard
    assert (conversation.result is not None) == (kind in (RA2, RA2_256))


@pytest.mark.parametrize("kind", KEY_BITS)
def test_wrong_password(kind: int) -> None:
    rsa_aes = RsaAes(KEY_BITS[kind], "ada", "another", asks_user=True)
    assert "refuses the user name or the password (“Authentication failed”)" in refused(rsa_aes, PERSON, kind)
    assert "refuses the password (“Authentication failed”)" in refused(RsaAes(KEY_BITS[kind], "", "x"), kind=kind)


def test_inside_vencrypt_as_tigervnc_offers_it() -> None:
    def server() -> Flow[None]:
        yield from offer(VENCRYPT)
        assert (yield from vencrypt(2, RA2, RA2_256)) == RA2_256
        yield from logged_in(RA2_256, RsaAes(256, "", PASSWORD.password))

    assert converse(authenticate((3, 8), PASSWORD), server()).result is not None


def test_server_that_wants_a_user_name() -> None:
    assert "needs a user name: set --vnc-user" in refused(RsaAes(256, "ada", "x", asks_user=True))


def test_credentials_that_are_too_long() -> None:
    assert "shorter than 256 bytes" in refused(RsaAes(256, "", "x"), Credentials(password="ö" * 128))


# --- the server's key


def test_known_server() -> None:
    known = Credentials(password=PASSWORD.password, known_server=fingerprint().upper())
    converse(authenticate((3, 8), known), served(RA2_256, RsaAes(256, "", PASSWORD.password)))


def test_another_server_than_the_known_one_gets_nothing() -> None:
    other = Credentials(password=PASSWORD.password, known_server="00" * 32)
    flow = authenticate((3, 8), other)
    assert next(flow) == Read(1)
    assert flow.send(b"\1") == Read(1)
    assert flow.send(bytes([RA2_256])) == Send(bytes([RA2_256]))
    assert flow.send(b"") == Read(4)
    shown = public(server_key())
    flow.send(shown[:4])
    with pytest.raises(SourceUnavailable, match=f"its SHA-256 is {fingerprint()}"):
        flow.send(shown[4:])


@pytest.mark.parametrize("bits", [0, 1, 1023, 8193, 65535, (1 << 32) - 1])
def test_key_of_an_absurd_size_is_not_waited_for(bits: int) -> None:
    with pytest.raises(SourceUnavailable, match=f"an RSA key of {bits} bits"):
        converse(authenticate((3, 8), PASSWORD), says(bytes([1, RA2]), word(bits)))


@pytest.mark.parametrize(
    ("modulus", "exponent"),
    [
        (0, 65537),
        (1, 65537),
        ((1 << 2048) - 2, 65537),
        ((1 << 2039) + 1, 65537),
        ((1 << 2047) + 1, 0),
        ((1 << 2047) + 1, 1),
        ((1 << 2047) + 1, 2),
        ((1 << 2047) + 1, (1 << 2047) + 1),
    ],
    ids=["no modulus", "1", "even", "short", "no exponent", "exponent 1", "even exponent", "long exponent"],
)
def test_key_that_is_none(modulus: int, exponent: int) -> None:
    key = word(2048) + word(modulus, 256) + word(exponent, 256)
    with pytest.raises(SourceUnavailable, match="an RSA key that is none"):
        converse(authenticate((3, 8), PASSWORD), says(bytes([1, RA2]), key))


# --- servers that lie, and people in between


def test_who_exchanges_keys_is_noticed() -> None:
    assert "somebody is between the two" in refused(RsaAes(256, "", "x", false_hash=True))


def test_random_number_of_another_size() -> None:
    assert "answer doesn't fit" in refused(RsaAes(256, "", "x", false_random=b"short"))


def test_wrong_tag_during_the_handshake() -> None:
    assert "don't have the same key" in refused(RsaAes(128, "", "x", false_tag=1), kind=RA2)


def test_unknown_way_of_asking() -> None:
    assert "RSA-AES 77" in refused(RsaAes(128, "", "x", subtype=77), kind=RA2)


@pytest.mark.parametrize("size", [0, 255, 257, 65535])
def test_answer_of_another_size_is_not_waited_for(size: int) -> None:
    talk = public(server_key()) + word(size, 2)
    with pytest.raises(SourceUnavailable, match=f"with {size}: it is no RSA-AES"):
        converse(authenticate((3, 8), PASSWORD), says(bytes([1, RA2]), talk))


@pytest.mark.parametrize("size", [0, 8193, 65535])
def test_message_of_another_size_during_the_handshake_is_not_waited_for(size: int) -> None:
    reading = Cipher(bytes(16), bytes(16)).read(1)
    next(reading)
    with pytest.raises(SourceUnavailable, match=f"message of {size} bytes"):
        reading.send(word(size, 2))


# --- the session afterwards


@pytest.mark.parametrize("kind", [RA2, RA2_256])
def test_session_is_sealed_both_ways(kind: int) -> None:
    cipher, rsa_aes = agreed(kind)
    for data in (b"\1", b"x" * 30_000, b"", b"last"):
        sealed = cipher.encrypt(data)
        assert b"xxxxx" not in sealed
        assert rsa_aes.receiving.open_all(sealed) == data
        assert cipher.decrypt(rsa_aes.sending.seal(data)) == data


def test_sealed_messages_are_no_longer_than_tigervnc_makes_them() -> None:
    sealed = Cipher(bytes(16), bytes(16)).encrypt(bytes(8193))
    assert sealed[:2] == word(8192, 2)
    assert sealed[2 + 8192 + 16 :][:2] == word(1, 2)


@given(sizes=st.lists(st.integers(0, 300), max_size=5), cuts=st.lists(st.integers(0, 1500), max_size=8))
def test_session_is_read_as_it_comes(sizes: list[int], cuts: list[int]) -> None:
    sending, cipher = Eax(bytes(16)), Cipher(bytes(16), bytes(16))
    parts = [bytes([number]) * size for number, size in enumerate(sizes)]
    sealed = b"".join(map(sending.seal, parts))
    edges = [0, *sorted(min(cut, len(sealed)) for cut in cuts), len(sealed)]
    plain = [cipher.decrypt(sealed[start:end]) for start, end in itertools.pairwise(edges)]
    assert b"".join(plain) == b"".join(parts)


def test_what_a_login_message_has_beyond_the_login_is_the_sessions() -> None:
    sending, cipher = Eax(bytes(16)), Cipher(bytes(16), bytes(16))
    reading = cipher.read(4)
    message = sending.seal(OK + b"name")
    assert next(reading) == Read(2)
    assert reading.send(message[:2]) == Read(len(message) - 2)
    with pytest.raises(StopIteration) as result:
        reading.send(message[2:])
    assert result.value.value == OK
    assert cipher.decrypt(sending.seal(b" and more")) == b"name and more"


@pytest.mark.parametrize("at", [0, 1, 2, 20, -1])
def test_changed_session_is_lost(at: int) -> None:
    sealed = bytearray(Eax(bytes(16)).seal(b"something that is said"))
    sealed[at] ^= 1
    with pytest.raises(SourceLost, match="changed on its way"):
        Cipher(bytes(16), bytes(16)).decrypt(bytes(sealed) + bytes(1 << 16))


def test_repeated_message_is_lost() -> None:
    cipher, sealed = Cipher(bytes(16), bytes(16)), Eax(bytes(16)).seal(b"said once")
    assert cipher.decrypt(sealed) == b"said once"
    with pytest.raises(SourceLost, match="changed on its way"):
        cipher.decrypt(sealed)
