"""A call's own bytes told apart from what the way there adds to them.

Login shells print, ssh warns, and ``colima ssh`` ends with a line of its own on
the command's standard error, whose exit code it also flattens to 1. So the far
side marks where the call's streams begin and how it ended, with a word that
nothing else can know.
"""

from __future__ import annotations

import base64
import binascii

SIGN = b"\x1e"
"""Before each mark: a byte that no message and hardly any text has."""

_LONGEST_END = 1 << 20
_NOISE = 16 * 1024


class Framed:
    """One stream of a marked call.

    Args:
        mark: the call's mark.
        ends: whether the end is told on this stream.
    """

    def __init__(self, mark: str, *, ends: bool) -> None:
        self._word = SIGN + mark.encode()
        self._ends = ends
        self._kept = b""
        self._noise = b""
        self.begun = False
        self.code: int | None = None
        """The exit code of the program, once it was told."""
        self.said = b""
        """What the program said of itself apart from its streams; with a terminal only."""

    @property
    def noise(self) -> str:
        """What the way there wrote, before the call and after it; its last part."""
        return (self._noise + (b"" if self.begun else self._kept)).decode(errors="replace").strip()

    def feed(self, data: bytes) -> bytes:
        """The call's own bytes in ``data``."""
        self._kept += data
        if not self.begun and not self._begin():
            return b""
        if self.code is not None:
            self._add_noise(self._take())
            return b""
        if not self._ends:
            return self._take()
        at = self._kept.find(self._word)
        if at < 0:
            return self._take(len(self._kept) - _overlap(self._kept, self._word))
        line_end = self._kept.find(b"\n", at)
        if line_end < 0:
            return self._take(at if len(self._kept) - at < _LONGEST_END else None)
        own = self._take(at)
        self._end(self._take(line_end - at + 1)[len(self._word) :].split())
        self._add_noise(self._take())
        return own

    def finish(self) -> bytes:
        """What was kept back, once the stream has ended."""
        return self._take() if self.begun and self.code is None else b""

    def _begin(self) -> bool:
        at = self._kept.find(self._word)
        line_end = self._kept.find(b"\n", at) if at >= 0 else -1
        if line_end < 0:
            if at < 0 and len(self._kept) > _NOISE:
                self._add_noise(self._take(len(self._kept) - len(self._word)))
            return False
        self._add_noise(self._take(at))
        self._take(line_end + 1 - at)
        self.begun = True
        return True

    def _end(self, words: list[bytes]) -> None:
        self.code = int(words[0]) if words and words[0].isdigit() else 255
        if len(words) > 1:
            try:
                self.said = base64.b64decode(words[1])
            except binascii.Error:
                self.said = b""  # a terminal that was torn down in the middle

    def _take(self, size: int | None = None) -> bytes:
        taken = self._kept if size is None else self._kept[:size]
        self._kept = self._kept[len(taken) :]
        return taken

    def _add_noise(self, data: bytes) -> None:
        self._noise = (self._noise + data)[-_NOISE:]


def _overlap(data: bytes, word: bytes) -> int:
    """How much of the end of ``data`` may be the beginning of ``word``."""
    at = data.rfind(word[:1], max(0, len(data) - len(word)))
    while at >= 0:
        if word.startswith(data[at:]):
            return len(data) - at
        at = data.rfind(word[:1], max(0, len(data) - len(word)), at)
    return 0
