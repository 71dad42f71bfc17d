"""The TLS in which VeNCrypt wraps a connection: with a certificate that is checked, or with none at all."""

import ssl
from pathlib import Path
from typing import Literal

from voxy.errors import ConfigError, SourceUnavailable


def tls_context(kind: Literal["anonymous", "certificate"], ca_file: Path | None, insecure: bool) -> ssl.SSLContext:
    """What to wrap a connection with, for a `StartTls` of this kind.

    A certificate must be signed by, or be, one of `ca_file`, or of the system's where that is None, and name the host;
    with `insecure` it may be any. Raises ConfigError for a file that has no certificates.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if kind == "anonymous":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        # TLS 1.3 has no anonymous key exchange, and OpenSSL counts all of it to security level 0.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("aNULL:!eNULL:@SECLEVEL=0")
    elif insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        # A server's own certificate, made by hand, is as good a thing to trust as an authority.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _trust(context, ca_file)
    return context


def tls_refusal(error: ssl.SSLError) -> SourceUnavailable:
    """What people are told when wrapping the connection failed with this."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return SourceUnavailable(
            f"The VNC server's certificate can't be trusted ({error.verify_message.rstrip('.')}): "
            "let --vnc-ca name a file that has it or its authority, or take any certificate with --vnc-insecure."
        )
    return SourceUnavailable(f"The VNC server and VoXY find no TLS in common ({error.reason}): update the server.")


def _trust(context: ssl.SSLContext, ca_file: Path | None) -> None:
    if ca_file is None:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"No certificate can be read from {ca_file} ({error}): let --vnc-ca name a PEM file."
        ) from error
