"""Signals by name and number, as Linux has them: the mock's processes are Linux ones on every host."""

from __future__ import annotations

from types import MappingProxyType

_NAMES = """
HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT
CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS
"""
NUMBERS = MappingProxyType({name: number for number, name in enumerate(_NAMES.split(), 1)})

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
