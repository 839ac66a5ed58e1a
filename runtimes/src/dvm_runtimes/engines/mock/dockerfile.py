"""Dockerfiles, as Docker's classic builder reads them."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from .images import HealthCommand

KEYWORDS = frozenset(
    {
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
        *("RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    }
)

_FLAGGED = frozenset({"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"})
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?\s*")
_HEREDOC = re.compile(r"<<-?['\"]?[A-Za-z_]")
_VARIABLE = re.compile(r"\\\$|\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})")


class DockerfileProblem(Exception):
    """A Dockerfile that cannot be read, or an instruction that cannot be done."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        line: where it begins.
        keyword: in capitals.
        flags: ``--chown=1:1`` and the like.
        text: the rest, on one line, variables and quotes as they were written.
    """

    line: int
    keyword: str
    flags: Mapping[str, str]
    text: str

    def __str__(self) -> str:
        flags = "".join(f"--{name}={value} " for name, value in self.flags.items())
        return f"{self.keyword} {flags}{self.text}"

    def form(self) -> list[str] | None:
        """The words of the JSON form, ``["a", "b"]``; None if it is written as for a shell."""
        if not self.text.startswith("["):
            return None
        try:
            words = json.loads(self.text)
        except ValueError:
            return None
        return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None

    def words(self) -> list[str]:
        """The words, quotes taken off.

        Raises:
            DockerfileProblem: a quote that is not closed.
        """
        try:
            return self.form() or shlex.split(self.text, posix=True)
        except ValueError as error:
            raise self.problem(str(error)) from None

    def pairs(self) -> dict[str, str]:
        """The pairs of ``NAME=VALUE ...``, or of the older ``NAME VALUE``."""
        words = self.words()
        if words and "=" not in words[0]:
            name, _, value = self.text.partition(" ")
            return {name: value.strip()}
        pairs = {}
        for word in words:
            name, assigned, value = word.partition("=")
            if not name or not assigned:
                raise self.problem(f"{word!r} is not NAME=VALUE")
            pairs[name] = value
        return pairs

    def problem(self, text: str) -> DockerfileProblem:
        """The error for this instruction."""
        return DockerfileProblem(f"line {self.line}: {self.keyword}: {text}")


def parse(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile.

    Raises:
        DockerfileProblem: it has none, or one that nobody knows.

    >>> [str(one) for one in parse("FROM debian\\nRUN make && \\\\\\n  make test")]
    ['FROM debian', 'RUN make && make test']
    """
    found = []
    joined, began = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        began = began if joined else number
        if stripped.endswith("\\"):
            joined += stripped[:-1].rstrip() + " "
            continue
        found.append(_instruction(began, joined + stripped))
        joined = ""
    if joined:
        found.append(_instruction(began, joined.strip()))
    if not found:
        raise DockerfileProblem("the Dockerfile has no instructions")
    first = next(one for one in [*found, found[0]] if one.keyword != "ARG" or one is found[-1])
    if first.keyword != "FROM":
        raise first.problem("a Dockerfile begins with FROM")
    return found


def _instruction(line: int, text: str) -> Instruction:
    keyword, _, rest = text.partition(" ")
    flags: dict[str, str] = {}
    rest = rest.strip()
    while keyword.upper() in _FLAGGED and (match := _FLAG.match(rest)):
        flags[match[1]] = match[2] or ""
        rest = rest[match.end() :]
    made = Instruction(line, keyword.upper(), flags, rest)
    if made.keyword not in KEYWORDS:
        raise DockerfileProblem(f"line {line}: unknown instruction: {keyword}")
    if not rest:
        raise made.problem("needs an argument")
    if made.keyword in ("RUN", "COPY", "ADD") and _HEREDOC.search(rest):
        raise made.problem("here-documents need BuildKit")
    return made


def health_check(instruction: Instruction, shell: tuple[str, ...]) -> HealthCommand | None:
    """What ``HEALTHCHECK`` says; None for ``NONE``.

    Raises:
        DockerfileProblem: neither a command nor ``NONE``, or a duration that is none.
    """
    kind, _, rest = instruction.text.partition(" ")
    if kind.upper() == "NONE":
        return None
    if kind.upper() != "CMD" or not rest.strip():
        raise instruction.problem("write HEALTHCHECK CMD command, or HEALTHCHECK NONE")
    command = dataclasses.replace(instruction, text=rest.strip())
    times = {name: value for name, value in instruction.flags.items() if name != "retries"}
    return HealthCommand(
        tuple(command.form() or (*shell, command.text)),
        retries=int(instruction.flags.get("retries") or 3),
        **{name.replace("-", "_"): _seconds(instruction, value) for name, value in times.items()},
    )


def _seconds(instruction: Instruction, text: str) -> float:
    if not re.fullmatch(f"(?:{_DURATION.pattern})+", text):
        raise instruction.problem(f"{text!r} is not a duration such as 1m30s")
    return sum(float(amount) * _UNITS[unit] for amount, unit in _DURATION.findall(text))


def expand(text: str, variables: Mapping[str, str]) -> str:
    """``text`` with ``$NAME``, ``${NAME}``, ``${NAME:-other}`` and ``${NAME:+other}`` replaced.

    >>> expand("$A ${B:-b} \\\\$A", {"A": "a"})
    'a b $A'
    """

    def replace(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name is None:
            return "$"
        value = variables.get(name, "")
        if match[3] == "-":
            return value or match[4]
        if match[3] == "+":
            return match[4] if value else ""
        return value

    return _VARIABLE.sub(replace, text)
