"""What is known of a head: from its bytes, before they are parsed, and from its fields."""

from collections.abc import Iterable

from libs.common.errors import HeadersTooLargeError, RequestMalformedError
from libs.common.web.limits import MAX_HEAD_BYTES, MAX_HEAD_LINES

_HEAD_END = b"\r\n\r\n"
_FRAMING = frozenset({b"host", b"content-length", b"transfer-encoding"})
_MAX_EMPTY_BYTES = 4
"""Before a request an empty line is allowed (RFC 9112, 2.2); a stream of them is not."""


def malformed() -> RequestMalformedError:
    return RequestMalformedError("The request is not valid HTTP/1.1.")


def head_too_large() -> HeadersTooLargeError:
    return HeadersTooLargeError(
        f"The request has more than {MAX_HEAD_LINES - 2} header fields, "
        f"or its head is larger than {MAX_HEAD_BYTES} bytes. Clear this site's cookies."
    )


def split_head(data: bytes) -> tuple[bytes, bytes] | None:
    """The head that `data` begins with, and what follows it; None while its end has not come.

    Raises HeadersTooLargeError, and RequestMalformedError for what can become no head.
    """
    begun = data.lstrip(b"\r\n")
    if len(data) - len(begun) > _MAX_EMPTY_BYTES:
        raise malformed()
    end = begun.find(_HEAD_END, 0, MAX_HEAD_BYTES) + len(_HEAD_END)
    if end < len(_HEAD_END):
        if len(begun) >= MAX_HEAD_BYTES:
            raise head_too_large()
        if begun and not _may_become_a_head(begun):
            raise malformed()
        return None
    if begun.count(b"\n", 0, end) > MAX_HEAD_LINES:
        raise head_too_large()
    return begun[:end], begun[end:]


def _may_become_a_head(data: bytes) -> bool:
    """A TLS handshake, or lines that end without CR, need not be waited for."""
    return data[:1].isupper() and data.count(b"\n") == data.count(b"\r\n")


def body_framing(headers: Iterable[tuple[bytes, bytes]], version: str) -> tuple[int, bool]:
    """The declared length of the body, and whether it comes in chunks.

    Raises RequestMalformedError unless one Host is named (RFC 9112, 3.2); HTTP/1.0 may name none.
    """
    hosts, length, chunked = 0, 0, False
    for name, value in headers:
        if name not in _FRAMING:
            continue
        if name == b"host":
            hosts += 1
        elif name == b"content-length":
            length = int(value)
        else:
            chunked = True
    if hosts != 1 and (hosts or version != "1.0"):
        raise RequestMalformedError("A request names one host, in its Host header.")
    return length, chunked
