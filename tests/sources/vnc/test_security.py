"""Logging in to VNC servers: what is chosen of what they offer, what they are told, and what people hear."""

import contextlib
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.vnc.conversation import Conversation, ServerSilent, converse, says
from tests.sources.vnc.security_servers import (
    APPLE,
    NONE,
    OK,
    PLAIN,
    PRIME,
    RA2,
    RA2_256,
    RA2_NE,
    RA2_NE_256,
    TLS_NONE,
    TLS_PLAIN,
    TLS_VNC,
    VENCRYPT,
    VNC_AUTH,
    X509_NONE,
    X509_PLAIN,
    X509_VNC,
    apple,
    judge,
    offer,
    plain,
    refuse,
    text,
    vencrypt,
    vnc_auth,
    word,
)
from voxy.errors import ConfigError, SourceUnavailable
from voxy.sources.vnc.cipher import Cipher
from voxy.sources.vnc.security import Credentials, authenticate, choose
from voxy.sources.vnc.steps import Flow, Read, Send
from voxy.sources.vnc.tls import tls_context

NOBODY = Credentials()
PASSWORD = Credentials(password="secret12")
PERSON = Credentials(user="ada", password="secret12")
CARELESS = Credentials(user="ada", password="secret12", insecure=True)


def log_in(server: Flow[object], credentials: Credentials = PASSWORD, minor: int = 8) -> Conversation[Cipher | None]:
    conversation = converse(authenticate((3, minor), credentials), server)
    assert not conversation.unread
    assert not conversation.unheard
    assert conversation.tls == conversation.server_tls
    return conversation


def refused(server: Flow[object], credentials: Credentials = PASSWORD, minor: int = 8) -> str:
    """What people hear when they can't log in."""
    with pytest.raises(SourceUnavailable) as caught:
        log_in(server, credentials, minor)
    said = str(caught.value)
    assert "secret12" not in said
    assert said.endswith(".")
    assert "\n" not in said
    return said


# --- one type after another


def test_without_password() -> None:
    def server() -> Flow[None]:
        assert (yield from offer(NONE)) == NONE
        yield from judge(True)

    assert log_in(server(), NOBODY).result is None


def test_before_3_8_nobody_judges_who_needs_no_password() -> None:
    log_in(offer(NONE), NOBODY, minor=7)


def test_version_3_3_decides_by_itself() -> None:
    log_in(says(word(NONE)), NOBODY, minor=3)

    def server() -> Flow[None]:
        yield Send(word(VNC_AUTH))
        assert (yield from vnc_auth("secret12"))
        yield Send(OK)

    log_in(server(), minor=3)


@pytest.mark.parametrize("password", ["secret12", "short", "longer than eight", "Größe", "ab\x80"])
@pytest.mark.parametrize("minor", [7, 8])
def test_vnc_auth(password: str, minor: int) -> None:
    def server() -> Flow[None]:
        assert (yield from offer(VNC_AUTH)) == VNC_AUTH
        assert (yield from vnc_auth(password))
        yield Send(OK)

    assert log_in(server(), Credentials(password=password), minor).result is None


def test_vnc_auth_answers_as_openssl_computes_it() -> None:
    flow = authenticate((3, 3), PASSWORD)
    assert next(flow) == Read(4)
    assert flow.send(word(VNC_AUTH)) == Read(16)
    assert flow.send(bytes(range(16))) == Send(bytes.fromhex("adcd997f8e16fee575e973f93c2b62b4"))


@pytest.mark.parametrize("is_right", [True, False])
def test_apple(is_right: bool) -> None:
    def server() -> Flow[None]:
        assert (yield from offer(APPLE)) == APPLE
        is_known = yield from apple("ada", "secret12" if is_right else "other")
        assert is_known == is_right
        yield from judge(is_known)

    if is_right:
        assert log_in(server(), PERSON).result is None
    else:
        assert "the user name or the password (“Authentication failed”): check --vnc-user" in refused(server(), PERSON)


