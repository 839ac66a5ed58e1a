"""Commands whose streams the caller holds: bytes both ways, a half-closed input, an exit code, and their end."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dvm_runtimes.engines.base import STDERR, STDOUT, ExecSession
from dvm_runtimes.errors import (
    ExecError,
    InvalidOptionError,
    OperationCancelledError,
    OperationTimeoutError,
    WorkspaceNotFoundError,
    WorkspaceNotRunningError,
)
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.options import ExecOptions
from dvm_runtimes.runtime import ContainerRuntime

from .case import LIMIT, Bench, ConformanceCase, assert_typed, require
from .exec import FIRST_WORD, MIB

SIZES = (("30 100", "first"), ("31 101", "second"))


class SessionConformance(ConformanceCase):
    """``open_exec``: one thread writes, another reads, and whatever ends the session ends the command."""

    def open(self, runtime: ContainerRuntime, workspace: str, command: Sequence[str], **limits: Any) -> ExecSession:
        """A session that ends on its own if a defect would make the test wait for ever."""
        return runtime.open_exec(workspace, command, **{"timeout": LIMIT, **limits})

    def test_session_carries_bytes_both_ways(self, runtime: ContainerRuntime, workspace: str) -> None:
        """A question is answered before the next one is asked, whatever bytes they are made of."""
        with self.open(runtime, workspace, ["cat"]) as session:
            for question in (b"hello\n", bytes(range(256)), b"\r\n\0\xff"):
                session.write(question)
                assert exactly(session, STDOUT, len(question)) == question
            session.close_stdin()
            assert session.read() is None
            assert session.read() is None
            assert session.wait() == 0
            assert session.wait() == 0

    def test_session_keeps_its_streams_apart(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Each piece says which stream it is from, and the exit code is the command's own."""
        script = 'read line; echo "out $line"; echo "err $line" >&2; exit 7'
        with self.open(runtime, workspace, ["sh", "-c", script]) as session:
            session.write(b"x\n")
            assert all_of(session) == (b"out x\n", b"err x\n")
            assert session.wait() == 7

    def test_session_carries_much_both_ways_at_once(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Much more than any pipe holds, with one thread for each direction."""
        data = os.urandom(16 * MIB)

        def write() -> None:
            for start in range(0, len(data), MIB):
                session.write(data[start : start + MIB])
            session.close_stdin()

        with self.open(runtime, workspace, ["cat"]) as session:
            writer = threading.Thread(target=write)
            writer.start()
            out, err = all_of(session)
            writer.join()
            assert (hashlib.sha256(out).digest(), err) == (hashlib.sha256(data).digest(), b"")
            assert session.wait() == 0

    def test_session_output_goes_on_after_its_input_has_ended(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Closing the input closes no more than the input."""
        with self.open(runtime, workspace, ["sh", "-c", "cat; echo end; echo of it >&2"]) as session:
            session.write(b"all ")
            session.close_stdin()
            assert all_of(session) == (b"all end\n", b"of it\n")
            assert session.wait() == 0

    def test_session_without_a_reader_can_be_waited_for(self, runtime: ContainerRuntime, workspace: str) -> None:
        """What nobody reads does not hold the command up: ``wait`` throws it away."""
        with self.open(runtime, workspace, ["sh", "-c", f"head -c {4 * MIB} /dev/zero; exit 3"]) as session:
            session.close_stdin()
            assert session.wait() == 3

    def test_session_has_its_options(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """Variables and working directory, as for ``exec_in_workspace``; no callbacks and no input."""
        options = ExecOptions(env={"WORD": "two words"}, working_dir="/tmp")  # noqa: S108 -- inside
        with runtime.open_exec(workspace, ["sh", "-c", 'echo "$WORD"; pwd'], options, timeout=LIMIT) as session:
            assert all_of(session) == (b"two words\n/tmp\n", b"")
        for wrong in (ExecOptions(input=b"x"), ExecOptions(on_stdout=print), ExecOptions(on_stderr=print)):
            with pytest.raises(InvalidOptionError, match="session"):
                runtime.open_exec(workspace, ["true"], wrong)

    def test_session_with_a_terminal(self, runtime: ContainerRuntime, workspace: str) -> None:
        """With a size it has a terminal of that size, which can be changed."""
        require(runtime, "terminal")
        # Some engines give a terminal its first size only when the command runs already.
        script = "; ".join(
            f'while [ "$(stty size)" != "{size}" ]; do sleep 0.02; done; echo {word}' for size, word in SIZES
        )
        with runtime.open_exec(workspace, ["sh", "-c", script], size=(30, 100), timeout=LIMIT) as session:
            until(session, b"first")
            session.resize(31, 101)
            until(session, b"second")
            session.write(b"ignored\r")
            assert session.wait() == 0

    def test_session_of_what_cannot_run(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """A missing command, workspace or process gives the same errors as ``exec_in_workspace``."""
        with pytest.raises(ExecError, match="no-such-program") as caught:  # noqa: SIM117 -- the opening may raise too
            with self.open(runtime, workspace, ["no-such-program"]) as session:
                session.wait()
        assert caught.value.exit_code == 127
        with pytest.raises(WorkspaceNotFoundError) as missing:
            self.open(runtime, "no-such-workspace", ["true"])
        assert_typed(missing.value, runtime, "open_exec")
        stopped = bench.start()
        runtime.stop_workspace(stopped)
        with pytest.raises(WorkspaceNotRunningError):
            self.open(runtime, stopped, ["true"])
        with pytest.raises(InvalidOptionError, match="command"):
            runtime.open_exec(workspace, "echo hello")

    # Its end

    def test_session_that_is_closed_ends_its_command(
        self, runtime: ContainerRuntime, bench: Bench, workspace: str
    ) -> None:
        """Neither the command nor what it started goes on."""
        path = bench.path()
        script = f"sleep 600 & echo $! > {path}.child; " + FIRST_WORD.format(path=path) + "wait"
        with self.open(runtime, workspace, ["sh", "-c", script]) as session:
            until(session, b"ready\n")
        self.assert_ended(bench, workspace, path)
        self.assert_ended(bench, workspace, f"{path}.child")
        session.close()

    def test_session_that_is_killed_has_an_exit_code(self, runtime: ContainerRuntime, workspace: str) -> None:
        """A thread that waits is told of the end."""
        with self.open(runtime, workspace, ["sh", "-c", "echo ready; exec sleep 600"]) as session:
            until(session, b"ready\n")
            session.kill()
            assert session.wait() != 0

    @pytest.mark.parametrize("kind", [CancelToken, threading.Event])
    def test_session_that_is_cancelled(
        self, runtime: ContainerRuntime, bench: Bench, workspace: str, kind: Callable[[], threading.Event]
    ) -> None:
        """The blocked reader is told, and the command is ended inside."""
        cancel = kind()
        path = bench.path()
        script = FIRST_WORD.format(path=path) + "sleep 600"
        with self.open(runtime, workspace, ["sh", "-c", script], cancel=cancel) as session:
            until(session, b"ready\n")
            threading.Thread(target=cancel.set).start()
            with pytest.raises(OperationCancelledError) as caught:
                session.wait()
            assert_typed(caught.value, runtime, "open_exec", hint=False)
            with pytest.raises(OperationCancelledError):
                session.write(b"late")
        self.assert_ended(bench, workspace, path)

    def test_session_that_takes_too_long(
        self, runtime: ContainerRuntime, bench: Bench, workspace: str, patience: float
    ) -> None:
        """The limit is that of the session's whole life; the command is ended inside even if nobody reads."""
        path = bench.path()
        script = FIRST_WORD.format(path=path) + "sleep 600"
        with self.open(runtime, workspace, ["sh", "-c", script], timeout=patience) as session:
            until(session, b"ready\n")
            self.assert_ended(bench, workspace, path)
            with pytest.raises(OperationTimeoutError) as caught:
                session.read()
            assert_typed(caught.value, runtime, "open_exec")

    def test_session_ends_with_its_workspace(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A container that is killed ends the output, and the exit code says so."""
        workspace = bench.start()
        with self.open(runtime, workspace, ["sh", "-c", "echo ready; sleep 600"]) as session:
            until(session, b"ready\n")
            bench.subject.outside.kill(workspace)
            assert session.wait() == 137

    def assert_ended(self, bench: Bench, workspace: str, path: str) -> None:
        """The process whose PID is in that file is gone, or goes soon: the kernel takes its time to bury it."""
        bench.sh(workspace, f"pid=$(cat {path}); while [ -d /proc/$pid ]; do sleep 0.02; done")


def all_of(session: ExecSession) -> tuple[bytes, bytes]:
    """Everything that the command writes on its two streams."""
    streams = {STDOUT: bytearray(), STDERR: bytearray()}
    while (piece := session.read()) is not None:
        streams[piece[0]] += piece[1]
    return bytes(streams[STDOUT]), bytes(streams[STDERR])


def exactly(session: ExecSession, stream: int, size: int) -> bytes:
    """So many bytes of one stream, and nothing else."""
    found = bytearray()
    while len(found) < size:
        piece = session.read()
        assert piece is not None
        assert piece[0] == stream
        found += piece[1]
    return bytes(found)


def until(session: ExecSession, word: bytes) -> bytes:
    """What the command writes until ``word`` is in it."""
    found = bytearray()
    while word not in found:
        piece = session.read()
        assert piece is not None, f"the output ended without {word!r}: {bytes(found)!r}"
        found += piece[1]
    return bytes(found)
