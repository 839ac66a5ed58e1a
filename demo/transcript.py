"""What the demo prints: its steps, what the editor sends, and what it receives."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

WIDTH = 110
"""Characters of a value that are printed."""


class Transcript:
    """A readable account on standard output, in colour on a terminal."""

    def __init__(self) -> None:
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._step = 0

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._step += 1
        self._print(f"\n{self._step}. {title}", "1")

    def text(self, text: str) -> None:
        """A plain sentence."""
        self._print(f"   {text}")

    def sent(self, command: str, argument: Any) -> None:
        """A command of the editor, and its argument."""
        self._print(f"   -> {command} {shorten(argument)}", "36")

    def received(self, name: str, value: Any) -> None:
        """A result or a notification."""
        self._print(f"   <- {name} {shorten(value)}".rstrip(), "32")

    def output(self, text: str) -> None:
        """Lines that a program wrote."""
        for line in text.replace("\r", "").rstrip("\n").split("\n"):
            self._print(f"      | {line}")

    def _print(self, text: str, colour: str = "") -> None:
        print(f"\x1b[{colour}m{text}\x1b[0m" if colour and self._colours else text, flush=True)


def shorten(value: Any) -> str:
    """A value as JSON on one line of at most `WIDTH` characters; empty for None and the empty string."""
    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
