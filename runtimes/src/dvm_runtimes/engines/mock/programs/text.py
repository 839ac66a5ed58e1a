"""Programs that write, pass on or count text."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from dvm_runtimes.engines.mock.handles import OpenFile, open_file

from .formatting import escapes
from .usage import Wrong, each, fail, options

if TYPE_CHECKING:
    from dvm_runtimes.engines.mock.processes import Process

_PIECE = 256 * 1024


class _Giver(Protocol):
    def __call__(self, process: Process, file: OpenFile, unit: str, count: int, *, from_start: bool) -> None: ...


def echo(process: Process, argv: list[str]) -> int:
    """``echo [-n] [-e] words``."""
    words = argv[1:]
    flags: set[str] = set()
    while words and len(words[0]) > 1 and words[0].startswith("-") and set(words[0][1:]) <= set("neE"):
        flags |= set(words.pop(0)[1:])
    data = " ".join(words).encode(errors="surrogateescape")
    if "e" in flags:
        data, stop = escapes(data, octal_zero=True)
        if stop:
            flags.add("n")
    process.write(1, data + (b"" if "n" in flags else b"\n"))
    return 0


def cat(process: Process, argv: list[str]) -> int:
    """``cat [FILE|-]...``."""

    def pass_on(path: str) -> None:
        file = process.file(0).retain() if path == "-" else open_file(process, path, "r")
        try:
            for piece in _pieces(process, file):
                process.write(1, piece)
        finally:
            file.release()

    try:
        _, paths = options(argv, "u")
    except Wrong as wrong:
        return fail(process, argv, str(wrong))
    return each(process, argv, paths or ["-"], pass_on)


def head(process: Process, argv: list[str]) -> int:
    """``head [-c BYTES | -n LINES] [FILE]``."""
    return _part(process, argv, _first)


def tail(process: Process, argv: list[str]) -> int:
    """``tail [-c [+]BYTES | -n [+]LINES] [FILE]``."""
    return _part(process, argv, _last)


def wc(process: Process, argv: list[str]) -> int:
    """``wc [-clw] [FILE]...``."""
    try:
        found, paths = options(argv, "clw")
    except Wrong as wrong:
        return fail(process, argv, str(wrong))
    shown = [letter for letter in "lwc" if letter in found] or ["l", "w", "c"]
    totals = dict.fromkeys("lwc", 0)

    def count(path: str) -> None:
        counts = _counts(process, path)
        for letter in counts:
            totals[letter] += counts[letter]
        _show_counts(process, [counts[letter] for letter in shown], path if paths else "")

    status = each(process, argv, paths or ["-"], count)
    if len(paths) > 1:
        _show_counts(process, [totals[letter] for letter in shown], "total")
    return status


def seq(process: Process, argv: list[str]) -> int:
    """``seq [FIRST [STEP]] LAST``, in whole numbers."""
    try:
        numbers = [int(word) for word in argv[1:]]
    except ValueError:
        return fail(process, argv, "invalid number")
    if not 1 <= len(numbers) <= 3:
        return fail(process, argv, "usage: seq [FIRST [STEP]] LAST")
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) == 3 else 1
    if step == 0:
        return fail(process, argv, "STEP must not be 0")
    lines: list[bytes] = []
    for number in range(first, numbers[-1] + (1 if step > 0 else -1), step):
        lines.append(b"%d\n" % number)
        if len(lines) == 4096:
            process.write(1, b"".join(lines))
            lines.clear()
    process.write(1, b"".join(lines))
    return 0


def _pieces(process: Process, file: OpenFile, size: int = _PIECE) -> Iterator[bytes]:
    while True:
        process.checkpoint()
        piece = file.read(process, size)
        if not piece:
            return
        yield piece


def _counts(process: Process, path: str) -> dict[str, int]:
    counts = dict.fromkeys("lwc", 0)
    file = process.file(0).retain() if path == "-" else open_file(process, path, "r")
    in_word = False
    try:
        for piece in _pieces(process, file):
            counts["l"] += piece.count(b"\n")
            counts["c"] += len(piece)
            counts["w"] += len(piece.split()) - (in_word and not piece[:1].isspace())
            in_word = not piece[-1:].isspace()
    finally:
        file.release()
    return counts


def _show_counts(process: Process, counts: list[int], path: str) -> None:
    process.put(" ".join([*map(str, counts), *([path] if path else [])]) + "\n")


def _part(process: Process, argv: list[str], give: _Giver) -> int:
    # "head -5" is the older way to write "head -n 5".
    argv = [argv[0], *(f"-n{word[1:]}" if word[:1] == "-" and word[1:].isdecimal() else word for word in argv[1:])]
    try:
        found, paths = options(argv, "qf", "cn")
        unit = "c" if "c" in found else "n"
        amount = found.get(unit, "10")
        count = int(amount)
    except Wrong as wrong:
        return fail(process, argv, str(wrong))
    except ValueError:
        return fail(process, argv, "invalid number")

    def show(path: str) -> None:
        file = process.file(0).retain() if path == "-" else open_file(process, path, "r")
        try:
            give(process, file, unit, count, from_start=amount.startswith("+"))
        finally:
            file.release()

    return each(process, argv, paths or ["-"], show)


def _first(process: Process, file: OpenFile, unit: str, count: int, *, from_start: bool) -> None:
    left = abs(count)
    while left:
        piece = file.read(process, min(_PIECE, left) if unit == "c" else _PIECE)
        process.checkpoint()
        if not piece:
            return
        if unit == "n":
            lines = piece.split(b"\n", left)
            if len(lines) > left:
                process.write(1, b"\n".join(lines[:-1]) + b"\n")
                return
            left -= len(lines) - 1
        else:
            left -= len(piece)
        process.write(1, piece)


def _last(process: Process, file: OpenFile, unit: str, count: int, *, from_start: bool) -> None:
    if from_start:
        data = b"".join(_pieces(process, file))
        skipped = max(0, count - 1)
        process.write(1, data[skipped:] if unit == "c" else b"".join(data.splitlines(keepends=True)[skipped:]))
        return
    count = abs(count)
    if unit == "c":
        kept = b""
        for piece in _pieces(process, file):
            kept = (kept + piece)[-count:] if count else b""
        process.write(1, kept)
        return
    lines: deque[bytes] = deque(maxlen=count)
    rest = b""
    for piece in _pieces(process, file):
        *whole, rest = (rest + piece).split(b"\n")
        lines.extend(line + b"\n" for line in whole)
    if rest:
        lines.append(rest)
    process.write(1, b"".join(lines))
