"""What a build tells while it runs: its steps as events, and its last lines for when it fails."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from dvm_runtimes.engines.base import Progress
from dvm_runtimes.infos import ProgressEvent

_KEPT_LINES = 50
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a build.

    Attributes:
        text: what it does, as in ``"Step 2/4 : RUN make"``.
        current, total: its number and how many there are, where the builder tells.
    """

    text: str
    current: int | None = None
    total: int | None = None


class BuildLog:
    """Turns a build's output into events: one a step, and one a line that the step writes.

    Args:
        progress: gets them.
        secrets: values that are shown to nobody.
    """

    def __init__(self, progress: Progress, secrets: tuple[str, ...] = ()) -> None:
        self._progress = progress
        # The longest first: one may be part of another.
        self._secrets = sorted((value for value in secrets if len(value) >= 3), key=len, reverse=True)
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._step = Step("")
        self._rest = ""

    @property
    def tail(self) -> str:
        """The last lines."""
        self.flush()
        return "\n".join(self._lines)

    @property
    def step(self) -> str:
        """The step that began last."""
        return self._step.text

    def begin(self, step: Step) -> None:
        """A step begins."""
        self.flush()
        self._step = Step(self.clean(step.text), step.current, step.total)
        self._lines.append(self._step.text)
        self._progress(ProgressEvent(self._step.text, step.current, step.total))

    def write(self, text: str) -> None:
        """The step at work wrote something, perhaps not a whole line."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self.line(line)

    def line(self, line: str, step: Step | None = None) -> None:
        """A step wrote a line: the one that began last, where none is given."""
        # A program that overwrites its line means the last state of it.
        shown = self.clean(_COLOUR.sub("", line).rstrip("\r").rpartition("\r")[2].rstrip())
        if shown:
            self._lines.append(shown)
            of = step or self._step
            self._progress(ProgressEvent(self.clean(of.text), of.current, of.total, shown))

    def flush(self) -> None:
        """What was written without an end is a line too."""
        rest, self._rest = self._rest, ""
        if rest:
            self.line(rest)

    def clean(self, text: str) -> str:
        """``text`` without secrets."""
        for value in self._secrets:
            text = text.replace(value, "***")
        return text