@pytest.mark.parametrize(
    ("kind", "credentials", "tls"),
    [
        (TLS_NONE, NOBODY, ["anonymous"]),
        (TLS_VNC, PASSWORD, ["anonymous"]),
        (TLS_PLAIN, CARELESS, ["anonymous"]),
        (X509_NONE, NOBODY, ["certificate"]),
        (X509_VNC, PASSWORD, ["certificate"]),
        (X509_PLAIN, PERSON, ["certificate"]),
        (PLAIN, CARELESS, []),
        (VNC_AUTH, PASSWORD, []),
    ],
)
@pytest.mark.parametrize("minor", [7, 8])
def test_vencrypt(kind: int, credentials: Credentials, tls: list[str], minor: int) -> None:
    def server() -> Flow[None]:
        assert (yield from offer(VENCRYPT)) == VENCRYPT
        assert (yield from vencrypt(kind)) == kind
        if kind in (TLS_VNC, X509_VNC, VNC_AUTH):
            assert (yield from vnc_auth("secret12"))
        elif kind in (TLS_PLAIN, X509_PLAIN, PLAIN):
            assert (yield from plain("ada", "secret12"))
        yield Send(OK)

    conversation = log_in(server(), credentials, minor)
    assert conversation.tls == tls
    assert conversation.result is None


def test_none_inside_vencrypt_is_judged_as_none_is() -> None:
    def server() -> Flow[None]:
        yield from offer(VENCRYPT)
        yield from vencrypt(NONE)

    log_in(server(), NOBODY, minor=7)


# --- what is chosen


@pytest.mark.parametrize(
    ("offered", "credentials", "chosen"),
    [
        ([NONE, VNC_AUTH, VENCRYPT, RA2, RA2_256], PASSWORD, VENCRYPT),
        ([NONE, VNC_AUTH, RA2, RA2_NE, RA2_256, RA2_NE_256, APPLE], PERSON, RA2_256),
        ([RA2_NE_256, RA2], PASSWORD, RA2),
        ([RA2_NE, RA2_NE_256, APPLE], PERSON, RA2_NE_256),
        ([NONE, VNC_AUTH, APPLE], PERSON, APPLE),
        ([NONE, VNC_AUTH, APPLE], PASSWORD, VNC_AUTH),
        ([NONE, VNC_AUTH, APPLE], NOBODY, NONE),
        ([TLS_PLAIN, TLS_VNC, TLS_NONE, X509_NONE, X509_VNC, X509_PLAIN], PERSON, X509_PLAIN),
        ([TLS_PLAIN, TLS_VNC, TLS_NONE, X509_NONE, X509_VNC, X509_PLAIN], PASSWORD, X509_VNC),
        ([TLS_PLAIN, TLS_VNC, TLS_NONE, X509_NONE, X509_VNC, X509_PLAIN], NOBODY, X509_NONE),
        ([TLS_NONE, TLS_VNC, TLS_PLAIN], PERSON, TLS_VNC),
        ([TLS_NONE, TLS_VNC, TLS_PLAIN], CARELESS, TLS_PLAIN),
        ([VNC_AUTH, RA2_NE_256, TLS_VNC, RA2_256], PASSWORD, RA2_256),
        ([VNC_AUTH, RA2_NE_256, TLS_VNC], PASSWORD, TLS_VNC),
        ([PLAIN, NONE], CARELESS, NONE),
        ([PLAIN, VNC_AUTH], CARELESS, VNC_AUTH),
        ([16, 18, 77, 255, VNC_AUTH], PASSWORD, VNC_AUTH),
        ([*range(3, 256), VNC_AUTH], PASSWORD, VENCRYPT),
        ([VENCRYPT, RA2_256, RA2_NE], Credentials(password="p", known_server="ab"), RA2_256),
        ([VENCRYPT, VNC_AUTH], Credentials(password="p", known_server="ab"), VENCRYPT),
    ],
)
def test_strongest_is_chosen(offered: list[int], credentials: Credentials, chosen: int) -> None:
    assert choose(set(offered), credentials) == chosen


