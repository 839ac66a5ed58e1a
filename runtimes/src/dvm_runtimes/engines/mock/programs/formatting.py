"""``printf``, and the backslash escapes that ``echo -e`` knows too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .usage import fail

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

_SIMPLE = {
    ord("a"): b"\a",
    ord("b"): b"\b",
    ord("e"): b"\x1b",
    ord("f"): b"\f",
    ord("n"): b"\n",
    ord("r"): b"\r",
    ord("t"): b"\t",
    ord("v"): b"\v",
    ord("\\"): b"\\",
    ord('"'): b'"',
}
_OCTAL = re.compile(rb"[0-7]{1,3}")
_OCTAL_ZERO = re.compile(rb"0[0-7]{0,3}")
_HEX = re.compile(rb"x[0-9a-fA-F]{1,2}")
_DIRECTIVE = re.compile(rb"%([-+ #0]*)(\*|[0-9]+)?(?:\.(\*|[0-9]+)?)?([a-zA-Z%])")


def escapes(data: bytes, *, octal_zero: bool) -> tuple[bytes, bool]:
    r"""``data`` with its backslash escapes replaced, and whether ``\c`` ended it.

    Args:
        data: the text.
        octal_zero: ``\0NNN`` has a zero of its own before up to three digits.
    """
    found = bytearray()
    at = 0
    while at < len(data):
        if data[at] != 0x5C or at + 1 == len(data):
            found.append(data[at])
            at += 1
            continue
        at += 1
        simple = _SIMPLE.get(data[at])
        octal = (octal_zero and _OCTAL_ZERO.match(data, at)) or _OCTAL.match(data, at)
        hexadecimal = _HEX.match(data, at)
        if simple is not None:
            found += simple
            at += 1
        elif data[at] == ord("c"):
            return bytes(found), True
        elif octal:
            found.append(int(octal.group(), 8) & 0xFF)
            at = octal.end()
        elif hexadecimal:
            found.append(int(hexadecimal.group()[1:], 16))
            at = hexadecimal.end()
        else:
            found.append(0x5C)
    return bytes(found), False


def printf(process: Process, argv: list[str]) -> int:
    """``printf FORMAT [arguments]``: the format is used again for as long as there are arguments."""
    words = argv[1:]
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        return fail(process, argv, "usage: printf FORMAT [ARGUMENT...]", 2)
    form = words[0].encode(errors="surrogateescape")
    printer = _Printer([word.encode(errors="surrogateescape") for word in words[1:]])
    while printer.once(form):
        pass
    process.write(1, bytes(printer.out))
    for problem in printer.problems:
        fail(process, argv, problem)
    return 1 if printer.problems else 0


class _Printer:
    def __init__(self, arguments: list[bytes]) -> None:
        self.out = bytearray()
        self.problems: list[str] = []
        self._arguments = arguments

    def once(self, form: bytes) -> bool:
        """Use the format once; whether it has to be used again."""
        used = False
        at = 0
        while at < len(form):
            directive = _DIRECTIVE.match(form, at)
            if directive:
                at = directive.end()
                used = used or directive.group(4) != b"%"
                if not self._directive(*directive.groups()):
                    return False
                continue
            end = form.find(b"%", at + 1)
            end = len(form) if end < 0 else end
            text, stop = escapes(form[at:end], octal_zero=True)
            self.out += text
            if stop:
                return False
            at = end
        return used and bool(self._arguments)

    def _next(self) -> bytes:
        return self._arguments.pop(0) if self._arguments else b""

    def _directive(self, flags: bytes, width: bytes | None, precision: bytes | None, kind: bytes) -> bool:
        if kind == b"%":
            self.out += b"%"
            return True
        if width == b"*":
            width = b"%d" % self._number(self._next())
        if precision == b"*":
            precision = b"%d" % self._number(self._next())
        argument = self._next()
        limit = b"." + precision if precision is not None else b""
        spec = b"%" + flags + (width or b"") + limit
        if kind == b"s":
            self.out += (spec + b"s") % argument
        elif kind == b"b":
            text, stop = escapes(argument, octal_zero=True)
            self.out += (spec + b"s") % text
            return not stop
        elif kind == b"c":
            self.out += (spec + b"s") % argument[:1]
        elif kind in b"diuoxX":
            value = self._number(argument)
            if kind in b"uoxX" and value < 0:
                value += 2**64
            self.out += (spec + (b"d" if kind in b"diu" else kind)) % value
        elif kind in b"feEgG":
            self.out += (spec + kind) % self._float(argument)
        else:
            self.problems.append(f"%{kind.decode()}: invalid format")
            return False
        return True

    def _number(self, text: bytes) -> int:
        if text[:1] in (b"'", b'"'):
            return ord(text[1:].decode(errors="surrogateescape")[:1] or "\0")
        try:
            digits = text.strip().lower()
            octal = len(digits.lstrip(b"+-")) > 1 and digits.lstrip(b"+-").startswith(b"0") and b"x" not in digits
            return int(digits or b"0", 8 if octal else 16 if b"x" in digits else 10)
        except ValueError:
            self.problems.append(f"{text.decode(errors='replace')}: invalid number")
            return 0

    def _float(self, text: bytes) -> float:
        try:
            return float(text or b"0")
        except ValueError:
            self.problems.append(f"{text.decode(errors='replace')}: invalid number")
            return 0.0
