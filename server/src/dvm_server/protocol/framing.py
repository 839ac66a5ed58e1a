"""Frames of the base protocol, ``Content-Length: N``, a blank line and N bytes, cut out of a stream.

Headers are read as HTTP reads them: names in any case, blanks around values,
lines that end with LF alone. What is no frame is reported once and skipped up
to the next thing that is one, so one bad message never costs the next.

Nothing here reads or writes: bytes go in, frames come out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_BODY = 64 * 1024 * 1024
"""Bytes: the longest message that is taken; a longer one is refused and skipped."""

MAX_HEAD = 8 * 1024
"""Bytes: the longest header block, as HTTP servers have it."""

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_LEADING_BLANKS = re.compile(rb"[\r\n]+")
_SENDABLE_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BLANK_LINE = re.compile(rb"\n\r?\n")
# JSON keeps line ends out of its strings, so this cannot occur inside a message. Nothing in it is
# tried twice and the lines are counted, so that looking for it takes no longer than the bytes are many.
_NEXT_HEAD = re.compile(
    rb"content-length[ \t]*+:[ \t]*+[0-9]++[ \t]*+\r?\n(?:[!-9;-~]++[ \t]*+:[^\r\n]*+\r?\n){0,30}+\r?\n",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Garbled:
    """Bytes that are no frame.

    Attributes:
        reason: what is wrong with them, in a sentence without a full stop.
    """

    reason: str


class Framer:
    """Cuts a stream of bytes into the bodies of its frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._length: int | None = None
        self._looked_at = 0
        self._refusal = ""
        self._lost = False

    def feed(self, data: bytes) -> Iterator[bytes | Garbled]:
        """The bodies that are complete now, and what was no frame, in the order of the stream."""
        self._buffer += data
        while (item := self._body() if self._length is not None else self._head()) is not None:
            if item is not _GO_ON:
                yield item

    def give_back(self, body: bytes) -> None:
        """Take a body that made no sense, and look for the next frame from its beginning on.

        A length that is too large swallows the message that follows, or a part of its header.
        """
        self._buffer[:0] = body
        self._lost = True

    def _head(self) -> bytes | Garbled | None:
        buffer = self._buffer
        if self._lost:
            return self._search()
        if blanks := _LEADING_BLANKS.match(buffer):
            del buffer[: blanks.end()]
        end = _END_OF_HEAD.search(buffer, 0, MAX_HEAD)
        if end is None:
            if len(buffer) < MAX_HEAD:
                return None
            return self._not_here(f"a header block is longer than {MAX_HEAD} bytes")
        try:
            length, charset = _read_head(bytes(buffer[: end.start()]))
        except _TwoLengthsError:
            # Nobody knows which is meant, so neither is where the search may begin.
            self._lost = True
            del buffer[: end.end()]
            return Garbled("Content-Length is given twice")
        except ValueError as error:
            return self._not_here(str(error))
        del buffer[: end.end()]
        if length > MAX_BODY:
            self._lost = True
            return Garbled(f"a message of {length} bytes is longer than {MAX_BODY}")
        self._length = length
        self._looked_at = 0
        self._refusal = "" if charset in ("", "utf-8", "utf8") else f"the charset {charset[:40]!r} is not utf-8"
        return _GO_ON

    def _not_here(self, reason: str) -> Garbled:
        """The header block that begins here is none."""
        self._lost = True
        del self._buffer[:1]  # so that the search does not find this very block again
        return Garbled(reason)

    def _search(self) -> bytes | None:
        buffer = self._buffer
        found = _NEXT_HEAD.search(buffer)
        if found is None:
            # The next header block may have begun in the last bytes.
            if len(buffer) > MAX_HEAD:
                del buffer[:-MAX_HEAD]
            return None
        del buffer[: found.start()]
        self._lost = False
        return _GO_ON

    def _body(self) -> bytes | Garbled | None:
        length = self._length
        assert length is not None
        if self._holds_a_head(length):
            # The next message does not wait for as many bytes as this one claims.
            self._length = None
            self._lost = True
            return Garbled("a message is shorter than its Content-Length")
        if len(self._buffer) < length:
            return None
        with memoryview(self._buffer) as view:
            body = bytes(view[:length])
        del self._buffer[:length]
        self._length = None
        return Garbled(self._refusal) if self._refusal else body

    def _holds_a_head(self, length: int) -> bool:
        """Whether another message begins in what there is of this one; each byte is looked at about once."""
        begin, end = max(0, self._looked_at - MAX_HEAD), min(length, len(self._buffer))
        self._looked_at = end
        if _BLANK_LINE.search(self._buffer, begin, end) is None:
            return False
        return _NEXT_HEAD.search(self._buffer, begin, end) is not None


_GO_ON = b"(no item: the state has changed)"


class _TwoLengthsError(ValueError):
    """Two lengths that differ."""


def _read_head(block: bytes) -> tuple[int, str]:
    """Content length and charset of a header block; ValueError says what is wrong with it."""
    length: int | None = None
    charset = ""
    for line in block.split(b"\n"):
        name, colon, value = line.rstrip(b"\r").partition(b":")
        name, value = name.rstrip(b" \t").lower(), value.strip(b" \t")
        if not colon or not _SENDABLE_NAME.fullmatch(name):
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


def frame(body: bytes) -> bytes:
    """``body`` as it is sent.

    >>> frame(b"{}")
    b'Content-Length: 2\\r\\n\\r\\n{}'
    """
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
