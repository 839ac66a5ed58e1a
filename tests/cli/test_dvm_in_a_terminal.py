"""The command where people use it: in a terminal."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
from tests.engines.programs import need

from .process import DVM, LIMIT, Dvm
from .tmux import Tmux

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def running(dvm: Dvm, image: str) -> str:
    """A workspace that runs."""
    name = dvm.name()
    dvm("up", name, "--image", image)
    return name


# Tables, colours, progress


def test_a_table_with_a_heading(dvm: Dvm, running: str) -> None:
    shown = dvm.shown("ls")

    lines = [ESCAPE.sub("", line).rstrip() for line in shown.splitlines()]
    assert lines[0].split() == ["NAME", "STATUS", "IMAGE", "PORTS", "RUNTIME", "CREATED"]
    assert any(line.split()[:2] == [f"dvm-{running}", "running"] for line in lines[1:])
    assert "\x1b[32mrunning" in shown, "a state has its colour"


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_no_escape_where_none_is_wanted(alone: Dvm, env: dict[str, Any]) -> None:
    for arguments in (["platforms"], ["doctor", "--runtime", "mock"], ["ls", "--runtime", "mock"]):
        assert "\x1b" not in alone.shown(*arguments, **env)


def test_empty_lists_say_what_comes_next(alone: Dvm) -> None:
    assert "`dvm up --image IMAGE` starts one" in alone.shown("ls", "--runtime", "mock")
    assert "Nothing to remove." in alone.shown("gc", "--runtime", "mock")
    assert "No app or workspace is active" in alone.shown("context")


def test_json_in_a_terminal_is_json_alone(alone: Dvm) -> None:
    assert json.loads(alone.shown("ls", "--runtime", "mock", "--json")) == []


def test_the_doctor_in_a_terminal(alone: Dvm) -> None:
    shown = ESCAPE.sub("", alone.shown("doctor", "--runtime", "mock"))

    assert "✓ Mock (mock)  in use: mock at mock://" in shown
    assert "    Start the engine at unix://" in shown, "a hint stands below what it helps with"


def test_platforms_in_a_terminal(alone: Dvm) -> None:
    lines = [ESCAPE.sub("", line).rstrip() for line in alone.shown("platforms", DVM_RUNTIME="mock").splitlines()]

    assert lines[0].split() == ["RUNTIME", "PLATFORM", "VERSION", "STATUS", "ENDPOINT"]
    assert any(line.split()[:3] == ["*", "mock", "Mock"] for line in lines)
    assert any(line.split()[:2] == ["docker", "Docker"] and "no answer" in line for line in lines)
    (told,) = [line for line in lines if line.startswith("docker is not running: there is no socket at ")]
    assert "Start the engine at unix://" in told, "what is wrong stands below, and what helps"


def test_a_narrow_terminal_keeps_names_whole(dvm: Dvm, running: str) -> None:
    with dvm.terminal("ls", size=(20, 40)) as child:
        child.expect(pexpect.EOF)
        assert f"dvm-{running}" in str(child.before)


def test_errors_in_a_terminal_are_red_and_short(alone: Dvm) -> None:
    shown = alone.shown("ls", "--runtime", "nope", code=2)

    assert "\x1b[31mdvm:\x1b[0m --runtime='nope': there is no such runtime" in shown
    assert "\x1b[36mhint:\x1b[0m There are: auto, " in shown


def test_up_says_what_it_did_and_leaves_no_spinner(dvm: Dvm, image: str) -> None:
    name = dvm.name()
    shown = dvm.shown("up", name, "--image", image)

    assert f"✓\x1b[0m dvm-{name} is running on Docker Engine" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h"), "the cursor is shown again"


def test_ctrl_c_in_a_terminal(dvm: Dvm, image: str) -> None:
    name = dvm.name()
    with dvm.terminal("up", name, "--image", image, "--ready", "log:never") as child:
        child.expect("Wait")
        child.sendintr()
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 130
        assert "\x1b[?25h" in str(child.before), "the cursor is shown again"
    dvm("status", name, code=1)


def test_a_build_in_a_terminal_keeps_its_steps(dvm: Dvm, image: str) -> None:
    (dvm.folder / "Dockerfile").write_text(f"FROM {image}\nRUN echo hello from inside\n")
    tag = f"dvm-test/{dvm.name()}:1"

    shown = ESCAPE.sub("", dvm.shown("build", "--no-cache", "-t", tag))

    assert "RUN echo hello from inside" in shown
    assert "  hello from inside" in shown
    assert f"✓ {tag} is built" in shown


# A shell inside


def test_attach_is_a_terminal_of_the_same_size(dvm: Dvm, running: str) -> None:
    with dvm.terminal("attach", running, "--shell", "/bin/sh", size=(33, 111)) as child:
        child.sendline("stty size; echo $((6 * 7))-here; tty")
        child.expect("33 111\r\n42-here\r\n/dev/pts/")
        child.sendline("exit 5")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 5


def test_attach_passes_on_a_new_size(dvm: Dvm, running: str) -> None:
    # The trap runs when the sleep before it has ended.
    script = 'trap "stty size" WINCH; echo ready; while true; do sleep 0.2; done'
    with dvm.terminal("attach", running, "--", "sh", "-c", script, size=(33, 111)) as child:
        child.expect("ready")
        child.setwinsize(44, 99)
        child.expect("44 99")


def test_ctrl_c_goes_to_what_runs_inside(dvm: Dvm, running: str) -> None:
    with dvm.terminal("attach", running, "--shell", "/bin/sh") as child:
        child.sendline("echo be; cat; echo ended-$?")
        child.expect("be\r\n")
        child.sendline("typed")
        child.expect("typed\r\ntyped\r\n")
        child.sendintr()
        child.sendline("echo still-here-$((1 + 1))")
        child.expect("still-here-2")
        child.sendeof()
        child.expect(pexpect.EOF)


@pytest.mark.parametrize("how", ["true", "exit 9", "kill -9 $$"])
def test_the_terminal_is_given_back_as_it_was(dvm: Dvm, running: str, how: str) -> None:
    script = f"stty -g; '{DVM}' attach {running} -- sh -c '{how}'; stty -g"
    child: pexpect.spawn[str] = pexpect.spawn(
        "sh", ["-c", script], env={**dvm.env}, cwd=str(dvm.folder), timeout=LIMIT, encoding="utf-8"
    )
    child.expect(pexpect.EOF)
    child.close()

    states = str(child.before).split()
    assert len(states) == 2
    assert states[0] == states[1]


def test_a_signal_gives_the_terminal_back_and_ends_the_shell_inside(dvm: Dvm, running: str) -> None:
    script = f"stty -g; '{DVM}' attach {running} -- sh -c 'echo inside; exec sleep 765'; stty -g"
    child: pexpect.spawn[str] = pexpect.spawn(
        "sh", ["-c", script], env={**dvm.env}, cwd=str(dvm.folder), timeout=LIMIT, encoding="utf-8"
    )
    child.expect("inside")
    before = str(child.before).split()[0]
    assert child.pid is not None
    (attach,) = children_of(child.pid)
    os.kill(attach, signal.SIGTERM)
    child.expect(pexpect.EOF)
    child.close()

    assert str(child.before).split()[-1] == before
    assert "sleep 765" not in dvm("exec", running, "--", "ps").text


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that are alive."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_workspace_that_ends_ends_the_session(dvm: Dvm, running: str) -> None:
    with dvm.terminal("attach", running, "--", "sh", "-c", "echo inside; exec cat") as child:
        child.expect("inside")
        dvm("rm", "-f", running)
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus != 0 or child.signalstatus is not None


def test_what_an_editor_is_told_opens_the_shell(dvm: Dvm, running: str) -> None:
    told = dvm("attach", running, "--shell", "/bin/sh", "-e", "A=1", "-w", "/tmp", "--json").document()

    child: pexpect.spawn[str] = pexpect.spawn(
        told["program"], told["args"], env={**dvm.env, **told["env"]}, cwd=told["cwd"], timeout=LIMIT, encoding="utf-8"
    )
    child.sendline("echo $A-$PWD-; exit 3")
    child.expect("1-/tmp-\r\n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3


# In tmux, a terminal of its own


@pytest.fixture
def tmux(dvm: Dvm, docker_engine: RunningEngine) -> Iterator[Tmux]:
    need("tmux")
    with Tmux(dvm.env, dvm.folder) as terminal:
        yield terminal


def test_attach_in_tmux(dvm: Dvm, running: str, tmux: Tmux) -> None:
    tmux.run(f"'{DVM}' attach {running} --shell /bin/sh; echo ended-with-$?", 100, 30)
    tmux.type("stty size; echo $((6 * 7))-inside")
    tmux.expect("30 100")
    tmux.expect("42-inside")
    # Of a shell's jobs only the one in the foreground hears of a new size.
    tmux.type("sh -c 'trap \"stty size\" WINCH; echo rea''dy; while true; do sleep 0.2; done'")
    tmux.expect("ready")
    tmux.resize(90, 25)
    tmux.expect("25 90")
    tmux.press("C-c")
    tmux.type("exit 6")
    tmux.expect("ended-with-6")


def test_a_full_screen_program_in_tmux(dvm: Dvm, running: str, tmux: Tmux) -> None:
    """What it draws stands where it should: the terminals agree on their size and on every byte."""
    dvm("exec", running, "--", "sh", "-c", "seq 1 200 > /tmp/numbers")
    tmux.run(f"'{DVM}' attach {running} -- less /tmp/numbers; echo ended-with-$?", 80, 24)
    tmux.expect("23")
    tmux.press("G")
    tmux.expect("200")
    assert "200" in tmux.screen().split()
    tmux.press("q")
    tmux.expect("ended-with-0")
