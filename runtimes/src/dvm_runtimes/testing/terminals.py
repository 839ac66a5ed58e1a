"""Terminals: a shell inside that behaves as in any terminal, and that ends with it."""

from __future__ import annotations

import functools
import os
import re
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TextIO

import pexpect
import pytest

from dvm_runtimes.errors import InvalidOptionError, WorkspaceNotRunningError
from dvm_runtimes.options import AttachOptions
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.terminal import Terminal

from .case import LIMIT, Bench, ConformanceCase, assert_typed, require

SHELL = ("sh", "-c", "stty -echo; echo ready; exec sh")
"""A shell that does not repeat what is typed, so that a test sees answers alone."""


class TerminalConformance(ConformanceCase):
    """`open_terminal` and `attach_to_workspace`."""

    @pytest.fixture(autouse=True)
    def terminals(self, runtime: ContainerRuntime) -> None:
        """Every test of this part needs an engine that has terminals."""
        require(runtime, "terminal")

    @contextmanager
    def shell(self, runtime: ContainerRuntime, workspace: str, **options: Any) -> Iterator[Terminal]:
        """A terminal on a quiet shell."""
        size = {name: options.pop(name) for name in ("rows", "columns") if name in options}
        given = AttachOptions(**{"command": SHELL, **options})
        with runtime.open_terminal(workspace, given, timeout=LIMIT, **size) as terminal:
            terminal.timeout = LIMIT
            terminal.expect_exact("ready")
            yield terminal

    def ask(self, terminal: Terminal, command: str) -> str:
        """What a command says."""
        end = secrets.token_hex(4)
        terminal.sendline(f"{command}; echo {end[:4]}''{end[4:]}")
        terminal.expect_exact(end)
        assert isinstance(terminal.before, str)
        # The shell's prompts come before, and are the image's own business.
        return terminal.before.replace("\r\n", "\n").strip().removeprefix("$").removeprefix("#").strip()

    def test_terminal_is_one(self, runtime: ContainerRuntime, workspace: str) -> None:
        """The shell has a terminal on all three streams, and knows of what kind."""
        with self.shell(runtime, workspace) as terminal:
            assert self.ask(terminal, "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo three").endswith("three")
            assert self.ask(terminal, '[ -n "$TERM" ] && echo known').endswith("known")

    def test_terminal_echoes(self, runtime: ContainerRuntime, workspace: str) -> None:
        """As any terminal, it shows what is typed, and the answer."""
        with runtime.open_terminal(workspace, AttachOptions(command=["sh"]), timeout=LIMIT) as terminal:
            terminal.sendline("echo $((40 + 2))")
            terminal.expect_exact("echo $((40 + 2))", timeout=LIMIT)
            terminal.expect_exact("42", timeout=LIMIT)

    @pytest.mark.parametrize("code", [0, 7, 255])
    def test_terminal_gives_the_exit_status(self, runtime: ContainerRuntime, workspace: str, code: int) -> None:
        """Once the shell has ended, by itself, its exit code is there."""
        with self.shell(runtime, workspace) as terminal:
            assert terminal.isalive()
            assert terminal.exitstatus is None
            terminal.sendline(f"exit {code}")
            terminal.expect(pexpect.EOF)
            assert terminal.wait(LIMIT) == code
            assert not terminal.isalive()
        assert terminal.exitstatus == code

    def test_terminal_has_a_size(self, runtime: ContainerRuntime, workspace: str) -> None:
        """The one that was asked for, from the first moment; and any other later."""
        with self.shell(runtime, workspace) as terminal:
            assert self.ask(terminal, "stty size").endswith("24 80")
        with self.shell(runtime, workspace, rows=50, columns=132) as terminal:
            assert self.ask(terminal, "stty size").endswith("50 132")
            terminal.setwinsize(33, 111)
            # A size goes its own way, beside what is typed: it may come after the first question.
            assert any(self.ask(terminal, "stty size").endswith("33 111") for _ in range(100))

    @pytest.mark.parametrize("size", [{"rows": 0}, {"columns": 65536}, {"rows": True}, {"columns": "80"}])
    def test_terminal_refuses_what_is_no_size(
        self, runtime: ContainerRuntime, workspace: str, size: dict[str, Any]
    ) -> None:
        """Refused before the engine is asked."""
        with pytest.raises(InvalidOptionError, match=next(iter(size))):
            runtime.open_terminal(workspace, **size)

    def test_terminal_has_control_keys(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Ctrl-C interrupts what runs, and the shell goes on; Ctrl-D ends the shell."""
        with self.shell(runtime, workspace) as terminal:
            # Said by what is to be interrupted: the shell itself may take the key before it has started that.
            terminal.sendline("sh -c 'echo sle\"\"eping; exec sleep 600'; echo woken")
            terminal.expect_exact("sleeping")
            terminal.sendintr()
            assert self.ask(terminal, "echo back").endswith("back")
            terminal.sendeof()
            terminal.expect(pexpect.EOF)

    def test_terminal_passes_every_key_at_once(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Ctrl-P too, which goes back in a shell's history, and Ctrl-P Ctrl-Q, which ends nothing."""
        script = "stty raw -echo; echo ready; for n in 1 2; do head -c 1 >/dev/null; echo key $n; done"
        with runtime.open_terminal(workspace, AttachOptions(command=["sh", "-c", script]), timeout=LIMIT) as terminal:
            terminal.timeout = LIMIT
            terminal.expect_exact("ready")
            for key, shown in (("\x10", "key 1"), ("\x11", "key 2")):
                terminal.send(key)
                terminal.expect_exact(shown)
            assert terminal.wait(LIMIT) == 0

    def test_terminal_waits_no_longer_than_asked(self, runtime: ContainerRuntime, workspace: str) -> None:
        """What does not come is pexpect's TIMEOUT, and the terminal can still be used."""
        with self.shell(runtime, workspace) as terminal:
            with pytest.raises(pexpect.TIMEOUT):
                terminal.expect_exact("never printed", timeout=0.5)
            assert self.ask(terminal, "echo here").endswith("here")

    def test_terminal_takes_the_options(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Variables, folder and user of this session."""
        require(runtime, "user")
        options = {"env": {"COLOUR": "deep red"}, "working_dir": "/tmp", "uid": 1234, "gid": 5678}  # noqa: S108
        with self.shell(runtime, workspace, **options) as terminal:
            assert self.ask(terminal, 'echo "$COLOUR $(pwd) $(id -u):$(id -g)"').endswith("deep red /tmp 1234:5678")

    def test_terminal_has_the_workspaces_user(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Start, exec and terminal agree on who one is."""
        require(runtime, "user")
        workspace = bench.start(uid=1234, gid=5678)
        assert bench.sh(workspace, "echo $(id -u):$(id -g)") == "1234:5678\n"
        with self.shell(runtime, workspace) as terminal:
            assert self.ask(terminal, "echo $(id -u):$(id -g)").endswith("1234:5678")

    @pytest.mark.parametrize("shell", [None, "/bin/no-such-shell", "/bin/sh"])
    def test_terminal_finds_a_shell(self, runtime: ContainerRuntime, workspace: str, shell: str | None) -> None:
        """A shell that is not there falls back to one that is."""
        with runtime.open_terminal(workspace, AttachOptions(shell=shell), timeout=LIMIT) as terminal:
            terminal.sendline("echo $((40 + 2)); exit 5")
            terminal.expect_exact("42", timeout=LIMIT)
            assert terminal.wait(LIMIT) == 5

    def test_terminal_takes_the_login_shell(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The shell that /etc/passwd names comes before the usual ones."""
        workspace = bench.start(uid=0, gid=0)
        bench.sh(workspace, "printf '#!/bin/sh\\necho from-passwd\\n' > /tmp/login && chmod 755 /tmp/login")
        bench.sh(workspace, "echo root:x:0:0:root:/root:/tmp/login > /etc/passwd")
        with runtime.open_terminal(workspace, timeout=LIMIT) as terminal:
            terminal.expect("from-passwd")

    def test_terminal_is_of_a_kind_that_the_image_knows(
        self, runtime: ContainerRuntime, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The kind of this process's terminal, or a common one where the image does not describe that."""
        workspace = bench.start(uid=0, gid=0)
        monkeypatch.setenv("TERM", "no-such-kind")
        for kind in ("xterm-256color", "no-such-kind"):
            with runtime.open_terminal(workspace, timeout=LIMIT) as terminal:
                terminal.sendline("echo is $TERM.")
                terminal.expect_exact(f"is {kind}.")
            bench.sh(workspace, "mkdir -p /usr/share/terminfo/n && touch /usr/share/terminfo/n/no-such-kind")

    def test_terminal_runs_a_login_shell(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The profile is read, unless that is not wanted."""
        workspace = bench.start(env={"HOME": "/tmp"})  # noqa: S108
        bench.sh(workspace, "echo 'GREETING=read' > /tmp/.profile")
        for login, answer in ((True, "<read>"), (False, "<>")):
            with runtime.open_terminal(workspace, AttachOptions(login_shell=login), timeout=LIMIT) as terminal:
                terminal.sendline('echo "<$GREETING>"; exit')
                terminal.expect_exact(answer, timeout=LIMIT)

    def test_terminal_gives_much_output(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Nothing is lost, also when nobody reads for a while."""
        with self.shell(runtime, workspace) as terminal:
            terminal.sendline("seq 1 30000; exit")
            terminal.expect(pexpect.EOF)
            assert isinstance(terminal.before, str)
            numbers = [line for line in terminal.before.split("\r\n") if line.isdecimal()]
            assert numbers[-29000:] == [str(number) for number in range(1001, 30001)]

    def test_terminal_speaks_unicode(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Characters of several bytes arrive whole, however the bytes were cut."""
        text = "snow \u2603 ship \U0001f6a2 \u65e5\u672c " * 40
        with self.shell(runtime, workspace, command=("sh", "-c", f"echo ready; echo '{text}'")) as terminal:
            terminal.expect(pexpect.EOF)
            assert isinstance(terminal.before, str)
            assert text in terminal.before

    def test_terminal_ends_its_shell(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """Closing it leaves nothing running inside; closing it again is no error."""
        with self.shell(runtime, workspace) as terminal:
            terminal.sendline("sleep 600 & echo pid=$!=$$=")
            terminal.expect(r"pid=(\d+)=(\d+)=")
            assert isinstance(terminal.match, re.Match)
            pids = terminal.match.groups()
        terminal.close()
        for pid in pids:
            bench.sh(workspace, f"while [ -d /proc/{pid} ]; do sleep 0.02; done")

    def test_terminal_ends_with_its_workspace(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A container that is stopped during the session ends it."""
        workspace = bench.start()
        with self.shell(runtime, workspace) as terminal:
            runtime.stop_workspace(workspace)
            terminal.expect(pexpect.EOF)
        with pytest.raises(WorkspaceNotRunningError) as caught:
            runtime.open_terminal(workspace)
        assert_typed(caught.value, runtime, "open_terminal")

    def test_terminals_are_independent(self, runtime: ContainerRuntime, workspace: str) -> None:
        """Several at once, each with its own shell."""
        with ExitStack() as stack:
            terminals = [stack.enter_context(self.shell(runtime, workspace)) for _ in range(4)]
            for number, terminal in enumerate(terminals):
                terminal.sendline(f"number={number}")
            for number, terminal in enumerate(terminals):
                assert self.ask(terminal, "echo number $number").endswith(f"number {number}")

    # Attaching this process's own terminal

    def test_attach_joins_a_terminal(
        self, runtime: ContainerRuntime, workspace: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is typed here goes in, what is shown inside is shown here; size and exit code too; all is restored."""
        import termios  # Windows has none, and imports this module all the same

        with Person(monkeypatch, terminal=True) as person:
            termios.tcsetwinsize(person.typing, (31, 97))
            before = termios.tcgetattr(person.typing)

            def session() -> None:
                person.expect(b"ready")
                person.type(b"stty size\r")
                person.expect(b"31 97")
                person.type(b"exit 9\r")

            with person.acts(session):
                assert runtime.attach_to_workspace(workspace, AttachOptions(command=SHELL), timeout=LIMIT) == 9
            assert termios.tcgetattr(person.typing) == before

    def test_attach_passes_streams_on(
        self, runtime: ContainerRuntime, workspace: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a terminal here there is none inside: streams stay apart, and input ends."""
        with Person(monkeypatch, terminal=False) as person:
            script = "[ -t 0 ] || echo no terminal; cat; echo problem >&2; exit 3"

            def session() -> None:
                person.type(b"typed\n")
                person.hang_up()

            with person.acts(session):
                options = AttachOptions(command=["sh", "-c", script])
                assert runtime.attach_to_workspace(workspace, options, timeout=LIMIT) == 3
            assert person.shown() == (b"no terminal\ntyped\n", b"problem\n")

    @pytest.mark.parametrize("round_", range(3))
    def test_attach_to_input_that_is_at_its_end(
        self, runtime: ContainerRuntime, workspace: str, monkeypatch: pytest.MonkeyPatch, round_: int
    ) -> None:
        """``</dev/null``: the command reads the end, even where that comes before the command."""
        with Person(monkeypatch, terminal=False) as person:
            person.hang_up()
            options = AttachOptions(command=["sh", "-c", "cat; exit 3"])
            assert runtime.attach_to_workspace(workspace, options, timeout=LIMIT) == 3

    def test_attach_needs_a_terminal_to_give_one(
        self, runtime: ContainerRuntime, workspace: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``tty=True`` without a terminal here is refused."""
        with Person(monkeypatch, terminal=False), pytest.raises(InvalidOptionError, match="tty"):
            runtime.attach_to_workspace(workspace, AttachOptions(tty=True), timeout=LIMIT)


class Person:
    """Somebody at this process's standard streams: a terminal of their own, or pipes.

    Args:
        monkeypatch: puts the streams in place of the real ones.
        terminal: whether it is a terminal.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> None:
        self._files: list[TextIO] = []
        self._seen = b""
        if terminal:
            self._hand, self.typing = os.openpty()
            outputs = [self.typing, os.dup(self.typing)]
            self._eyes = [self._hand]
        else:
            self.typing, self._hand = os.pipe()
            reads, outputs = zip(*(os.pipe() for _ in range(2)), strict=True)  # type: ignore[assignment]
            self._eyes = list(reads)
        inputs = self.typing if not terminal else os.dup(self.typing)
        for name, fd in zip(("stdin", "stdout", "stderr"), (inputs, *outputs), strict=True):
            file = os.fdopen(fd, "r" if name == "stdin" else "w")
            self._files.append(file)
            monkeypatch.setattr(sys, f"__{name}__", file)

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *exc: object) -> None:
        for file in self._files:
            file.close()
        for fd in {self._hand, *self._eyes} - {-1}:
            os.close(fd)

    def type(self, data: bytes) -> None:
        """Type something."""
        os.write(self._hand, data)

    def hang_up(self) -> None:
        """There is nothing more to be typed."""
        os.close(self._hand)
        self._hand = -1

    def expect(self, word: bytes) -> None:
        """Look until ``word`` is shown."""
        while word not in self._seen:
            self._seen += os.read(self._eyes[0], 65536)
        self._seen = self._seen.partition(word)[2]

    def shown(self) -> tuple[bytes, ...]:
        """All that was written to the pipes, whose writers have ended."""
        for file in self._files:
            file.close()
        return tuple(b"".join(iter(functools.partial(os.read, eye, 65536), b"")) for eye in self._eyes)

    @contextmanager
    def acts(self, session: Callable[[], None]) -> Iterator[None]:
        """Let them do ``session`` while the block runs."""
        problems: list[BaseException] = []

        def run() -> None:
            try:
                session()
            except BaseException as error:  # noqa: BLE001 -- raised again in the test's own thread
                problems.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield
        thread.join(LIMIT)
        for problem in problems:
            raise problem
        assert not thread.is_alive()
