"""The ledger and the process that empties it, without an engine: what is removed is a line of a file."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dvm_runtimes import create_runtime
from dvm_runtimes.cleanup import reaper
from dvm_runtimes.cleanup.ledger import Ledger, Left, abandoned, engine_key, ledgers_folder, left, start_reaper, sweep
from dvm_runtimes.cleanup.ownership import owner_of

LIMIT = 60.0


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


class Engine:
    """A server of HTTP DELETE over a Unix socket.

    Args:
        path: where it listens.
        answers: status lines for each path asked for; the last is repeated.
    """

    def __init__(self, path: Path, answers: dict[str, list[int]]) -> None:
        self.path = str(path)
        self.asked: list[str] = []
        self.answers = answers
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(50)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                line = connection.recv(4096).split(b" ")[1].decode()
                self.asked.append(line)
                codes = self.answers.get(line, [404])
                code = codes.pop(0) if len(codes) > 1 else codes[0]
                connection.sendall(f"HTTP/1.1 {code} Whatever\r\n\r\n".encode())

    def removal(self) -> dict[str, str]:
        return {"socket": self.path, "container": "/c/{name}", "network": "/n/{name}", "image": "/i/{name}"}

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(LIMIT)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    found = Engine(tmp_path / "socket", {"/c/one": [500, 409, 204], "/c/two": [204], "/n/net": [204], "/i/im": [404]})
    found.answers["/look/two"] = [404, 200]
    yield found
    found.close()


def write(file: Path, *lines: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return file


def test_what_is_left_is_what_was_planned_or_made_and_has_not_gone(state: Path) -> None:
    ledger = Ledger(state / "a.ledger")
    ledger.plan("container", "planned", "docker")
    ledger.plan("container", "made", "docker")
    ledger.made("container", "made", "docker")
    ledger.plan("container", "gone", "docker")
    ledger.gone("container", "gone", "docker")
    ledger.plan("network", "gone", "docker")

    assert left(ledger.file) == [
        Left("container", "planned", "docker"),
        Left("container", "made", "docker"),
        Left("network", "gone", "docker"),
    ]
    assert ledger.close()
    assert ledger.close()
    assert left(ledger.file) == []


def test_a_line_that_a_power_cut_broke_is_passed_over(state: Path) -> None:
    file = write(state / "x.ledger", {"ledger": 1, "owner": "me"}, {"plan": "a", "kind": "container", "engine": "e"})
    with file.open("a") as end:
        end.write('{"plan": "b", "ki')

    assert [thing.name for thing in left(file)] == ["a"]


def test_everything_is_removed_in_an_order_that_works(state: Path, engine: Engine) -> None:
    write(
        state / "x.ledger",
        {"ledger": 1, "owner": "me"},
        {"engine": "e", "removal": engine.removal()},
        *({"made": name, "kind": kind, "engine": "e"} for kind, name in [("image", "im"), ("network", "net")]),
        *({"made": name, "kind": "container", "engine": "e"} for name in ("one", "two")),
    )

    assert reaper.reap(str(state / "x.ledger"))

    assert sorted(engine.asked[:4]) == ["/c/one", "/c/one", "/c/one", "/c/two"]
    assert engine.asked[4:] == ["/n/net", "/i/im"]
    assert not (state / "x.ledger").exists()
    assert reaper.reap(str(state / "x.ledger"))


def test_what_is_in_the_making_is_not_deleted_before_it_is_made(state: Path, engine: Engine) -> None:
    removal = {**engine.removal(), "look": "/look/{name}"}
    made = {"kind": "container", "name": "two", "made": True, "removal": removal}

    assert reaper.remove({**made, "made": False}, time.monotonic() + LIMIT)
    assert engine.asked == ["/look/two", "/look/two", "/c/two"]

    assert reaper.remove(made, time.monotonic() + LIMIT)
    assert engine.asked[3:] == ["/c/two"]


def test_what_cannot_be_removed_stays_in_the_ledger(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "LIMIT", 0.1)
    file = write(
        state / "x.ledger",
        {"engine": "e", "removal": {"socket": "/nobody", "container": "/c/{name}"}},
        {"engine": "f", "removal": {"container": ["no-such-program", "{name}"]}},
        {"made": "a", "kind": "container", "engine": "e"},
        {"made": "b", "kind": "container", "engine": "f"},
        {"made": "c", "kind": "network", "engine": "f"},
    )

    assert not reaper.reap(str(file))
    assert len(left(file)) == 3


def test_commands(state: Path) -> None:
    mark = state / "removed"
    command = [sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write(sys.argv[2])", str(mark), "{name}"]
    file = write(
        state / "x.ledger",
        {"engine": "e", "removal": {"container": command}},
        {"made": "thing", "kind": "container", "engine": "e"},
    )

    assert reaper.reap(str(file))
    assert mark.read_text() == "thing"


def test_something_planned_that_appears_late_is_removed(state: Path, tmp_path: Path) -> None:
    late = Engine(tmp_path / "late", {"/c/slow": [404, 404, 404, 204]})
    file = write(
        state / "x.ledger",
        {"engine": "e", "removal": late.removal()},
        {"plan": "slow", "kind": "container", "engine": "e"},
    )

    assert reaper.reap(str(file))
    assert len(late.asked) == 4
    late.close()


def wait_for(process: subprocess.Popen[bytes]) -> int:
    return process.wait(LIMIT)


def child() -> subprocess.Popen[bytes]:
    """A process that ends when its standard input does."""
    return subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)


def test_the_end_of_the_pipe_starts_it(state: Path, engine: Engine) -> None:
    file = write(
        state / "x.ledger",
        {"engine": "e", "removal": engine.removal()},
        {"made": "two", "kind": "container", "engine": "e"},
    )
    process = start_reaper(file, [os.getpid()], pipe=True)
    assert process.poll() is None
    process.terminate()  # meant for the owner
    assert process.stdin is not None
    process.stdin.close()

    with process:
        assert wait_for(process) == 0
    assert engine.asked == ["/c/two"]


def test_the_end_of_a_process_starts_it(state: Path, engine: Engine) -> None:
    file = write(
        state / "x.ledger",
        {"engine": "e", "removal": engine.removal()},
        {"made": "two", "kind": "container", "engine": "e"},
    )
    owner = child()
    process = start_reaper(file, [owner.pid], pipe=False)
    try:
        assert process.poll() is None
        owner.communicate(timeout=LIMIT)
        assert wait_for(process) == 0
    finally:
        process.kill()
    assert engine.asked == ["/c/two"]


def test_an_owner_that_ended_long_ago_starts_it(state: Path) -> None:
    owner = child()
    owner.communicate(timeout=LIMIT)

    assert wait_for(start_reaper(state / "none.ledger", [owner.pid], pipe=False)) == 0


def handed_over(state: Path, engine: Engine) -> Ledger:
    """A ledger with a thing that is there and one that never came."""
    ledger = Ledger(state / "x.ledger")
    with ledger.file.open("a") as lines:
        lines.write(json.dumps({"engine": "e", "removal": engine.removal()}) + "\n")
    ledger.plan("container", "never", "e")
    ledger.plan("container", "two", "e")
    ledger.made("container", "two", "e")
    ledger.hand_over()
    return ledger


def test_what_is_handed_over_is_removed_by_the_reaper(
    state: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = handed_over(state, engine)
    monkeypatch.delattr(reaper, "reap")  # of this process

    assert ledger.close()

    assert "/c/two" in engine.asked
    # It was told that nothing more is to come.
    assert engine.asked.count("/c/never") == 1
    assert not ledger.file.exists()


def test_a_reaper_that_was_killed_is_not_relied_on(state: Path, engine: Engine) -> None:
    before = children()
    ledger = Ledger(state / "x.ledger")
    with ledger.file.open("a") as lines:
        lines.write(json.dumps({"engine": "e", "removal": engine.removal()}) + "\n")
    ledger.made("container", "two", "e")
    (pid,) = children() - before
    os.kill(pid, signal.SIGKILL)
    ledger.hand_over()

    assert ledger.close()

    assert engine.asked == ["/c/two"]


def children() -> set[int]:
    """The processes that this one has started."""
    return {int(pid) for pid in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()}


def test_several_processes_write_to_one_ledger(state: Path) -> None:
    first = Ledger(state / "run.ledger")
    second = Ledger(state / "run.ledger", pipe=False)
    second.plan("container", "a", "e")
    first.plan("container", "b", "e")
    second.detach()
    second.detach()

    assert [thing.name for thing in left(first.file)] == ["a", "b"]
    assert first.close()


def test_what_is_noted_first_counts_and_is_nothing_that_is_left(state: Path) -> None:
    first = Ledger(state / "run.ledger")
    second = Ledger(state / "run.ledger", pipe=False)
    assert second.noted() is None
    first.note("docker,podman")
    second.note("docker")
    second.detach()

    assert second.noted() == first.noted() == "docker,podman"
    assert left(first.file) == []
    assert first.close()


def test_a_fork_does_not_remove_what_is_its_parents(state: Path) -> None:
    ledger = Ledger(state / "x.ledger")
    ledger.plan("container", "a", "e")
    pid = os.fork()
    if not pid:
        os._exit(0 if ledger.close() is False else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    assert [thing.name for thing in left(ledger.file)] == ["a"]
    assert ledger.close()


def test_ledgers_of_dead_owners_are_swept_and_no_others(engine: Engine) -> None:
    dead = child()
    mark = owner_of(dead.pid)
    dead.communicate(timeout=LIMIT)
    mine = Ledger()
    file = write(
        ledgers_folder() / "dead.ledger",
        {"ledger": 1, "owner": mark},
        {"engine": "e", "removal": engine.removal()},
        {"made": "two", "kind": "container", "engine": "e"},
    )
    write(ledgers_folder() / "elsewhere.ledger", {"ledger": 1, "owner": "elsewhere:1:1"})

    assert list(abandoned()) == [file]
    assert sweep() == [file]
    # One more at the same time, which can be waited for.
    command = [sys.executable, "-I", "-S", reaper.__file__, str(file)]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True, timeout=LIMIT)
    assert not file.exists()
    assert engine.asked.count("/c/two") >= 1
    assert mine.file.exists()
    assert mine.close()


def test_engines_are_written_down_once(state: Path) -> None:
    with create_runtime("mock") as runtime:
        ledger = Ledger(state / "x.ledger")
        assert ledger.engine(runtime) == ledger.engine(runtime) == engine_key(runtime) == "mock mock://"
        assert ledger.file.read_text().count('"removal"') == 1
        # Nothing of the mock outlives its process.
        ledger.plan("container", "a", engine_key(runtime))
        assert ledger.close()
