"""An editor's terminal: runs the program that `dvm.workspace.attach` named, in a pseudo-terminal of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pexpect

from .errors import DemoError

LIMIT = 60.0
"""Seconds for the next prompt, or for the end."""

PROMPT = "[#$] "
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Colours, and queries to a real terminal such as the position of its cursor."""


def session(program: Mapping[str, Any], environment: Mapping[str, str], lines: list[str]) -> tuple[str, int]:
    """Type the lines, each after a prompt; the last one ends the shell.

    Returns:
        What the screen showed, and the exit code.

    Raises:
        DemoError: the program could not be started, ended early, or showed no prompt within `LIMIT` seconds.
    """
    try:
        child = pexpect.spawn(
            program["program"],
            list(program["args"]),
            env={**environment, **program["env"], "TERM": "dumb"},
            cwd=program["cwd"],
            dimensions=(24, 100),
            timeout=LIMIT,
            encoding="utf-8",
        )
    except (pexpect.ExceptionPexpect, OSError) as error:
        raise DemoError(f"the terminal could not be opened: {error}") from None
    screen = ""
    try:
        for line in lines:
            child.expect(PROMPT)
            screen += f"{child.before}{child.after}"
            child.sendline(line)
        child.expect(pexpect.EOF)
        screen += str(child.before)
        return ESCAPES.sub("", screen), child.wait()
    except pexpect.EOF:
        screen += str(child.before)
        raise DemoError(f"the terminal ended with code {child.wait()} after {_last_line(screen)!r}") from None
    except pexpect.TIMEOUT:
        screen += str(child.before)
        raise DemoError(f"the terminal showed nothing new for {LIMIT:g} s after {_last_line(screen)!r}") from None
    finally:
        child.close(force=True)


def _last_line(screen: str) -> str:
    lines = ESCAPES.sub("", screen).split()
    return " ".join(lines)[-200:]
