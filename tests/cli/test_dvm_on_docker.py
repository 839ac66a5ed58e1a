"""The whole life of workspaces by command line, on a real engine, in pipes."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .process import LIMIT, Dvm

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine


def test_a_life_in_json(dvm: Dvm, image: str) -> None:
    name = dvm.name()
    up = dvm("up", name, "--image", image, "--app-name", "", "--json").document()
    assert (up["status"], up["workspace"], up["runtime"]) == ("running", name, "docker")
    assert dvm("up", name, "--image", image, "--app-name", "", "--json").document()["id"] == up["id"]

    assert up["id"] in [one["id"] for one in dvm("ls", "--json").document()]
    assert dvm("status", name, "--json").document()["id"] == up["id"]
    assert dvm("status", up["id"][:12], "--json").document()["name"] == up["name"]

    (stopped,) = dvm("stop", name, "--json").document()
    assert stopped["status"] == "exited"
    (started,) = dvm("start", name, "--json").document()
    assert (started["id"], started["status"]) == (up["id"], "running")
    (restarted,) = dvm("restart", name, "--json").document()
    assert restarted["id"] == up["id"]

    assert dvm("rm", name, "--json", code=1).error()["hint"]
    (removed,) = dvm("rm", "-f", name, "--json").document()
    assert (removed["id"], removed["status"]) == (up["id"], "not_found")
    assert dvm("status", name, "--json", code=1).error()["kind"] == "workspace_not_found"


def test_a_life_in_lines(dvm: Dvm, image: str) -> None:
    name = dvm.name()
    done = dvm("up", name, "--image", image)
    assert done.lines == [[f"dvm-{name}"]]
    assert "warning" not in done.words

    (row,) = [row for row in dvm("ls").lines if row[0] == f"dvm-{name}"]
    assert row[1:3] == ["running", image]
    assert dict(dvm("status", name).lines)["status"] == "running"
    assert f"dvm-{name}" in dvm("ls", "-q").text.splitlines()
    assert dvm("stop", name).lines == [[f"dvm-{name}"]]
    assert f"dvm-{name}" not in dvm("ls", "--running", "-q").text.splitlines()
    assert dvm("rm", name).lines == [[f"dvm-{name}"]]


@pytest.mark.parametrize("code", [0, 1, 7, 125, 255])
def test_exec_ends_as_its_command(dvm: Dvm, running: str, code: int) -> None:
    dvm("exec", running, "--", "sh", "-c", f"exit {code}", code=code)


def test_exec_keeps_streams_apart_and_bytes_as_they_are(dvm: Dvm, running: str) -> None:
    done = dvm("exec", running, "--", "sh", "-c", r"printf 'a\000\377b\r\n'; printf 'err' >&2")

    assert (done.out, done.err) == (b"a\0\xffb\r\n", b"err")


def test_exec_passes_a_pipe_on(dvm: Dvm, running: str) -> None:
    data = bytes(range(256)) * 4096

    assert dvm("exec", running, "--", "cat", stdin=data).out == data
    assert dvm("exec", running, "--", "wc", "-c", stdin=b"").text.strip() == "0"


def test_exec_with_words_folder_and_variables(dvm: Dvm, running: str) -> None:
    words = ["a b", "$HOME", "*", "", "--json", "é", "'"]
    out = dvm("exec", running, "--", "sh", "-c", 'printf "%s\\n" "$@"', "sh", *words).text
    assert out == "\n".join([*words, ""])

    env = dvm(
        "exec",
        running,
        "-w",
        "/tmp",
        "-e",
        "A=1",
        "-e",
        "FROM_HERE",
        "--",
        "sh",
        "-c",
        "pwd; echo $A $FROM_HERE",
        FROM_HERE="x",
    )
    assert env.text == "/tmp\n1 x\n"
    assert dvm("exec", running, "-u", "65534:65534", "--", "id", "-u").text == "65534\n"


def test_exec_in_json(dvm: Dvm, running: str) -> None:
    done = dvm("exec", running, "--json", "--", "sh", "-c", "echo out; echo err >&2; exit 3", code=3)
    assert done.document() == {"exit_code": 3, "stdout": "out\n", "stderr": "err\n", "encoding": "utf-8"}

    binary = dvm("exec", running, "--json", "--", "printf", r"\377").document()
    assert binary == {"exit_code": 0, "stdout": "/w==", "stderr": "", "encoding": "base64"}


def test_exec_of_what_is_not_there(dvm: Dvm, running: str) -> None:
    done = dvm("exec", running, "--", "no-such-program", code=127)
    assert done.words.startswith("dvm: ")
    dvm("exec", running, "--", "/etc", code=126)
    missing = dvm("exec", "cli-never", "--", "true", code=1)
    assert "cli-never" in missing.words
    assert "hint: " in missing.words


def test_exec_ends_with_its_command_and_not_with_its_input(dvm: Dvm, running: str) -> None:
    """Programs leave the pipe to a child's standard input open."""
    for arguments in (["--json"], []):
        with dvm.start("exec", *arguments, running, "--", "true", stdin=subprocess.PIPE) as beside:
            beside.wait(LIMIT)
            assert beside.returncode == 0


