"""Signals by name and number, as Linux has them: the mock's processes are Linux ones on every host."""

from __future__ import annotations

from types import MappingProxyType

NUMBERS = MappingProxyType(
    {
        "HUP": 1,
        "INT": 2,
        "QUIT": 3,
        "ILL": 4,
        "TRAP": 5,
        "ABRT": 6,
        "BUS": 7,
        "FPE": 8,
        "KILL": 9,
        "USR1": 10,
        "SEGV": 11,
        "USR2": 12,
        "PIPE": 13,
        "ALRM": 14,
        "TERM": 15,
        "CHLD": 17,
        "CONT": 18,
        "STOP": 19,
        "TSTP": 20,
        "TTIN": 21,
        "TTOU": 22,
        "URG": 23,
        "XCPU": 24,
        "XFSZ": 25,
        "WINCH": 28,
    }
)

HUP = NUMBERS["HUP"]
INT = NUMBERS["INT"]
QUIT = NUMBERS["QUIT"]
KILL = NUMBERS["KILL"]
PIPE = NUMBERS["PIPE"]
TERM = NUMBERS["TERM"]
WINCH = NUMBERS["WINCH"]

# Those whose default action is to do nothing, or that would stop a process:
# nothing here is ever stopped one by one, only with its container.
IGNORED = frozenset(NUMBERS[name] for name in ("CHLD", "CONT", "URG", "WINCH", "STOP", "TSTP", "TTIN", "TTOU"))


def number(text: str) -> int | None:
    """The number that ``"TERM"``, ``"SIGTERM"``, ``"term"`` or ``"15"`` stands for; None if there is no such signal."""
    if text.isdecimal():
        value = int(text)
        return value if value == 0 or value in NUMBERS.values() else None
    return NUMBERS.get(text.upper().removeprefix("SIG"))


def name(value: int) -> str:
    """``"TERM"`` for 15; the number itself where it has no name."""
    return next((key for key, known in NUMBERS.items() if known == value), str(value))
