"""Frames of the LSP base protocol: ``Content-Length: N``, a blank line and N bytes.

Headers are parsed as HTTP headers are: case-insensitive names, optional blanks around values, LF as a line end.
Malformed input is reported once and skipped up to the next frame, so one bad message does not cost the next.

Pure: bytes go in, message bodies come out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_BODY = 64 * 1024 * 1024
"""Bytes: the maximum length of a message; a longer one is skipped."""

MAX_HEADER = 8 * 1024
"""Bytes: the maximum length of a header block."""

_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_LEADING_BLANKS = re.compile(rb"[\r\n]+")
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BLANK_LINE = re.compile(rb"\n\r?\n")
# JSON escapes line ends in strings, so this cannot occur inside a message. Possessive quantifiers and
# the bound on lines keep the search linear.
_NEXT_HEADER = re.compile(
    rb"content-length[ \t]*+:[ \t]*+[0-9]++[ \t]*+\r?\n(?:[!-9;-~]++[ \t]*+:[^\r\n]*+\r?\n){0,30}+\r?\n",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class MalformedFrame:
    """Bytes that are not a frame.

    Attributes:
        reason: what is wrong with them; a sentence without a full stop.
    """

    reason: str


class FrameDecoder:
    """Splits a stream of bytes into message bodies."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._length: int | None = None
        self._scanned = 0
        self._rejection = ""
        self._searching = False

    def feed(self, data: bytes) -> Iterator[bytes | MalformedFrame]:
        """Append ``data``; yield each complete body and each malformed frame, in stream order."""
        self._buffer += data
        while (item := self._body() if self._length is not None else self._header()) is not None:
            if item is not _CONTINUE:
                yield item

    def unread(self, body: bytes) -> None:
        """Return a body that is not valid JSON, and search it for the next frame.

        A Content-Length that is too large covers the message that follows, or a part of its header.
        """
        self._buffer[:0] = body
        self._searching = True

    def _header(self) -> bytes | MalformedFrame | None:
        buffer = self._buffer
        if self._searching:
            return self._search()
        if blanks := _LEADING_BLANKS.match(buffer):
            del buffer[: blanks.end()]
        end = _END_OF_HEADER.search(buffer, 0, MAX_HEADER)
        if end is None:
            if len(buffer) < MAX_HEADER:
                return None
            return self._malformed(f"a header block is longer than {MAX_HEADER} bytes")
        try:
            length, charset = _parse_header(bytes(buffer[: end.start()]))
        except _TwoLengthsError:
            # Which one is right is unknown, and so is where the next frame begins.
            self._searching = True
            del buffer[: end.end()]
            return MalformedFrame("Content-Length is given twice")
        except ValueError as error:
            return self._malformed(str(error))
        del buffer[: end.end()]
        if length > MAX_BODY:
            self._searching = True
            return MalformedFrame(f"a message of {length} bytes is longer than {MAX_BODY}")
        self._length = length
        self._scanned = 0
        self._rejection = "" if charset in ("", "utf-8", "utf8") else f"the charset {charset[:40]!r} is not utf-8"
        return _CONTINUE

    def _malformed(self, reason: str) -> MalformedFrame:
        """Report the bytes here as malformed, and search for the next header."""
        self._searching = True
        del self._buffer[:1]  # the search must not find this block again
        return MalformedFrame(reason)

    def _search(self) -> bytes | None:
        buffer = self._buffer
        found = _NEXT_HEADER.search(buffer)
        if found is None:
            # The last bytes may be the beginning of the next header block.
            if len(buffer) > MAX_HEADER:
                del buffer[:-MAX_HEADER]
            return None
        del buffer[: found.start()]
        self._searching = False
        return _CONTINUE

    def _body(self) -> bytes | MalformedFrame | None:
        length = self._length
        assert length is not None
        if self._contains_header(length):
            # The next message must not wait for the bytes that this one announced.
            self._length = None
            self._searching = True
            return MalformedFrame("a message is shorter than its Content-Length")
        if len(self._buffer) < length:
            return None
        with memoryview(self._buffer) as view:
            body = bytes(view[:length])
        del self._buffer[:length]
        self._length = None
        return MalformedFrame(self._rejection) if self._rejection else body

    def _contains_header(self, length: int) -> bool:
        """Whether another message begins in the received part of this body; scans each byte about once."""
        begin, end = max(0, self._scanned - MAX_HEADER), min(length, len(self._buffer))
        self._scanned = end
        if _BLANK_LINE.search(self._buffer, begin, end) is None:
            return False
        return _NEXT_HEADER.search(self._buffer, begin, end) is not None


_CONTINUE = b"(no item, but the state has changed)"


class _TwoLengthsError(ValueError):
    """Two different values of Content-Length."""


def _parse_header(block: bytes) -> tuple[int, str]:
    """Content length and charset of a header block.

    Raises:
        ValueError: the block is malformed; its text is the reason.
    """
    length: int | None = None
    charset = ""
    for line in block.split(b"\n"):
        name, colon, value = line.rstrip(b"\r").partition(b":")
        name, value = name.rstrip(b" \t").lower(), value.strip(b" \t")
        if not colon or not _HEADER_NAME.fullmatch(name):
            raise ValueError("a header line is not of the form 'Name: value'")
        if name == b"content-length":
            if not value.isdigit() or len(value) > 19:
                raise ValueError("Content-Length is not a whole number")
            if length is not None and length != int(value):
                raise _TwoLengthsError
            length = int(value)
        elif name == b"content-type":
            _, equals, given = value.lower().partition(b"charset=")
            if equals:
                charset = given.partition(b";")[0].strip(b' \t"').decode("latin-1")
    if length is None:
        raise ValueError("Content-Length is missing")
    return length, charset


def encode_frame(body: bytes) -> bytes:
    """``body`` with its header.

    >>> encode_frame(b"{}")
    b'Content-Length: 2\\r\\n\\r\\n{}'
    """
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
