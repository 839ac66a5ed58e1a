"""Programs run in a virtual machine, through whatever leads there.

Every call runs under a small shell script there, which is the same on every
way: it says where the call's streams begin, takes what must not be in a
command line from its standard input, and tells how the program ended.
"""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

from dvm_runtimes.engines.base import STDERR, STDOUT

from .child import Child
from .framing import Framed
from .messages import reason
from .scripts import END_MARKED, MARK_VARIABLE
from .transport import AbortedError, Call, Channel, Transport, TransportError

LONGEST_LINE = 30_000
"""Bytes of words that go into a command line. Linux takes 131072 of them after every quoting on the way; each may be
quoted twice, and the script comes on top. What is longer goes through standard input."""

WRAPPER = rf"""
mark=$1 kind=$2 merge=$3 limit=$4; shift 4
{MARK_VARIABLE}=$mark; export {MARK_VARIABLE}
[ "$kind" != terminal ] || stty raw -echo
printf '\036%s\n' "$mark"
[ "$kind" = terminal ] || printf '\036%s\n' "$mark" >&2
IFS= read -r given || exit 125
decoded() {{ printf %s "$1" | base64 -d; printf x; }}
set -f
file=
for item in $given; do
    case $item in
        -) ;;
        =*) file=${{item#=}} ;;
        @*) word=$(decoded "${{item#@}}"); set -- "$@" "${{word%x}}" ;;
        *) value=$(decoded "${{item#*:}}"); export "${{item%%:*}}=${{value%x}}" ;;
    esac
done
limited() {{ if [ "$limit" = 0 ]; then "$@"; else timeout -k 5 "$limit" "$@"; fi; }}
call() {{
    if [ -n "$file" ]; then
        limited "$@" 3<<END
$(printf %s "$file" | base64 -d)
END
    else
        limited "$@"
    fi
}}
case $kind$merge in
    terminal*)
        said=$(mktemp) || exit 125
        call "$@" 2> "$said"; code=$?
        printf '\036%s %s %s\n' "$mark" "$code" "$(base64 < "$said" | tr -d '\n')"
        rm -f "$said"; exit 0 ;;
    input1) call "$@" 2>&1 ;;
    input*) call "$@" ;;
    *1) call "$@" < /dev/null 2>&1 ;;
    *) call "$@" < /dev/null ;;
esac
code=$?
printf '\036%s %s\n' "$mark" "$code" >&2
"""

_ENV_FILE = "/dev/fd/3"

_TELLING = ("PATH", "HOME", "COLIMA_HOME", "LIMA_HOME", "XDG_CONFIG_HOME")
"""What tells a program where Colima is and what it has."""


class Way(ABC):
    """One way into the virtual machine."""

    @abstractmethod
    def argv(self, words: Sequence[str], *, terminal: bool) -> list[str]:
        """The program of this machine, with its words, that runs ``words`` there.

        Raises:
            TransportError: this way is closed.
        """

    def release(self) -> None:  # noqa: B027 - most ways are as wide as one likes
        """A call that `argv` was asked for has ended."""


class RemoteTransport(Transport):
    """Runs nerdctl as root in a virtual machine.

    Args:
        ways: tried one after the other for each call, for as long as the call has not begun there.
        namespace: the containerd namespace.
        env: the environment of the programs of this machine.
    """

    def __init__(self, ways: Sequence[Way], namespace: str, env: Mapping[str, str]) -> None:
        self.nerdctl = ("nerdctl", "--namespace", namespace)
        self._ways = tuple(ways)
        self._env = dict(env)

    def open(self, call: Call) -> Channel:
        return RemoteChannel(call, self._ways, self._env)

    def command(self, words: tuple[str, ...]) -> list[str]:
        argv = self._ways[-1].argv(("sudo", "-n", *words), terminal=False)
        return ["env", *(f"{name}={self._env[name]}" for name in _TELLING if name in self._env), *argv]

    def end(self, mark: str, seconds: float, script: str = END_MARKED) -> None:
        for way in self._ways:
            try:
                argv = way.argv(("sudo", "-n", "sh", "-c", script, "dvm", mark), terminal=False)
            except TransportError:
                continue
            try:
                if _run_quietly(argv, seconds, self._env) == 0:
                    return
            finally:
                way.release()


def _run_quietly(argv: Sequence[str], seconds: float, env: Mapping[str, str]) -> int:
    """The exit code of a program without input, whose output nobody wants; it is ended after ``seconds``."""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=dict(env),
            start_new_session=True,
        )
    except OSError:
        return 127
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        # The whole group: colima leaves limactl and ssh running when it alone is killed.
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


