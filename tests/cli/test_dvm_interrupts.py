"""The first signal cancels, the second ends the process; terminals are left as they were."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect
import pytest

from dvm_runtimes.cli.invocation import Invocation
from dvm_runtimes.cli.signals import cancelling
from dvm_runtimes.operation import CancelToken

POLITE = """
import sys
from dvm_runtimes.cli.signals import cancelling
from dvm_runtimes.cli.invocation import Invocation
invocation = Invocation()
with cancelling(invocation) as cancel:
    print("ready", flush=True)
    cancel.wait(60)
print("cancelled by", invocation.signal, flush=True)
"""

DEAF = """
import sys
from dvm_runtimes.cli.signals import cancelling
from dvm_runtimes.cli.invocation import Invocation
invocation = Invocation()
with cancelling(invocation) as cancel:
    print("ready", flush=True)
    cancel.wait(60)
    print("cleaning up", flush=True)
    import threading
    threading.Event().wait(60)
"""


@contextmanager
def running(script: str, *before: str) -> Iterator[subprocess.Popen[str]]:
    command = [*before, sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_sets_the_token(number: signal.Signals) -> None:
    with running(POLITE) as process:
        process.send_signal(number)

        assert said(process) == f"cancelled by {number.value}"
        assert process.wait(30) == 0


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_the_process(second: signal.Signals) -> None:
    with running(DEAF) as process:
        process.send_signal(signal.SIGINT)
        assert said(process) == "cleaning up"

        process.send_signal(second)

        assert process.wait(30) == 128 + second.value


def test_signals_that_the_caller_ignores_stay_ignored() -> None:
    with running(POLITE, "nohup") as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)

        assert said(process) == f"cancelled by {signal.SIGTERM.value}"


def test_afterwards_everything_is_as_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    threads = threading.active_count()

    with cancelling(Invocation()) as token:
        assert isinstance(token, CancelToken)
        assert signal.getsignal(signal.SIGINT) is not before[0]

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
    assert threading.active_count() == threads


def test_in_another_thread_there_is_a_token_and_no_handler() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def run() -> None:
        with cancelling(Invocation()) as token:
            seen.append((isinstance(token, CancelToken), signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)

    assert seen == [(True, True)]


def test_the_second_ctrl_c_gives_the_terminal_back_as_it_was() -> None:
    script = DEAF.replace('print("ready", flush=True)', "import tty; tty.setcbreak(0); print('ready', flush=True)")
    # The trap keeps the shell itself alive: it hears Ctrl-C too.
    around = 'trap : INT; before=$(stty -g); "$0" -c "$1"; echo "code $?"; test "$before" = "$(stty -g)" && echo same'
    shell = pexpect.spawn("/bin/sh", ["-c", around, sys.executable, script], timeout=30)
    try:
        shell.expect_exact("ready")
        shell.sendintr()
        shell.expect_exact("cleaning up")
        shell.sendintr()
        shell.expect_exact("code 130")
        shell.expect_exact("same")
    finally:
        shell.close(force=True)