def test_exec_in_json_forwards_its_input_as_it_comes(dvm: Dvm, running: str) -> None:
    script = "read first; echo got $first >/tmp/seen; cat"
    with dvm.start("exec", running, "--json", "--", "sh", "-c", script, stdin=subprocess.PIPE) as beside:
        assert beside.stdin is not None
        beside.stdin.write(b"one\n")
        beside.stdin.flush()
        dvm("exec", running, "--", "sh", "-c", "until grep one /tmp/seen; do sleep 0.1; done")
        out, _ = beside.communicate(b"two\n", timeout=LIMIT)

    assert json.loads(out)["stdout"] == "two\n"


@pytest.mark.parametrize("arguments", [["--json"], []], ids=["json", "plain"])
def test_exec_with_an_open_input_heeds_its_time_limit(dvm: Dvm, running: str, arguments: list[str]) -> None:
    command = ("exec", running, "--timeout", "1", *arguments, "--", "sleep", "600")
    with dvm.start(*command, stdin=subprocess.PIPE) as beside:
        beside.wait(LIMIT)
        assert beside.stderr is not None
        assert b"exec" in beside.stderr.read()
    assert beside.returncode == 124


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_exec_with_an_open_input_heeds_signals(dvm: Dvm, running: str, number: int, code: int) -> None:
    script = "touch /tmp/begun; exec sleep 600"
    with dvm.start("exec", running, "--json", "--", "sh", "-c", script, stdin=subprocess.PIPE) as beside:
        dvm("exec", running, "--", "sh", "-c", "until test -e /tmp/begun; do sleep 0.1; done")
        beside.send_signal(number)
        out, err = beside.communicate(timeout=LIMIT)

    assert (beside.returncode, out) == (code, b"")
    assert json.loads(err)["error"]["kind"] == "cancelled"


def test_exec_within_a_time_limit(dvm: Dvm, running: str) -> None:
    done = dvm("exec", running, "--timeout", "1", "--json", "--", "sleep", "600", code=124)

    assert done.error()["kind"] == "timeout"
    assert "sleep 600" not in dvm("exec", running, "--", "ps").text


@pytest.fixture
def running(dvm: Dvm, image: str) -> str:
    """A workspace that runs."""
    name = dvm.name()
    dvm("up", name, "--image", image)
    return name


def test_options_of_up_arrive(dvm: Dvm, image: str, tmp_path: Path) -> None:
    app = tmp_path / "my app"
    app.mkdir()
    (app / "hello.txt").write_text("hello")
    for folder in (app, *app.parents[:3]):
        folder.chmod(0o755)
    name = dvm.name()

    up = dvm(
        *("up", name, "--image", image, "--app", "my app", "-e", "COLOUR=blue", "--label", "team=shop", "-p", "8080"),
        *("--mount", "type=tmpfs,dst=/scratch", "--memory", "64m", "--json"),
    ).document()  # fmt: skip

    assert up["labels"]["team"] == "shop"
    assert list(up["ports"]) == ["8080/tcp"]
    assert up["ports"]["8080/tcp"]["host"] == "127.0.0.1"
    inside = dvm(
        "exec", name, "--", "sh", "-c", "cat /workspace/hello.txt; echo; echo $COLOUR; pwd; mount | grep -c /scratch"
    )
    assert inside.text.split("\n")[:4] == ["hello", "blue", "/workspace", "1"]


