"""The engine's framing of two output streams on one connection, taken apart in linear time.

Each frame has a header of eight bytes: the stream (1 or 2), three zeros, and
the length, big-endian. See "Stream format" of the API's attach endpoint.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from dvm_runtimes.engines.base import STDERR, STDOUT

_HEADER = struct.Struct(">BxxxI")


class FrameError(ValueError):
    """What came is not a frame: the other end does not speak this framing."""


class Frames:
    """Takes bytes in any portions and gives the payload pieces in their order.

    A frame that arrives in parts is given in parts, so that nothing is held back.
    """

    def __init__(self) -> None:
        self._header = b""
        self._stream = STDOUT
        self._left = 0

    @property
    def torn(self) -> bool:
        """Whether the stream would end in the middle of a frame."""
        return bool(self._header or self._left)

    def feed(self, data: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
        """The payload in ``data``, as ``(STDOUT or STDERR, bytes)``.

        Raises:
            FrameError: this is no frame.
        """
        view = memoryview(data)
        while view:
            if not self._left:
                lacks = _HEADER.size - len(self._header)
                self._header += bytes(view[:lacks])
                view = view[lacks:]
                if len(self._header) < _HEADER.size:
                    return
                kind, self._left = _HEADER.unpack(self._header)
                self._header = b""
                # 0 is the echo of standard input; 3 is the engine's own trouble.
                if kind > 3:
                    raise FrameError(f"stream {kind} is not known")
                self._stream = STDERR if kind in (2, 3) else STDOUT
                continue
            piece = view[: self._left]
            view = view[len(piece) :]
            self._left -= len(piece)
            yield self._stream, bytes(piece)


def split(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The payload of a whole stream of frames."""
    frames = Frames()
    for piece in pieces:
        yield from frames.feed(piece)


def messages(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The payload of a whole stream, one frame at a time: in a log, a frame is a message."""
    rest = b""
    for piece in pieces:
        rest = rest + piece if rest else piece
        at = 0
        while len(rest) - at >= _HEADER.size:
            kind, length = _HEADER.unpack_from(rest, at)
            end = at + _HEADER.size + length
            if kind > 3:
                raise FrameError(f"stream {kind} is not known")
            if len(rest) < end:
                break
            yield STDERR if kind in (2, 3) else STDOUT, rest[at + _HEADER.size : end]
            at = end
        rest = rest[at:]


def plain(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The payload of a stream without frames: a terminal has only one."""
    for piece in pieces:
        yield STDOUT, piece
