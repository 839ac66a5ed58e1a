"""The output of a call in a virtual machine, apart from what the connection adds to it.

Login shells print, ssh warns, and ``colima ssh`` writes a line of its own to the command's standard error and turns
every exit code into 1. So the far side writes an unguessable mark where the call's streams begin, and another with
the exit code.
"""

from __future__ import annotations

import base64
import binascii

SIGN = b"\x1e"
"""Before each mark: a byte that messages do not contain."""

_LONGEST_END = 1 << 20
_NOISE = 16 * 1024


class MarkedStream:
    """One stream of a marked call.

    Args:
        mark: the call's mark.
        ends: whether the exit code comes on this stream.
    """

    def __init__(self, mark: str, *, ends: bool) -> None:
        self._mark = SIGN + mark.encode()
        self._ends = ends
        self._kept = b""
        self._noise = b""
        self.begun = False
        self.code: int | None = None
        """The program's exit code; None before its end."""
        self.stderr = b""
        """The program's standard error where its output is a terminal."""

    @property
    def noise(self) -> str:
        """The last bytes that the connection wrote itself, before the call and after it."""
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
        at = self._kept.find(self._mark)
        if at < 0:
            return self._take(len(self._kept) - _overlap(self._kept, self._mark))
        line_end = self._kept.find(b"\n", at)
        if line_end < 0:
            return self._take(at if len(self._kept) - at < _LONGEST_END else None)
        own = self._take(at)
        self._end(self._take(line_end - at + 1)[len(self._mark) :].split())
        self._add_noise(self._take())
        return own

    def finish(self) -> bytes:
        """The bytes held back, once the stream has ended."""
        return self._take() if self.begun and self.code is None else b""

    def _begin(self) -> bool:
        at = self._kept.find(self._mark)
        line_end = self._kept.find(b"\n", at) if at >= 0 else -1
        if line_end < 0:
            if at < 0 and len(self._kept) > _NOISE:
                self._add_noise(self._take(len(self._kept) - len(self._mark)))
            return False
        self._add_noise(self._take(at))
        self._take(line_end + 1 - at)
        self.begun = True
        return True

    def _end(self, fields: list[bytes]) -> None:
        self.code = int(fields[0]) if fields and fields[0].isdigit() else 255
        if len(fields) > 1:
            try:
                self.stderr = base64.b64decode(fields[1])
            except binascii.Error:
                self.stderr = b""  # the terminal was closed while it was written

    def _take(self, size: int | None = None) -> bytes:
        taken = self._kept if size is None else self._kept[:size]
        self._kept = self._kept[len(taken) :]
        return taken

    def _add_noise(self, data: bytes) -> None:
        self._noise = (self._noise + data)[-_NOISE:]


def _overlap(data: bytes, mark: bytes) -> int:
    """How much of the end of ``data`` may be the beginning of ``mark``."""
    at = data.rfind(mark[:1], max(0, len(data) - len(mark)))
    while at >= 0:
        if mark.startswith(data[at:]):
            return len(data) - at
        at = data.rfind(mark[:1], max(0, len(data) - len(mark)), at)
    return 0