def test_logs(dvm: Dvm, image: str) -> None:
    name = dvm.name()
    dvm(
        "up",
        name,
        "--image",
        image,
        "--ready",
        "log:three",
        "--",
        "sh",
        "-c",
        "echo one; echo two; echo three; sleep 600",
    )

    assert dvm("logs", name).text == "one\ntwo\nthree\n"
    assert dvm("logs", name, "-n", "1").text == "three\n"
    assert dvm("logs", name, "--json").document()["workspace"] == f"dvm-{name}"
    with dvm.start("logs", "-f", name) as following:
        assert following.stdout is not None
        assert [following.stdout.readline() for _ in range(3)] == [b"one\n", b"two\n", b"three\n"]
        following.send_signal(signal.SIGINT)
        _, err = following.communicate(timeout=LIMIT)
    assert (following.returncode, err) == (130, b"")


def test_whoever_has_read_enough_is_no_error(dvm: Dvm, running: str) -> None:
    with dvm.start("exec", running, "--", "yes") as endless:
        assert endless.stdout is not None
        assert endless.stdout.read(2) == b"y\n"
        endless.stdout.close()
        endless.wait(LIMIT)
        assert endless.stderr is not None
        assert endless.stderr.read() == b""
    assert endless.returncode == 141


def test_copies_both_ways(dvm: Dvm, running: str, tmp_path: Path) -> None:
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "tree/sub/file").write_bytes(b"\0\1")
    (tmp_path / "tree/run").write_text("#!/bin/sh\n")
    (tmp_path / "tree/run").chmod(0o755)

    assert dvm("cp", "tree", f"{running}:/tmp").lines == [[f"dvm-{running}:/tmp"]]
    assert dvm("exec", running, "--", "ls", "-l", "/tmp/tree/run").text.startswith("-rwxr-xr-x")
    copied = dvm("cp", f"{running}:/tmp/tree", "back", "--json").document()
    assert copied["destination"] == "back"
    assert (tmp_path / "back/sub/file").read_bytes() == b"\0\1"
    assert "no-such" in dvm("cp", f"{running}:/no-such", ".", code=1).words
    assert "Either SOURCE or DESTINATION" in dvm("cp", "a", "b", code=2).words


