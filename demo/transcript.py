"""What the demo prints: steps, what the editor asks, and what it is told."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

WIDTH = 110


class Transcript:
    """A readable account on standard output, in colour on a terminal."""

    def __init__(self) -> None:
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._step = 0

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._step += 1
        self._print(f"\n{self._step}. {title}", "1")

    def say(self, text: str) -> None:
        """A plain sentence."""
        self._print(f"   {text}")

    def asked(self, command: str, argument: Any) -> None:
        """What the editor sends."""
        self._print(f"   -> {command} {shown(argument)}", "36")

    def told(self, what: str, value: Any) -> None:
        """What comes back, or comes by itself."""
        self._print(f"   <- {what} {shown(value)}".rstrip(), "32")

    def output(self, text: str) -> None:
        """What a program wrote, line by line."""
        for line in text.replace("\r", "").rstrip("\n").split("\n"):
            self._print(f"      | {line}")

    def _print(self, text: str, colour: str = "") -> None:
        print(f"\x1b[{colour}m{text}\x1b[0m" if colour and self._colours else text, flush=True)


def shown(value: Any) -> str:
    """A value as JSON on one line, cut where it gets long; empty for nothing."""
    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
