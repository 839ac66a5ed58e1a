"""The shell around a command that gets an input."""

from __future__ import annotations

import subprocess

import pytest

from dvm_runtimes.engines.base import ExecSpec
from dvm_runtimes.engines.podman import feeding

LIMIT = 60
"""Seconds for what takes a moment."""

MUCH = bytes(4 * 1024 * 1024)
"""More input than any pipe holds."""


def run(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Run the words as Podman does, with much input; all of it must be taken."""
    argv = feeding.fed(ExecSpec(command=words, stdin=True)).command
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        # This would break if nothing read it to its end.
        process.stdin.write(MUCH)
        out, err = process.communicate(timeout=LIMIT)
    # The shell says that the command has ended, unless it could not be started at all.
    mark = feeding.end_mark(argv[3])
    assert err.count(mark) == 1
    return subprocess.CompletedProcess(argv, process.returncode, out, err.replace(mark, b""))


def test_input_is_taken_whether_the_command_reads_it_or_not() -> None:
    assert (done := run("echo", "done")).stdout == b"done\n"
    assert (done.returncode, done.stderr) == (0, b"")
    assert run("head", "-c", "3").stdout == bytes(3)
    assert run("wc", "-c").stdout.split() == [str(len(MUCH)).encode()]


def test_output_and_exit_code_are_the_commands_own() -> None:
    result = run("sh", "-c", 'printf "%s|" "$0" "$@"; echo warning >&2; exit 7', "a b", "$c", "")
    assert (result.returncode, result.stdout, result.stderr) == (7, b"a b|$c||", b"warning\n")


@pytest.mark.parametrize("signal", [9, 11])
def test_the_shell_does_not_say_that_a_command_was_killed(signal: int) -> None:
    result = run("sh", "-c", f"ulimit -c 0; kill -{signal} $$")
    assert (result.returncode, result.stderr) == (128 + signal, b"")


@pytest.mark.parametrize(("command", "code"), [("no-such-program", 127), ("/etc/passwd", 126), ("/etc", 126)])
def test_what_cannot_be_started_is_told_in_the_shells_name(command: str, code: int) -> None:
    result = run(command)
    name = feeding.name_of(ExecSpec(command=tuple(result.args)))
    assert result.returncode == code
    assert result.stderr.startswith(name.encode())
    assert command.encode() in result.stderr


def test_only_an_input_that_ends_is_fed() -> None:
    assert feeding.wants(ExecSpec(command=("cat",), stdin=True, env={"A_1": "x"}))
    assert not feeding.wants(ExecSpec(command=("cat",)))
    assert not feeding.wants(ExecSpec(command=("cat",), stdin=True, tty=True))
    assert not feeding.wants(ExecSpec(command=("cat",), stdin=True, env={"a.b": "x"}))


def test_the_command_is_found_again() -> None:
    plain = ExecSpec(command=("sh", "-c", "echo $0", "x"), stdin=True)
    assert feeding.bare(feeding.fed(plain)) == plain
    assert feeding.bare(plain) == plain
    assert feeding.name_of(plain) == ""
    assert feeding.name_of(feeding.fed(plain)) != feeding.name_of(feeding.fed(plain))