def test_building(dvm: Dvm, image: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nRUN echo built > /built\nENV A=1\n")
    tag = f"dvm-test/{dvm.name()}:1"

    done = dvm("build", "-t", tag)
    assert done.lines[0][0] == tag
    assert "RUN echo built" in done.words
    built = dvm("build", "-t", tag, "--json").document()
    assert built["tags"] == [tag]
    name = dvm.name()
    dvm("up", name, "--image", tag)
    assert dvm("exec", name, "--", "cat", "/built").text == "built\n"
    dvm("rm", "-f", name)

    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nRUN echo oh no && exit 9\n")
    failed = dvm("build", "-t", tag, code=1)
    assert "oh no" in failed.words
    assert failed.text == ""


def test_several_at_once_where_one_fails(dvm: Dvm, image: str) -> None:
    names = [dvm.name(), dvm.name()]
    for name in names:
        dvm("up", name, "--image", image)

    done = dvm("stop", names[0], "cli-never", names[1], code=1)

    assert sorted(done.text.split()) == sorted(f"dvm-{name}" for name in names)
    assert "cli-never" in done.words
    error = json.loads(dvm("rm", "-f", "cli-never", names[0], "--json", code=1).err)
    assert [one["workspace"] for one in error["errors"]] == ["cli-never"]
    assert [one["workspace"] for one in error["done"]] == [names[0]]


def test_the_context_says_which(dvm: Dvm, image: str) -> None:
    name = dvm.name()
    dvm("context", "set", name, "--app", "shop")
    up = dvm("up", "--image", image, "--json").document()
    assert (up["app"], up["workspace"]) == ("shop", name)

    assert dvm("exec", "--", "echo", "hi").text == "hi\n"
    assert dvm("status", "--json").document()["id"] == up["id"]
    dvm("context", "clear")
    assert f"{dvm.folder.resolve()} has no workspace" in dvm("status", code=1).words
    assert dvm("status", "--json", DVM_APP="shop", DVM_WORKSPACE=name).document()["id"] == up["id"]
    dvm("rm", "-f", up["name"])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_start_that_is_interrupted_leaves_nothing(dvm: Dvm, image: str, number: int, code: int) -> None:
    name = dvm.name()
    with dvm.start("up", name, "--image", image, "--ready", "log:never") as waiting:
        assert waiting.stderr is not None
        while not (line := waiting.stderr.readline()).startswith(b"Wait"):
            assert line, "it ended before it waited"
        waiting.send_signal(number)
        out, _ = waiting.communicate(timeout=LIMIT)

    assert (waiting.returncode, out) == (code, b"")
    assert dvm("status", name, code=1).text == ""


def test_what_cannot_be_started_says_why(dvm: Dvm, image: str) -> None:
    name = dvm.name()
    died = dvm("up", name, "--image", image, "--ready", "log:never", "--", "sh", "-c", "echo alas; exit 4", code=1)
    assert "alas" in died.words
    missing = dvm("up", name, "--image", "dvm-test/none:1", "--pull", "never", "--json", code=1)
    assert missing.error()["kind"] == "image_not_found"
    bad = dvm("up", name, "--image", image, "--memory", "1k", code=2)
    assert bad.words.startswith("dvm: --memory='1k'")
    assert dvm("up", name, "--image", image, "--app", "/etc", code=2).text == ""
    assert dvm("status", name, code=1).text == ""


def test_leftovers(dvm: Dvm, image: str) -> None:
    short, owned, kept = dvm.name(), dvm.name(), dvm.name()
    dvm("up", short, "--image", image, "--ttl", "0.001")
    owner = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    dvm("up", owned, "--image", image, "--owner-pid", str(owner.pid))
    dvm("up", kept, "--image", image)
    owner.communicate(timeout=LIMIT)

    told = dvm("gc", "--dry-run", "--json").document()
    reasons = {one["workspace"]["workspace"]: one["reason"] for one in told["leftovers"]}
    assert (reasons[short], reasons[owned]) == ("expired", "owner_gone")
    assert kept not in reasons
    removed = {row[0]: row[1] for row in dvm("gc").lines}
    assert removed[f"dvm-{short}"] == "expired"
    assert removed[f"dvm-{owned}"] == "owner_gone"
    assert f"dvm-{kept}" in dvm("ls", "-q").text.split()


def test_what_was_found(dvm: Dvm, docker_engine: RunningEngine) -> None:
    (used,) = [one for one in dvm("platforms", "--json").document() if one["endpoint"] == docker_engine.endpoint]
    assert (used["type"], used["reachable"], used["version"]) == ("docker", True, docker_engine.version)
    report = dvm("doctor", "--runtime", "docker", "--json").document()
    assert report["ok"]
    assert report["used"]["endpoint"] == docker_engine.endpoint
    rows = {tuple(row[:2]) for row in dvm("doctor", "--runtime", "docker").lines}
    assert ("engine", "ok") in rows


def test_an_engine_that_ends(private_docker_engine: RunningEngine, tmp_path: Path) -> None:
    dvm = Dvm(private_docker_engine.environment(), tmp_path)
    dvm("up", "one", "--image", private_docker_engine.image)
    dvm("up", "two", "--image", private_docker_engine.image)
    assert sorted(dvm("stop", "--all").text.split()) == ["dvm-one", "dvm-two"]

    private_docker_engine.kill()

    for arguments in (["ls"], ["up", "one", "--image", private_docker_engine.image], ["exec", "one", "--", "true"]):
        done = dvm("--runtime", "docker", *arguments, code=69)
        assert done.words.count("\n") <= 3
        assert "hint: " in done.words
    assert dvm("--runtime", "docker", "ls", "--json", code=69).error()["kind"] == "runtime_unavailable"
    assert dvm("doctor", "--runtime", "docker", code=69).text