class RemoteChannel(Channel):
    """One call, on the first way that leads there."""

    def __init__(self, call: Call, ways: Sequence[Way], env: Mapping[str, str]) -> None:
        self._call = call
        self._env = env
        self._left: Iterator[Way] = iter(ways)
        self._way: Way | None = None
        self._terminal = call.size is not None
        self._size = call.size
        self._lock = threading.Lock()
        self._aborted = False
        self._begun = threading.Event()
        self._given = threading.Event()
        self._trouble = ""
        self._child = self._next()

    def _next(self) -> Child:
        """Begin on the next way that is open."""
        for way in self._left:
            try:
                argv = way.argv(self._words(), terminal=self._terminal)
            except TransportError as error:
                self._trouble = str(error)
                continue
            try:
                child = Child(argv, env=self._env, stdin=True, size=self._size)
            except OSError as error:
                way.release()
                self._trouble = f"{argv[0]}: {error.strerror}"
                continue
            self._way = way
            self._frames = {
                STDOUT: Framed(self._call.mark, ends=self._terminal),
                STDERR: Framed(self._call.mark, ends=not self._terminal),
            }
            # In a thread, for a virtual machine that hangs takes nothing.
            threading.Thread(target=self._give, args=(child,), name="dvm-given", daemon=True).start()
            return child
        raise TransportError(self._trouble or "no way leads there")

    def _words(self) -> list[str]:
        call = self._call
        kind = "terminal" if self._terminal else "input" if call.stdin else "none"
        limit = "0" if call.limit is None or self._terminal else str(max(1, round(call.limit)))
        wrapper = ["sudo", "-n", "sh", "-c", WRAPPER, "dvm", call.mark, kind, str(int(call.merge)), limit]
        return wrapper + ([] if self._is_long() else call.argv(_ENV_FILE))

    def _is_long(self) -> bool:
        return sum(len(word.encode(errors="surrogateescape")) + 3 for word in self._call.argv(_ENV_FILE)) > LONGEST_LINE

    def _give(self, child: Child) -> None:
        try:
            if self._terminal:
                # Until the terminal there is raw, it would echo this.
                self._begun.wait()
            child.write(given(self._call, words=self._is_long()))
            if not self._call.stdin and not self._terminal:
                child.close_stdin()
        except AbortedError:
            pass  # whoever reads meets the same
        self._given.set()

    # Bytes

    def read(self) -> tuple[int, bytes] | None:
        while True:
            piece = self._child.read()
            if piece is None:
                return self._ended()
            stream, data = piece
            frame = self._frames[stream]
            own = frame.feed(data)
            if frame.begun:
                self._begun.set()
            if own:
                return stream, own

    def _ended(self) -> tuple[int, bytes] | None:
        out, err = self._frames[STDOUT], self._frames[STDERR]
        teller = out if self._terminal else err
        if teller.code is not None:
            if teller.said:
                said, teller.said = teller.said, b""
                return STDERR, said
            return None
        noise = reason(err.noise) or reason(out.noise)
        if not (out.begun or err.begun):
            # Nothing has run there: the next way may be open.
            self._leave()
            self._trouble = noise or "the connection broke before anything ran"
            child = self._next()
            with self._lock:
                self._child = child
                if self._aborted:
                    child.abort()
            return self.read()
        raise TransportError(noise or "the connection broke")

    def _leave(self) -> None:
        self._child.close()
        if self._way is not None:
            self._way.release()
            self._way = None

    def write(self, data: bytes) -> None:
        self._await_given()
        self._child.write(data)

    def _await_given(self) -> None:
        # Both go through the same pipe: what is given first is first there. And until the call has begun there, it
        # may have to begin anew on another way.
        self._begun.wait()
        self._given.wait()

    def close_stdin(self) -> None:
        self._await_given()
        self._child.close_stdin()

    def resize(self, rows: int, columns: int) -> None:
        self._size = (rows, columns)
        self._child.resize(rows, columns)

    def wait(self) -> int:
        code = self._frames[STDOUT if self._terminal else STDERR].code
        if code is None:
            raise TransportError("the connection broke")
        return code

    def abort(self) -> None:
        with self._lock:
            self._aborted = True
            self._child.abort()
        self._begun.set()
        self._given.set()

    def close(self) -> None:
        self.abort()
        with contextlib.suppress(OSError):
            self._leave()


def given(call: Call, *, words: bool) -> bytes:
    """The one line that the wrapper reads: what may be in no process list, and what is too long for one.

    Args:
        words: whether the call's own words are in it too.
    """

    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    items = ["-"]
    if call.variables.file:
        items.append(f"={encoded(call.variables.file)}")
    for name, value in call.variables.inherited.items():
        items.append(f"{name}:{encoded(value.encode(errors='surrogateescape'))}")
    if words:
        items += [f"@{encoded(word.encode(errors='surrogateescape'))}" for word in call.argv(_ENV_FILE)]
    return " ".join(items).encode() + b"\n"
