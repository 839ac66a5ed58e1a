"""An editor's terminal: it runs the program that `dvm.workspace.attach` named, in a pseudo-terminal of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pexpect

LIMIT = 60.0
PROMPT = "[#$] "
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Colours, and questions to a real terminal such as where its cursor is."""


class TerminalError(Exception):
    """The shell did not do as it was told."""


def session(program: Mapping[str, Any], environment: Mapping[str, str], lines: list[str]) -> tuple[str, int]:
    """Type the lines, each after a prompt, the last of which ends the shell; what was seen, and the exit code.

    Raises:
        TerminalError: it did not go as it should within `LIMIT`.
    """
    child = pexpect.spawn(
        program["program"],
        list(program["args"]),
        env={**environment, **program["env"], "TERM": "dumb"},
        cwd=program["cwd"],
        dimensions=(24, 100),
        timeout=LIMIT,
        encoding="utf-8",
    )
    seen = ""
    try:
        for line in lines:
            child.expect(PROMPT)
            seen += f"{child.before}{child.after}"
            child.sendline(line)
        child.expect(pexpect.EOF)
        seen += str(child.before)
        return ESCAPES.sub("", seen), child.wait()
    except pexpect.ExceptionPexpect as error:
        raise TerminalError(f"the terminal went wrong after: {child.before!r}") from error
    finally:
        child.close(force=True)
