"""Dockerfiles: their instructions, and which of them only BuildKit can do."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

# Flags by instruction: those of the classic builder, and those that came with BuildKit.
_CLASSIC_FLAGS = {
    "ADD": {"chown"},
    "COPY": {"chown", "from"},
    "FROM": {"platform"},
    "HEALTHCHECK": {"interval", "timeout", "start-period", "retries"},
    "RUN": set[str](),
}
_BUILDKIT_FLAGS = {
    "ADD": {"link", "exclude", "checksum", "keep-git-dir", "chmod", "unpack"},
    "COPY": {"link", "parents", "exclude", "chmod"},
    "FROM": set[str](),
    "HEALTHCHECK": {"start-interval"},
    "RUN": {"mount", "network", "security", "device"},
}
_KEYWORDS = {*_CLASSIC_FLAGS, "ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "MAINTAINER", "ONBUILD", "SHELL"}
_KEYWORDS |= {"STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}

_DIRECTIVE = re.compile(r"#\s*([a-z]+)\s*=\s*(.+?)\s*", re.IGNORECASE)
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?(?:\s+|$)")
_HEREDOC = re.compile(r"""(?<![\w<])(?:\d*)<<(-?)(["']?)([A-Za-z_][\w.]*)\2""")
_VARIABLE = re.compile(r"\\\$|\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class DockerfileError(Exception):
    """A Dockerfile that cannot be read, or an instruction with wrong arguments."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The health check of an image.

    Attributes:
        command: argv.
        interval, timeout, start_period: seconds.
        retries: failures in a row after which the container is unhealthy.
    """

    command: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    start_period: float = 0.0
    retries: int = 3


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        line: the number of its first line.
        keyword: in capitals, as in ``"RUN"``.
        flags: as in ``{"chown": "1:1"}``.
        text: what follows, continuation lines joined, variables and quotes as written.
        heredoc: the lines below belong to it.
    """

    line: int
    keyword: str
    flags: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    heredoc: bool = False

    def __str__(self) -> str:
        flags = [f"--{name}={value}" if value else f"--{name}" for name, value in self.flags.items()]
        return " ".join([self.keyword, *flags, self.text])

    def error(self, message: str) -> DockerfileError:
        """An error that names this instruction and its line."""
        return DockerfileError(f"line {self.line}: {self.keyword}: {message}")

    def exec_form(self) -> list[str] | None:
        """The argv of the JSON form, ``["a", "b"]``; None for the shell form."""
        if not self.text.startswith("["):
            return None
        try:
            argv = json.loads(self.text)
        except ValueError:
            return None
        return argv if isinstance(argv, list) and all(isinstance(word, str) for word in argv) else None

    def argv(self, shell: tuple[str, ...]) -> list[str]:
        """The argv of either form; the shell form is given to ``shell``."""
        argv = self.exec_form()
        return [*shell, self.text] if argv is None else argv

    def arguments(self) -> list[str]:
        """The arguments, without quotes.

        Raises:
            DockerfileError: a quote is not closed.
        """
        try:
            return self.exec_form() or shlex.split(self.text, posix=True)
        except ValueError as error:
            raise self.error(str(error)) from None

    def pairs(self) -> dict[str, str]:
        """The pairs of ``NAME=VALUE ...``, or of the older ``NAME VALUE``.

        Raises:
            DockerfileError: an argument is neither.
        """
        arguments = self.arguments()
        if arguments and "=" not in arguments[0]:
            name, _, value = self.text.partition(" ")
            return {name: value.strip()}
        pairs = {}
        for argument in arguments:
            name, assigned, value = argument.partition("=")
            if not name or not assigned:
                raise self.error(f"{argument!r} is not NAME=VALUE")
            pairs[name] = value
        return pairs

    def stage_name(self) -> str:
        """The name that ``FROM image AS name`` gives its stage, in lower case; empty without one.

        Raises:
            DockerfileError: neither ``FROM image`` nor ``FROM image AS name``.
        """
        arguments = self.arguments()
        if len(arguments) == 3 and arguments[1].lower() == "as":
            return arguments[2].lower()
        if len(arguments) != 1:
            raise self.error("write FROM image, or FROM image AS name")
        return ""

    def health_check(self, shell: tuple[str, ...]) -> HealthCheck | None:
        """The check of a HEALTHCHECK; None for ``NONE``.

        Raises:
            DockerfileError: neither a command nor ``NONE``, or a flag with a wrong value.
        """
        kind, _, command = self.text.partition(" ")
        if kind.upper() == "NONE":
            return None
        if kind.upper() != "CMD" or not command.strip():
            raise self.error("write HEALTHCHECK CMD command, or HEALTHCHECK NONE")
        retries = self.flags.get("retries", "3")
        if not retries.isdecimal():
            raise self.error(f"{retries!r} is not a number of retries")
        seconds = {name.replace("-", "_"): value for name, value in self.flags.items() if name != "retries"}
        return HealthCheck(
            tuple(dataclasses.replace(self, text=command.strip()).argv(shell)),
            retries=int(retries),
            **{name: self._seconds(value) for name, value in seconds.items()},
        )

    def _seconds(self, text: str) -> float:
        if not re.fullmatch(f"(?:{_DURATION.pattern})+", text):
            raise self.error(f"{text!r} is not a duration such as 1m30s")
        return sum(float(amount) * _UNITS[unit] for amount, unit in _DURATION.findall(text))


def read_instructions(text: str) -> list[Instruction]:
    """All instructions, whether a builder knows them or not; comments and the content of heredocs are left out.

    >>> [str(one) for one in read_instructions("FROM debian\\nRUN make && \\\\\\n  make test")]
    ['FROM debian', 'RUN make && make test']
    """
    lines = text.removeprefix("\ufeff").splitlines()
    escape = _escape(lines)
    found: list[Instruction] = []
    at = 0
    while at < len(lines):
        first = at
        joined = ""
        while at < len(lines):
            line = lines[at].strip()
            at += 1
            if not line or line.startswith("#"):
                if joined:
                    continue  # comments and empty lines within a continued instruction
                break
            joined += line.removesuffix(escape).rstrip() + " " if line.endswith(escape) else line
            if not line.endswith(escape):
                break
        if joined:
            instruction = _instruction(first + 1, joined.strip())
            end = _end_of_heredocs(lines, at, instruction)
            found.append(dataclasses.replace(instruction, heredoc=end > at))
            at = end
    return found


def _escape(lines: list[str]) -> str:
    """The character that continues a line, which a directive at the top may change."""
    for line in lines:
        directive = _DIRECTIVE.fullmatch(line.strip())
        if directive is None:
            break
        if directive[1].lower() == "escape" and directive[2] in ("`", "\\"):
            return directive[2]
    return "\\"


def _instruction(line: int, joined: str) -> Instruction:
    keyword, *rest = joined.split(None, 1)
    text = rest[0] if rest else ""
    flags: dict[str, str] = {}
    while keyword.upper() in _CLASSIC_FLAGS and (flag := _FLAG.match(text)):
        flags[flag[1]] = flag[2] or ""
        text = text[flag.end() :]
    return Instruction(line, keyword.upper(), flags, text)


def _end_of_heredocs(lines: list[str], at: int, instruction: Instruction) -> int:
    """The line after the heredocs of an instruction that ends before line ``at``; ``at`` without any."""
    if instruction.keyword not in ("RUN", "COPY", "ADD"):
        return at
    end = at
    for _, _, delimiter in _HEREDOC.findall(instruction.text):
        while end < len(lines) and delimiter not in (lines[end], lines[end].strip("\t")):
            end += 1
        if end == len(lines):
            return at  # the "<<" of a shell's arithmetic, or a broken file, which the builder reports
        end += 1
    return end


def parse(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile that a builder accepts.

    Raises:
        DockerfileError: there are none, one is unknown or has no argument or an unknown flag, or the first is not FROM.
    """
    instructions = read_instructions(text)
    for one in instructions:
        if one.keyword not in _KEYWORDS:
            raise DockerfileError(f"line {one.line}: unknown instruction: {one.keyword}")
        for flag in one.flags.keys() - _CLASSIC_FLAGS[one.keyword] - _BUILDKIT_FLAGS[one.keyword] if one.flags else ():
            raise one.error(f"unknown flag: --{flag}")
        if not one.text:
            raise one.error("needs an argument")
    if not instructions:
        raise DockerfileError("the Dockerfile has no instructions")
    first = next((one for one in instructions if one.keyword != "ARG"), instructions[-1])
    if first.keyword != "FROM":
        raise first.error("a Dockerfile begins with FROM")
    return instructions


def needs_buildkit(text: str) -> list[str]:
    """What only BuildKit can do, as in ``"RUN --mount (line 3)"``; empty when the classic builder is enough."""
    found: list[str] = []
    for one in read_instructions(text):
        if one.heredoc:
            found.append(f"a heredoc (line {one.line})")
        new = [flag for flag in one.flags if flag in _BUILDKIT_FLAGS[one.keyword]]
        found += [f"{one.keyword} --{flag} (line {one.line})" for flag in new]
    return found


def base_images(text: str, build_args: Mapping[str, str]) -> list[str]:
    """The images that a Dockerfile builds from or copies from, in order, without its own stages.

    Args:
        text: the Dockerfile.
        build_args: values for the ``ARG`` instructions before the first ``FROM``.

    >>> base_images("ARG V=1\\nFROM app:$V AS a\\nFROM a\\nCOPY --from=tools /x /x", {})
    ['app:1', 'tools']
    """
    variables: dict[str, str] = {}
    stages: set[str] = {"scratch"}
    found: dict[str, None] = {}
    number = 0
    for one in read_instructions(text):
        name = ""
        if one.keyword == "ARG" and not number:
            key, _, default = one.text.partition("=")
            variables[key.strip()] = build_args.get(key.strip(), expand(default.strip().strip("\"'"), variables))
        elif one.keyword == "FROM":
            name, *rest = expand(one.text, variables).split() or [""]
            stages.add(str(number))
            number += 1
            if name and name.lower() not in stages:
                found[name] = None
            if len(rest) == 2 and rest[0].lower() == "as":
                stages.add(rest[1].lower())
            continue
        elif one.keyword in ("COPY", "ADD"):
            name = one.flags.get("from", "")
        elif one.keyword == "RUN" and (match := re.search(r"(?:^|,)from=([^,]+)", one.flags.get("mount", ""))):
            name = match[1]
        if name and name.lower() not in stages:
            found[name] = None
    return list(found)


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