@pytest.mark.parametrize(
    ("offered", "credentials", "said"),
    [
        ([VNC_AUTH], NOBODY, "needs a password (VOXY_VNC_PASSWORD or --vnc-password-file)."),
        ([VNC_AUTH, X509_PLAIN], NOBODY, "needs a password (VOXY_VNC_PASSWORD or --vnc-password-file)."),
        ([APPLE], NOBODY, "needs a user name (--vnc-user) and a password (VOXY_VNC_PASSWORD or --vnc-password-file)."),
        ([APPLE, 33], PASSWORD, "needs a user name (--vnc-user)."),
        ([PLAIN], PERSON, "needs leave to be sent the password where others could read it (--vnc-insecure)."),
        ([16], PERSON, "speaks only Tight: let it offer TLS, RSA-AES or VncAuth as well."),
        ([250, 18, 20], PERSON, "speaks only TLS, SASL, type 250: let it"),
        ([NONE, VNC_AUTH], Credentials(password="p", known_server="ab"), "can't prove its key, it speaks only"),
    ],
)
def test_why_nothing_is_chosen(offered: list[int], credentials: Credentials, said: str) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        choose(set(offered), credentials)
    assert said in str(caught.value)


@pytest.mark.parametrize("kind", [PLAIN, TLS_PLAIN])
def test_password_itself_is_never_sent_unprotected_by_itself(kind: int) -> None:
    def server() -> Flow[None]:
        yield from offer(VENCRYPT)
        yield from vencrypt(kind)
        raise AssertionError("it was chosen")

    assert "--vnc-insecure" in refused(server(), PERSON)


# --- what people hear


def test_wrong_password() -> None:
    def server() -> Flow[None]:
        yield from offer(VNC_AUTH)
        yield from judge((yield from vnc_auth("other")))

    assert refused(server()) == (
        "The VNC server refuses the password (“Authentication failed”): check VOXY_VNC_PASSWORD or --vnc-password-file."
    )


@pytest.mark.parametrize("minor", [3, 7])
def test_wrong_password_before_reasons_were_given(minor: int) -> None:
    def server() -> Flow[None]:
        yield from says(word(VNC_AUTH)) if minor == 3 else offer(VNC_AUTH)
        yield from vnc_auth("other")
        yield Send(word(1))

    assert refused(server(), minor=minor).startswith("The VNC server refuses the password: check")


def test_too_many_wrong_passwords() -> None:
    def server() -> Flow[None]:
        yield from offer(VNC_AUTH)
        yield from vnc_auth("other")
        yield Send(refuse("Come back tomorrow.", status=2))

    assert refused(server()) == (
        "The VNC server was given wrong passwords too often (“Come back tomorrow”): wait a while."
    )


@pytest.mark.parametrize("minor", [3, 7, 8])
def test_server_that_turns_everybody_away(minor: int) -> None:
    nothing = word(0) if minor == 3 else b"\0"
    said = refused(says(nothing + text("Too many security failures")), minor=minor)
    assert said == (
        "The VNC server turns VoXY away (“Too many security failures”): look at its settings, or try later."
    )


def test_server_that_refuses_who_needs_no_password() -> None:
    def server() -> Flow[None]:
        yield from offer(NONE)
        yield Send(refuse("not today"))

    assert "turns VoXY away (“not today”)" in refused(server(), NOBODY)


def test_reason_is_one_short_line_without_controls() -> None:
    said = refused(says(b"\0" + text("\x1b[31mno\r\n\0  way\u202e " + "x" * 1000)))
    assert "(“[31mno way x" in said
    assert len(said) < 300


# --- servers that lie


@pytest.mark.parametrize("size", [4097, 1 << 31, (1 << 32) - 1])
def test_endless_reason_is_not_waited_for(size: int) -> None:
    flow = authenticate((3, 8), PASSWORD)
    next(flow)
    flow.send(b"\0")
    with pytest.raises(SourceUnavailable, match="turns VoXY away: look"):
        flow.send(word(size))


def test_result_that_is_none() -> None:
    def server() -> Flow[None]:
        yield from offer(VNC_AUTH)
        yield from vnc_auth("secret12")
        yield Send(refuse("ha", status=0x0BADCAFE))

    assert "turns VoXY away (“ha”)" in refused(server())


