"""nerdctl's own messages on standard error, in logrus's format, apart from the output of the command that it runs.

``nerdctl exec`` ends with 1 whatever the command's exit code was. The real exit code is in nerdctl's last message,
which follows the command's standard error even where that does not end in a newline.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_MESSAGE = 64 * 1024
"""Bytes held back at most as nerdctl's possible last message."""

_HEAD = b'time="'
_MIDDLE = b'" level=fatal msg="'
_LONGEST_TIME = 40
_FATAL = re.compile(rb'time="[0-9TZ:+.\-]{1,40}" level=fatal msg="((?:[^"\\\n]|\\.)*)"(?: [^\n]*)?\n\Z')
_LINE = re.compile(r'(?m)^time="[^"\n]*" level=(\w+) msg="((?:[^"\\\n]|\\.)*)"(.*)$')
_COLOURED = re.compile(r"(?:\x1b\[\d+m)?FATA(?:\x1b\[0m)?\[\d+\] (.*?) *\r?\n?\Z", re.DOTALL)
_EXIT_CODE = re.compile(r"exec failed with exit code (\d+)\Z")
_ESCAPE = re.compile(r'\\(["\\ntr])')
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message: ``level`` as in ``"fatal"``, and the unescaped text."""

    level: str
    text: str


def parse_messages(stderr: str) -> list[Message]:
    """nerdctl's messages in ``stderr``, in order.

    >>> parse_messages('time="2026-11-23T22:47:46Z" level=fatal msg="no such container x"')
    [Message(level='fatal', text='no such container x')]
    """
    found = []
    for level, text, fields in _LINE.findall(stderr):
        error = re.search(r'\berror="((?:[^"\\]|\\.)*)"', fields)
        found.append(Message(level, unescape(text) + (f": {unescape(error[1])}" if error else "")))
    return found


def reason(stderr: str) -> str:
    """Why nerdctl failed: its fatal message, else its last error, else all of ``stderr``.

    >>> reason('time="2026-11-23T22:48:00Z" level=fatal msg="unknown flag: --x"')
    'unknown flag: --x'
    """
    found = parse_messages(stderr)
    for level in ("fatal", "error"):
        for message in reversed(found):
            if message.level == level:
                return message.text
    coloured = _COLOURED.search(stderr)
    return (coloured[1] if coloured else stderr).strip()


def unescape(text: str) -> str:
    """The text between the quotes of a message, as it was before logrus quoted it."""
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)


def exec_exit_code(text: str) -> int | None:
    """The command's exit code in nerdctl's last message; None if the message is about something else."""
    match = _EXIT_CODE.search(text)
    return int(match[1]) if match else None


def split_last_message(data: bytes) -> tuple[bytes, str]:
    """``data`` without nerdctl's fatal line at its very end, and that line's text; the text is empty without one.

    >>> split_last_message(b'partialtime="2026-11-23T22:47:45Z" level=fatal msg="exec failed with exit code 3"\\n')
    (b'partial', 'exec failed with exit code 3')
    """
    start = data.rfind(_HEAD)
    # The message itself may hold such a head with escaped quotes: there it does not match.
    while start >= 0:
        if match := _FATAL.match(data, start):
            return data[:start], unescape(match[1].decode(errors="replace"))
        if b"\n" in data[start:-1]:
            break
        start = data.rfind(_HEAD, 0, start)
    return data, ""


class LastLine:
    """Passes a command's standard error on, and holds back what may be nerdctl's last message.

    Only the very last line is nerdctl's, and only if nerdctl failed: a command may print such lines too.
    """

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> bytes:
        """The next bytes that are certainly the command's."""
        data = self._kept + data
        keep = _may_begin(data)
        if len(data) - keep > LONGEST_MESSAGE:
            keep = len(data)
        self._kept = data[keep:]
        return data[:keep]

    def finish(self, *, failed: bool) -> tuple[bytes, str]:
        """The rest of the command's bytes, and nerdctl's last message if it ``failed``."""
        kept, self._kept = self._kept, b""
        return split_last_message(kept) if failed else (kept, "")


def _may_begin(data: bytes) -> int:
    """Where in ``data`` a fatal line may begin that ends with it; its length if nowhere."""
    line = data.rfind(b"\n", 0, max(0, len(data) - 1)) + 1
    start = data.find(_HEAD[:1], line)
    while start >= 0:
        if _is_prefix(data[start:]):
            return start
        start = data.find(_HEAD[:1], start + 1)
    return len(data)


def _is_prefix(text: bytes) -> bool:
    if len(text) <= len(_HEAD):
        return _HEAD.startswith(text)
    if not text.startswith(_HEAD):
        return False
    quote = text.find(b'"', len(_HEAD))
    if quote < 0:
        return len(text) - len(_HEAD) <= _LONGEST_TIME
    rest = text[quote:]
    return _MIDDLE.startswith(rest[: len(_MIDDLE)])
