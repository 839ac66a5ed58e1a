"""The newlines that old engines lose in what they keep of a container's output.

Docker before 23 (API 1.42) cuts long lines into messages of 16 KiB, and its
log driver ``local`` forgets the newline behind a line that was cut. A message
shorter than that, or an empty one, can only be the end of a line: the engine
waits for either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

CUT = 16 * 1024
MENDED_SINCE = "1.42"

Message = tuple[int, bytes]


def mend(messages: Iterable[Message]) -> Iterator[Message]:
    """The messages, with the lost newlines put back where another message follows in the same stream."""
    open_lines: dict[int, bool] = {}
    for stream, text in messages:
        if open_lines.get(stream):
            yield stream, b"\n"
        open_lines[stream] = len(text) != CUT and not text.endswith(b"\n")
        if text:
            yield stream, text
