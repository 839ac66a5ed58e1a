"""Which shell an attach runs."""

from __future__ import annotations

import pytest

from dvm_runtimes import AttachOptions
from dvm_runtimes.workspaces.shells import SHELLS, shell_command, shell_spec


def test_the_first_shell_that_is_there() -> None:
    *start, name, first, second, third = shell_command(AttachOptions())
    assert start[:2] == ["/bin/sh", "-c"]
    assert (name, first, second, third) == ("dvm-shell", *SHELLS)
    assert " -l" in start[2]
    assert " -l" not in shell_command(AttachOptions(login_shell=False))[2]


def test_a_shell_of_ones_own_goes_first_and_is_a_word() -> None:
    assert shell_command(AttachOptions(shell="/opt/my shell; rm -rf /"))[4:] == ("/opt/my shell; rm -rf /", *SHELLS)
    assert shell_command(AttachOptions(shell="/bin/bash"))[4:] == ("/bin/bash", "/bin/zsh", "/bin/sh")


def test_a_command_replaces_the_shell() -> None:
    assert shell_command(AttachOptions(command=["top", "-d 1"])) == ("top", "-d 1")


def test_a_terminal_has_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "screen-256color")
    options = AttachOptions(env={"A": "1"}, uid=0, working_dir="/srv")
    spec = shell_spec(options, tty=True, size=(30, 100))
    assert dict(spec.env) == {"TERM": "screen-256color", "A": "1"}
    assert (spec.user, spec.working_dir, spec.size, spec.tty, spec.stdin) == ("0", "/srv", (30, 100), True, True)
    assert dict(shell_spec(AttachOptions(), tty=False, size=(1, 1)).env) == {}
    monkeypatch.delenv("TERM")
    assert dict(shell_spec(AttachOptions(), tty=True, size=(1, 1)).env) == {"TERM": "xterm-256color"}
    own = shell_spec(AttachOptions(env={"TERM": "dumb"}), tty=True, size=(1, 1))
    assert dict(own.env) == {"TERM": "dumb"}