@pytest.mark.parametrize("kind", [VENCRYPT, APPLE, RA2, 7, 0xFFFFFFFF])
def test_3_3_with_a_type_that_it_does_not_have(kind: int) -> None:
    flow = authenticate((3, 3), Credentials())
    next(flow)
    with pytest.raises(SourceUnavailable):
        flow.send(word(kind))


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (b"\0\1", "speaks VeNCrypt 0.1"),
        (b"\0\2\xff", "doesn't speak VeNCrypt 0.2"),
        (b"\0\2\0\0", "with nothing inside"),
        (b"\0\2\0\1" + word(VENCRYPT), "with nothing inside"),
        (b"\0\2\0\xff" + b"".join(map(word, range(1000, 1255))), "type 1006, type 1007: let"),
        (b"\0\2\0\1" + word(TLS_VNC) + b"\0", "couldn't start TLS"),
    ],
)
def test_vencrypt_that_goes_wrong(talk: bytes, said: str) -> None:
    assert said in refused(says(b"\1", bytes([VENCRYPT]), talk))


@pytest.mark.parametrize(
    ("generator", "size", "prime", "theirs", "said"),
    [
        (2, 0, 0, 0, "prime of 0 bytes"),
        (2, 127, 0, 0, "prime of 127 bytes"),
        (2, 65535, 0, 0, "prime of 65535 bytes"),
        (2, 128, 0, 5, "protect nothing"),
        (2, 128, 23, 5, "protect nothing"),
        (2, 128, PRIME - 1, 5, "protect nothing"),
        (2, 128, PRIME, 0, "protect nothing"),
        (2, 128, PRIME, 1, "protect nothing"),
        (2, 128, PRIME, PRIME - 1, "protect nothing"),
        (2, 128, PRIME, PRIME + 5, "protect nothing"),
        (0, 128, PRIME, 5, "protect nothing"),
        (1, 128, PRIME, 5, "protect nothing"),
    ],
)
def test_apple_numbers_that_are_none(generator: int, size: int, prime: int, theirs: int, said: str) -> None:
    numbers = word(prime, size) + word(theirs, size) if 0 < size < 65535 else b""
    talk = word(generator, 2) + word(size, 2) + numbers
    assert said in refused(says(bytes([1, APPLE]), talk), PERSON)


def test_credentials_that_a_mac_has_no_room_for() -> None:
    assert "shorter than 64 bytes" in refused(says(bytes([1, APPLE])), Credentials("ada", "x" * 64))


@given(
    talk=st.binary(max_size=600),
    prefix=st.sampled_from(
        [b"", b"\1\x02", b"\1\x13\0\2\0", b"\1\x1e\0\2\0\x80", b"\1\x05\0\0\x08\0", b"\1\x81\0\0\x04\0"]
    ),
    minor=st.sampled_from([3, 7, 8]),
)
def test_whatever_a_server_says_the_flow_ends_waits_or_refuses(talk: bytes, prefix: bytes, minor: int) -> None:
    with contextlib.suppress(SourceUnavailable, ServerSilent):
        converse(authenticate((3, minor), CARELESS), says(prefix + talk))


# --- TLS


def test_ca_file_without_certificates(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for file in (empty, tmp_path / "none.pem"):
        with pytest.raises(ConfigError, match="let --vnc-ca name a PEM file"):
            tls_context("certificate", file, insecure=False)


def test_certificates_are_checked_unless_insecure() -> None:
    checked = tls_context("certificate", None, insecure=False)
    assert checked.verify_mode == ssl.CERT_REQUIRED
    assert checked.check_hostname
    assert tls_context("certificate", None, insecure=True).verify_mode == ssl.CERT_NONE


def test_anonymous_tls_has_no_cipher_without_encryption() -> None:
    ciphers = [c for c in tls_context("anonymous", None, insecure=False).get_ciphers() if c["protocol"] != "TLSv1.3"]
    assert ciphers
    assert all(cipher["strength_bits"] >= 128 for cipher in ciphers)
