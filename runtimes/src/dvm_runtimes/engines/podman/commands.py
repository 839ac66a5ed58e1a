"""Commands in Podman's containers: how they end, and what Podman says among their output."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from dvm_runtimes.engines.base import STDERR
from dvm_runtimes.engines.docker_api.exec_session import DockerSession, ExecState
from dvm_runtimes.engines.docker_api.execs import Execs

from . import feeding

if TYPE_CHECKING:
    from dvm_runtimes.engines.base import ExecSpec
    from dvm_runtimes.engines.docker_api.api import DockerApi
    from dvm_runtimes.errors import ExecError
    from dvm_runtimes.operation import Operation

_ITS_OWN = re.compile(rb"Error: (?:read|write) unixpacket .*: (?:connection reset by peer|broken pipe)\n")
"""Podman's own trouble with a command that has ended, sent as if the command had written it; a frame of its own."""

_NOT_STARTED = (125, 126, 127)


class PodmanSession(DockerSession):
    """One exec, without what Podman adds to the command's errors.

    Attributes:
        shell: the name of the shell around the command; empty without.
    """

    shell = ""
    _held = b""
    """The end of a piece of standard error that may be the beginning of the shell's mark."""

    def read(self) -> tuple[int, bytes] | None:
        piece = super().read()
        if self.shell and piece is not None and piece[0] == STDERR and piece[1].startswith(self.shell.encode()):
            self._was_not_started(piece[1])
            return None
        return piece

    def _was_not_started(self, first: bytes) -> None:
        pieces = [first]
        while (piece := self.next_piece()) is not None:
            pieces.append(piece[1])
        message = b"".join(pieces).decode(errors="replace").replace(self.shell, "sh").strip()
        self._failure = self._failed(self.wait(), message)

    def next_piece(self) -> tuple[int, bytes] | None:
        while (piece := super().next_piece()) is not None:
            if piece[0] != STDERR:
                return piece
            if not _ITS_OWN.fullmatch(piece[1]) and (data := self._without_mark(piece[1])):
                return STDERR, data
        held, self._held = self._held, b""
        return (STDERR, held) if held else None

    def _without_mark(self, data: bytes) -> bytes:
        """``data`` without the mark of the shell, whose command has ended once it is there."""
        if not self.shell:
            return data
        mark, data, self._held = feeding.end_mark(self.shell), self._held + data, b""
        before, found, after = data.partition(mark)
        if found:
            self.close_stdin()
            return before + after
        for length in range(min(len(mark) - 1, len(data)), 0, -1):
            if data.endswith(mark[:length]):
                self._held = data[-length:]
                return data[:-length]
        return data


class PodmanExecs(Execs):
    """The commands of one Podman.

    Args:
        api: of the engine.
        has_shell: whether the container has one; within a step of the engine.
    """

    session_type = PodmanSession

    def __init__(self, api: DockerApi, has_shell: Callable[[str], bool]) -> None:
        super().__init__(api)
        self._has_shell = has_shell

    def start(self, op: Operation, container: str, spec: ExecSpec) -> DockerSession:
        if feeding.wants(spec) and self._has_shell(container):
            spec = feeding.fed(spec)
        session = super().start(op, container, spec)
        if isinstance(session, PodmanSession):
            session.shell = feeding.name_of(spec)
        return session

    def state(self, op: Operation, exec_id: str) -> ExecState:
        state = super().state(op, exec_id)
        # Of a process that has ended Podman keeps no number; and these codes may be the command's own.
        if not state.running and state.exit_code is not None:
            return state._replace(started=None if state.exit_code in _NOT_STARTED else True)
        return state

    def failed(self, op: Operation, spec: ExecSpec, code: int, message: str) -> ExecError:
        return super().failed(op, feeding.bare(spec), 126 if code == 125 else code, message)
