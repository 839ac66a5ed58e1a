"""Which shell an attach runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dvm_runtimes import AttachOptions
from dvm_runtimes.workspaces.shells import SHELLS, shell_command, shell_spec


def test_the_usual_shells_in_their_order() -> None:
    program, option, _, name, kind, login, asked, *shells = shell_command(AttachOptions())
    assert (program, option, name, kind, login, asked) == ("/bin/sh", "-c", "dvm-shell", "", "-l", "")
    assert tuple(shells) == SHELLS
    assert shell_command(AttachOptions(login_shell=False))[5] == ""


def test_a_shell_of_ones_own_is_an_argument() -> None:
    assert shell_command(AttachOptions(shell="/opt/my shell; rm -rf /"))[6] == "/opt/my shell; rm -rf /"


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """A folder for the terminfo database and a passwd file, both empty."""
    (tmp_path / "passwd").touch()
    return tmp_path


def start(places: Path, options: AttachOptions, term: str = "") -> list[str]:
    """What the shell that is started says: its name and its TERM."""
    for name in ("asked", "mine", "usual"):
        file = places / name
        file.write_text(f'#!/bin/sh\necho {name} "$TERM" "$@"\n')
        file.chmod(0o755)
    program, option, script, *arguments = shell_command(options, term)
    script = script.replace("/etc/passwd", f"{places}/passwd").replace("/usr/share/terminfo", f"{places}/terminfo")
    arguments = [str(places / "usual") if argument == SHELLS[0] else argument for argument in arguments]
    done = subprocess.run(
        [program, option, script, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(places), "TERM": term or "xterm"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_the_login_shell_comes_before_the_usual_ones(places: Path) -> None:
    assert start(places, AttachOptions()) == ["usual", "xterm", "-l"]

    line = f"me:x:{os.getuid()}:0:me:/:"
    (places / "passwd").write_text(f"other:x:12345:0:::/bin/none\n{line}{places}/mine\n")
    assert start(places, AttachOptions(login_shell=False)) == ["mine", "xterm"]
    assert start(places, AttachOptions(shell=f"{places}/asked"))[0] == "asked"
    for shell in ("/usr/sbin/nologin", "/bin/false", "/no/such/shell", ""):
        (places / "passwd").write_text(f"{line}{shell}\n")
        assert start(places, AttachOptions())[0] == "usual"


def test_a_terminal_that_the_image_does_not_describe(places: Path) -> None:
    assert start(places, AttachOptions(), "xterm-kitty")[1] == "xterm-256color"

    (places / "terminfo/x").mkdir(parents=True)
    (places / "terminfo/x/xterm-kitty").touch()
    assert start(places, AttachOptions(), "xterm-kitty")[1] == "xterm-kitty"


def test_a_command_gets_a_terminal_that_every_image_describes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-ghostty")
    command = AttachOptions(command=["vim"])
    assert dict(shell_spec(command, tty=True, size=(1, 1)).env) == {"TERM": "xterm-256color"}
    assert shell_spec(AttachOptions(), tty=True, size=(1, 1)).command[4] == "x/xterm-ghostty"
    own = AttachOptions(env={"TERM": "xterm-kitty"})
    assert shell_spec(own, tty=True, size=(1, 1)).command[4] == ""
    monkeypatch.setenv("TERM", "../../etc")
    assert dict(shell_spec(AttachOptions(), tty=True, size=(1, 1)).env) == {"TERM": "xterm-256color"}


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
