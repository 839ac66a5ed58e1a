"""Commands: their words, their streams, their exit code, and their end."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dvm_runtimes.errors import (
    ExecError,
    InvalidOptionError,
    OperationCancelledError,
    OperationTimeoutError,
    WorkspaceNotRunningError,
)
from dvm_runtimes.infos import ExecResult
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.options import ExecOptions
from dvm_runtimes.runtime import ContainerRuntime

from .case import LIMIT, Bench, ConformanceCase, assert_typed, require

MIB = 1024 * 1024

ODD_WORDS = (
    *("", "plain", "two words", "\t", "line\nfeed", "carriage\rreturn", "'", "''''", "'front", "back'", '"double"'),
    *("$HOME", "${HOME}", "$(id)", "`id`", "|", ";", "&", "&&", "||", "<", ">", "!", "*", "?", "~", "#", "\\", "\\n"),
    *("()", "{}", "{a,b}", "[a]", "<<EOF", "'already quoted'", "-n", "--", "%s", "snow \u2603 \U0001f6a2 \u65e5\u672c"),
    "x" * 10_000,
)
"""Words that a shell in between would change."""

ODD_VALUES = {f"ODD_{number}": word for number, word in enumerate(ODD_WORDS)}

FIRST_WORD = "echo $$ > {path}; echo ready; "
"""Tells its PID through a file, and that it did so through its output."""


class ExecConformance(ConformanceCase):
    """A command gets exactly what it is given, and its caller exactly what it gave."""

    def run(self, runtime: ContainerRuntime, workspace: str, *command: str, **options: Any) -> ExecResult:
        """Run a command without a shell in between."""
        return runtime.exec_in_workspace(workspace, command, ExecOptions(**options), timeout=LIMIT)

    # What it gives

    @pytest.mark.parametrize("code", [0, 1, 7, 42, 126, 127, 255])
    def test_exec_gives_the_exit_code(self, runtime: ContainerRuntime, workspace: str, code: int) -> None:
        """The command's own, whatever it is."""
        assert self.run(runtime, workspace, "sh", "-c", f"exit {code}") == ExecResult(code, b"", b"")

    @pytest.mark.parametrize(("signal", "code"), [("TERM", 143), ("KILL", 137), ("HUP", 129)])
    def test_exec_gives_the_signal(self, runtime: ContainerRuntime, workspace: str, signal: str, code: int) -> None:
        """A command that a signal ended has 128 and its number."""
        assert self.run(runtime, workspace, "sh", "-c", f"kill -{signal} $$; sleep 60").exit_code == code

    def test_exec_keeps_its_streams_apart(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Standard output and standard error each arrive whole, however they were mixed."""
        script = "for n in 1 2 3; do echo out $n; echo err $n >&2; done"
        result = self.run(runtime, workspace, "sh", "-c", script)
        assert result == ExecResult(0, b"out 1\nout 2\nout 3\n", b"err 1\nerr 2\nerr 3\n")

    def test_exec_gives_every_byte(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Output is bytes: all 256 of them, in any order, come as they were written."""
        data = bytes(range(256)) * 16 + b"\r\n\n\0\xff\xfe"
        assert self.run(runtime, workspace, "cat", input=data).stdout == data
        assert self.run(runtime, workspace, "sh", "-c", "cat >&2", input=data).stderr == data

    def test_exec_gives_output_without_a_newline(self, runtime: ContainerRuntime, workspace: str) -> None:
        """The last bytes are not lost, and none are added."""
        assert self.run(runtime, workspace, "printf", "no newline").stdout == b"no newline"

    def test_exec_gives_much_output(self, runtime: ContainerRuntime, workspace: str) -> None:
        """64 MiB on two streams at once arrive whole."""
        half = 32 * MIB
        script = f"head -c {half} /dev/zero & head -c {half} /dev/zero >&2; wait"
        result = self.run(runtime, workspace, "sh", "-c", script)
        assert (result.exit_code, len(result.stdout), len(result.stderr)) == (0, half, half)
        assert not any(map(any, (result.stdout[:MIB], result.stderr[-MIB:])))

    # What it is given

    def test_exec_passes_words_as_they_are(self, runtime: ContainerRuntime, workspace: str) -> None:
        """No shell is in between: blanks, quotes, dollars and newlines stay what they are."""
        result = self.run(runtime, workspace, "sh", "-c", 'printf "%s\\001" "$@"', "sh", *ODD_WORDS)
        assert result.stdout.decode().split("\1")[:-1] == list(ODD_WORDS)

    def test_exec_passes_the_environment_as_it_is(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Values arrive byte for byte, beside those of the workspace."""
        script = "; ".join(f'printf "%s\\001" "${name}"' for name in ODD_VALUES)
        result = self.run(runtime, workspace, "sh", "-c", f"{script}; printenv DVM_WORKSPACE >&2", env=ODD_VALUES)
        assert result.stdout.decode().split("\1")[:-1] == list(ODD_WORDS)
        assert result.stderr.startswith(b"conf-")

    def test_exec_keeps_its_environment_to_itself(self, runtime: ContainerRuntime, workspace: str) -> None:
        """The variables of one command are not there in the next one."""
        assert self.run(runtime, workspace, "printenv", "ONCE", env={"ONCE": "x"}).stdout == b"x\n"
        assert self.run(runtime, workspace, "printenv", "ONCE").exit_code == 1

    def test_exec_passes_input_and_its_end(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Much more input than any pipe holds goes in while as much output comes out."""
        data = os.urandom(8 * MIB)
        result = self.run(runtime, workspace, "cat", input=data)
        assert (result.exit_code, result.stderr) == (0, b"")
        assert hashlib.sha256(result.stdout).digest() == hashlib.sha256(data).digest()

    @pytest.mark.parametrize("given", [None, b""])
    def test_exec_without_input_reads_the_end(
        self, runtime: ContainerRuntime, workspace: str, given: bytes | None
    ) -> None:
        """A command that reads what is not there is not held up."""
        assert self.run(runtime, workspace, "cat", input=given) == ExecResult(0, b"", b"")

    def test_exec_may_leave_input_unread(self, runtime: ContainerRuntime, workspace: str) -> None:
        """A command that does not read its input ends all the same."""
        data = bytes(4 * MIB)
        assert self.run(runtime, workspace, "sh", "-c", "echo done", input=data) == ExecResult(0, b"done\n", b"")
        assert self.run(runtime, workspace, "head", "-c", "3", input=data).stdout == bytes(3)

    def test_exec_uses_the_working_directory(self, runtime: ContainerRuntime, workspace: str) -> None:
        """The workspace's folder, or the one that was asked for."""
        assert self.run(runtime, workspace, "pwd").stdout == b"/workspace\n"
        assert self.run(runtime, workspace, "pwd", working_dir="/tmp").stdout == b"/tmp\n"  # noqa: S108

    @pytest.mark.parametrize(("ids", "shown"), [((0, 0), b"0:0\n"), ((1234, 5678), b"1234:5678\n"), ((1, 1), b"1:1\n")])
    def test_exec_uses_the_user(
        self, runtime: ContainerRuntime, workspace: str, ids: tuple[int, int], shown: bytes
    ) -> None:
        """Any uid and gid, root too, whether the image knows them or not."""
        require(runtime, "user")
        result = self.run(runtime, workspace, "sh", "-c", "echo $(id -u):$(id -g)", uid=ids[0], gid=ids[1])
        assert result.stdout == shown

    # As it comes

    def test_exec_streams_output_as_it_comes(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """Callbacks get the pieces while the command runs, in the caller's thread; they are not collected."""
        go = bench.path()
        script = f"echo ready; echo warning >&2; while [ ! -e {go} ]; do sleep 0.02; done; echo done"
        heard: list[bytes] = []
        warned: list[bytes] = []
        threads: set[int] = set()

        def hear(piece: bytes) -> None:
            threads.add(threading.get_ident())
            heard.append(piece)
            if b"ready\n" in b"".join(heard):
                # The command cannot end before this was heard.
                bench.sh(workspace, f"touch {go}")

        result = self.run(runtime, workspace, "sh", "-c", script, on_stdout=hear, on_stderr=warned.append)
        assert b"".join(heard) == b"ready\ndone\n"
        assert b"".join(warned) == b"warning\n"
        assert result == ExecResult(0, b"", b"")
        assert threads == {threading.get_ident()}

    def test_exec_ends_with_its_callback(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """An exception of the callback comes out, and the command is ended inside."""

        class EnoughError(Exception):
            pass

        def enough(piece: bytes) -> None:
            raise EnoughError

        path = bench.path()
        script = FIRST_WORD.format(path=path) + "sleep 600"
        with pytest.raises(EnoughError):
            self.run(runtime, workspace, "sh", "-c", script, on_stdout=enough)
        self.assert_ended(bench, workspace, path)

    # What cannot be run

    def test_exec_of_a_missing_command(self, runtime: ContainerRuntime, workspace: str) -> None:
        """`ExecError` with 127, as a shell has it, naming the command."""
        for command in ("no-such-program", "/no/such/program"):
            with pytest.raises(ExecError, match=command) as caught:
                self.run(runtime, workspace, command)
            assert caught.value.exit_code == 127
            assert_typed(caught.value, runtime, "exec_in_workspace")

    @pytest.mark.parametrize("command", ["/etc/passwd", "/etc"])
    def test_exec_of_what_may_not_be_executed(self, runtime: ContainerRuntime, workspace: str, command: str) -> None:
        """`ExecError` with 126, as a shell has it."""
        with pytest.raises(ExecError) as caught:
            self.run(runtime, workspace, command)
        assert caught.value.exit_code == 126
        assert_typed(caught.value, runtime, "exec_in_workspace")

    @pytest.mark.parametrize("command", ["echo hello", [], [""], ["echo", "a\0b"], ["echo", 1]])
    def test_exec_refuses_what_is_no_command(self, runtime: ContainerRuntime, workspace: str, command: Any) -> None:
        """A string, nothing at all, NUL: refused before the engine is asked."""
        with pytest.raises(InvalidOptionError, match="command"):
            runtime.exec_in_workspace(workspace, command)

    def test_exec_needs_a_running_workspace(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A stopped or paused workspace is `WorkspaceNotRunningError`, which names its state."""
        workspace = bench.start()
        if runtime.capabilities.pause:
            bench.subject.outside.pause(workspace)
            with pytest.raises(WorkspaceNotRunningError, match="paused"):
                self.run(runtime, workspace, "true")
        runtime.stop_workspace(workspace)
        with pytest.raises(WorkspaceNotRunningError, match="exited") as caught:
            self.run(runtime, workspace, "true")
        assert_typed(caught.value, runtime, "exec_in_workspace")

    # Its end

    def test_exec_that_takes_too_long_is_ended_inside(
        self, runtime: ContainerRuntime, bench: Bench, workspace: str, patience: float
    ) -> None:
        """`OperationTimeoutError`, and neither the command nor what it started goes on."""
        path = bench.path()
        script = f"sleep 600 & echo $! > {path}.child; " + FIRST_WORD.format(path=path) + "wait"
        with pytest.raises(OperationTimeoutError, match="sh") as caught:
            runtime.exec_in_workspace(workspace, ["sh", "-c", script], timeout=patience)
        assert_typed(caught.value, runtime, "exec_in_workspace")
        self.assert_ended(bench, workspace, path)
        self.assert_ended(bench, workspace, f"{path}.child")

    @pytest.mark.parametrize("kind", [CancelToken, threading.Event])
    def test_exec_that_is_cancelled_is_ended_inside(
        self, runtime: ContainerRuntime, bench: Bench, workspace: str, kind: Callable[[], threading.Event]
    ) -> None:
        """`OperationCancelledError`, with a `CancelToken` as with any other event."""
        cancel = kind()
        path = bench.path()
        options = ExecOptions(on_stdout=lambda piece: cancel.set())
        script = FIRST_WORD.format(path=path) + "sleep 600"
        with pytest.raises(OperationCancelledError) as caught:
            runtime.exec_in_workspace(workspace, ["sh", "-c", script], options, timeout=LIMIT, cancel=cancel)
        assert_typed(caught.value, runtime, "exec_in_workspace", hint=False)
        self.assert_ended(bench, workspace, path)

    def test_exec_that_floods_is_ended_inside(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """A command that never stops writing can be cancelled too."""
        cancel = CancelToken()
        path = bench.path()
        options = ExecOptions(on_stdout=lambda piece: cancel.set())
        script = FIRST_WORD.format(path=path) + "exec cat /dev/zero"
        with pytest.raises(OperationCancelledError):
            runtime.exec_in_workspace(workspace, ["sh", "-c", script], options, timeout=LIMIT, cancel=cancel)
        self.assert_ended(bench, workspace, path)

    def test_exec_with_unread_input_can_be_cancelled(
        self, runtime: ContainerRuntime, bench: Bench, workspace: str
    ) -> None:
        """A command that neither reads its input nor ends does not hold its caller up."""
        cancel = CancelToken()
        path = bench.path()
        options = ExecOptions(input=bytes(8 * MIB), on_stdout=lambda piece: cancel.set())
        script = FIRST_WORD.format(path=path) + "sleep 600"
        with pytest.raises(OperationCancelledError):
            runtime.exec_in_workspace(workspace, ["sh", "-c", script], options, timeout=LIMIT, cancel=cancel)
        self.assert_ended(bench, workspace, path)

    def test_exec_that_was_cancelled_before_does_nothing(
        self, runtime: ContainerRuntime, bench: Bench, workspace: str
    ) -> None:
        """With the event set already, nothing is run."""
        cancel = CancelToken()
        cancel.set()
        path = bench.path()
        with pytest.raises(OperationCancelledError):
            runtime.exec_in_workspace(workspace, ["touch", path], cancel=cancel)
        assert self.run(runtime, workspace, "test", "-e", path).exit_code == 1

    def test_session_that_is_aborted_says_so(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """`OperationCancelledError` for whoever waits: it is not the engine that ended it."""
        path = bench.path()
        with runtime.open_exec(workspace, ["sh", "-c", FIRST_WORD.format(path=path) + "sleep 600"]) as session:
            assert session.read()
            aborting = threading.Timer(0.2, session.abort)
            aborting.start()
            with pytest.raises(OperationCancelledError) as caught:  # noqa: PT012 -- it is the loop that raises
                while session.read():
                    pass
            aborting.join()
        assert caught.value.detail == ""
        self.assert_ended(bench, workspace, path)

    def test_exec_ends_with_its_workspace(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A container that is killed takes the command with it, and the caller is told so."""
        workspace = bench.start()
        kill = bench.subject.outside.kill
        result = self.run(
            runtime, workspace, "sh", "-c", "echo ready; sleep 600", on_stdout=lambda piece: kill(workspace)
        )
        assert result.exit_code == 137

    # Many at once

    def test_exec_runs_many_at_once(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Threads share one runtime; each gets its own output and nobody else's."""
        words = [secrets.token_hex(2000) for _ in range(12)]
        with ThreadPoolExecutor(len(words)) as pool:
            results = list(pool.map(lambda word: self.run(runtime, workspace, "cat", input=word.encode()), words))
        assert results == [ExecResult(0, word.encode(), b"") for word in words]

    def assert_ended(self, bench: Bench, workspace: str, path: str) -> None:
        """The process whose PID is in that file is gone, or goes soon: the kernel takes its time to bury it."""
        bench.sh(workspace, f"pid=$(cat {path}); while [ -d /proc/$pid ]; do sleep 0.02; done")
