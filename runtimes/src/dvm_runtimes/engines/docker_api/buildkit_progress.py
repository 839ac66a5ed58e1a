"""`Vertexes`: BuildKit's progress, as its clients print it, as a build log."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from .builds import BuildLog, Step

_NUMBERED = re.compile(r"\[(?:(?P<stage>[^\]]*?) +)?(?P<current>\d+)/(?P<total>\d+)\] (?P<text>.*)", re.DOTALL)
_NAMELESS = re.compile(r"stage-\d+")
_PLAIN = re.compile(r"#(\d+) (.*)")
_TIMED = re.compile(r"\d+\.\d+ (.*)|\d+\.\d+$")
_PLAIN_END = re.compile(r"(DONE|CACHED|CANCELED|ERROR)\b:? ?(.*)")


@dataclass(slots=True)
class _Vertex:
    step: Step
    shown: bool
    rest: str = ""


class Vertexes:
    """Turns messages into a build log.

    Args:
        log: gets the steps and their lines.
    """

    def __init__(self, log: BuildLog) -> None:
        self._log = log
        self._known: dict[str, _Vertex] = {}
        self._lines: list[str] = []
        self.failure = ""
        """The error message of the failed step; empty when none failed."""

    def take_json(self, line: str) -> bool:
        """One line of ``--progress=rawjson``; whether it was one.

        The first buildx that had it spread each object over many lines.
        """
        if not self._lines and not line.startswith("{"):
            return False
        self._lines.append(line)
        if not line.startswith("}") and not (len(self._lines) == 1 and line.endswith("}")):
            return True
        text, self._lines = "\n".join(self._lines), []
        try:
            message = json.loads(text)
        except ValueError:
            return False
        for vertex in message.get("vertexes") or ():
            self._vertex(vertex)
        for entry in message.get("logs") or ():
            self._wrote(str(entry.get("vertex", "")), _decoded(entry.get("data")))
        return True

    def take_plain(self, line: str) -> bool:
        """One line of ``--progress=plain``; whether it was one."""
        match = _PLAIN.fullmatch(line)
        if match is None:
            return not line.strip() or line.startswith(("-----", " > "))
        number, text = match.groups()
        if number not in self._known:
            self._begin(number, text)
        elif timed := _TIMED.fullmatch(text):
            self._wrote(number, f"{timed.group(1) or ''}\n")
        elif (end := _PLAIN_END.match(text)) and end.group(1) == "ERROR":
            self.failure = end.group(2)
        return True

    def finish(self) -> None:
        """Lines without an end are lines too."""
        for vertex in self._known.values():
            if vertex.rest:
                rest, vertex.rest = vertex.rest, ""
                self._line(vertex, rest)

    def _vertex(self, data: dict[str, Any]) -> None:
        digest, name = str(data.get("digest", "")), str(data.get("name", ""))
        if data.get("started") and digest not in self._known:
            self._begin(digest, name)
        if data.get("error") and "context canceled" not in str(data["error"]):
            self.failure = str(data["error"])

    def _begin(self, key: str, name: str) -> None:
        numbered = _NUMBERED.fullmatch(name)
        if numbered is None:
            step = Step(name)
        else:
            current, total, stage = int(numbered["current"]), int(numbered["total"]), numbered["stage"] or ""
            where = "" if not stage or _NAMELESS.fullmatch(stage) else f" (stage {stage})"
            step = Step(f"Step {current}/{total} : {numbered['text']}{where}", current, total)
        # BuildKit's internal steps are none of the user's.
        shown = not name.startswith("[internal]") and "resolve image config" not in name
        self._known[key] = _Vertex(step, shown)
        if shown:
            self._log.begin(step)

    def _wrote(self, key: str, text: str) -> None:
        vertex = self._known.get(key)
        if vertex is None:
            return
        *lines, vertex.rest = (vertex.rest + text).split("\n")
        for line in lines:
            self._line(vertex, line)

    def _line(self, vertex: _Vertex, line: str) -> None:
        if vertex.shown:
            self._log.line(line, vertex.step)


def _decoded(data: object) -> str:
    try:
        return base64.b64decode(str(data or ""), validate=False).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""
