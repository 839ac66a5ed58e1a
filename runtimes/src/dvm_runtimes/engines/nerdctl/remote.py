"""Programs in a virtual machine, over ssh connections.

Every call runs under a small shell script there: it marks where the call's streams begin, reads secrets and long
arguments from its standard input, and reports the exit code.
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import re
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

from dvm_runtimes.engines.base import STDERR, STDOUT

from .local import ProcessChannel, select_readable
from .logrus import parse_messages, reason
from .marked_stream import MarkedStream
from .scripts import MARK_VARIABLE
from .transport import AbortedError, Call, Channel, Transport, TransportError

LONGEST_LINE = 30_000
"""Bytes of arguments in a command line. Linux accepts 131072 after every quoting on the way; each may be quoted
twice, and the script is added. Longer arguments go through standard input."""

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

_STATUS = re.compile(r"exit status \d+|signal: \w+")
"""All that Colima and Lima say of a failed ssh; ssh's own message is in the lines before it."""

_BUSY = re.compile(
    r"kex_exchange_identification|ssh_exchange_identification|Session open refused|session request failed"
    r"|Connection (closed|reset) by"
)
"""ssh's messages where sshd has too many connections or sessions, or is about to start."""

_BUSY_LIMIT = 60.0
"""Seconds for which a call without a limit tries a busy sshd again."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0
"""Seconds between two tries; they vary by half, so that many calls do not come back at once."""

_PASSED_ON = ("PATH", "HOME", "COLIMA_HOME", "LIMA_HOME", "XDG_CONFIG_HOME")
"""Variables that a clean-up command of another process needs to find the virtual machine."""


class Connection(ABC):
    """One ssh connection to the virtual machine."""

    @abstractmethod
    def argv(self, command: Sequence[str], *, terminal: bool) -> list[str]:
        """The command line of this machine that runs ``command`` there.

        Raises:
            TransportError: this connection is not available.
        """

    def release(self) -> None:  # noqa: B027 - most connections have no limit
        """The call that `argv` was made for has ended."""


class RemoteTransport(Transport):
    """Runs nerdctl as root in a virtual machine.

    Args:
        connections: tried in order for each call, as long as the call has not begun there.
        namespace: the containerd namespace.
        env: the environment of the programs of this machine.
    """

    def __init__(self, connections: Sequence[Connection], namespace: str, env: Mapping[str, str]) -> None:
        self.nerdctl = ("nerdctl", "--namespace", namespace)
        self._connections = tuple(connections)
        self._env = dict(env)

    def open(self, call: Call) -> Channel:
        return RemoteChannel(call, self._connections, self._env)

    def command(self, argv: tuple[str, ...]) -> list[str]:
        local = self._connections[-1].argv(("sudo", "-n", *argv), terminal=False)
        return ["env", *(f"{name}={self._env[name]}" for name in _PASSED_ON if name in self._env), *local]

    def end(self, mark: str, script: str, seconds: float, alive: threading.Event) -> bool:
        for connection in self._connections:
            try:
                argv = connection.argv(("sudo", "-n", "sh", "-c", f"echo; {script}", "dvm", mark), terminal=False)
            except TransportError:
                continue
            try:
                if _run_quietly(argv, seconds, self._env, alive) == 0:
                    return True
            finally:
                connection.release()
        return False


def _run_quietly(argv: Sequence[str], seconds: float, env: Mapping[str, str], alive: threading.Event) -> int:
    """Run a program without input; its exit code. It is killed after ``seconds``; its first output sets ``alive``."""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=dict(env),
            start_new_session=True,
        )
    except OSError:
        return 127
    assert process.stdout is not None
    end = time.monotonic() + seconds
    try:
        with process.stdout as output:
            if select_readable(output.fileno(), seconds) and os.read(output.fileno(), 1):
                alive.set()
        return process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        # The whole group: colima leaves limactl and ssh running when it alone is killed.
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


class RemoteChannel(Channel):
    """One call, on the first connection that works."""

    def __init__(self, call: Call, connections: Sequence[Connection], env: Mapping[str, str]) -> None:
        self._call = call
        self._env = env
        self._connections = tuple(connections)
        self._left: Iterator[Connection] = iter(connections)
        self._give_up = time.monotonic() + _BUSY_LIMIT
        self._pause = _FIRST_PAUSE
        self._stopped = threading.Event()
        self._connection: Connection | None = None
        self._terminal = call.size is not None
        self._size = call.size
        self._lock = threading.Lock()
        self._aborted = False
        self._begun = threading.Event()
        self._preamble_sent = threading.Event()
        self._problem = ""
        self._process = self._next()

    def _next(self) -> ProcessChannel:
        """Begin on the next connection that is available."""
        for connection in self._left:
            try:
                argv = connection.argv(self._command_line(), terminal=self._terminal)
            except TransportError as error:
                self._problem = str(error)
                continue
            try:
                process = ProcessChannel(argv, env=self._env, stdin=True, size=self._size)
            except OSError as error:
                connection.release()
                self._problem = f"{argv[0]}: {error.strerror}"
                continue
            self._connection = connection
            self._frames = {
                STDOUT: MarkedStream(self._call.mark, ends=self._terminal),
                STDERR: MarkedStream(self._call.mark, ends=not self._terminal),
            }
            # In a thread: a virtual machine that hangs does not read.
            threading.Thread(target=self._send_preamble, args=(process,), name="dvm-preamble", daemon=True).start()
            return process
        if self._wait_for_room():
            self._left = iter(self._connections)
            return self._next()
        raise TransportError(self._problem or "there is no connection")

    def _wait_for_room(self) -> bool:
        """Whether to try again, after a pause: sshd refused the call because it has too many."""
        if not _BUSY.search(self._problem) or (self._call.limit is None and time.monotonic() > self._give_up):
            return False
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        if self._stopped.wait(pause * random.uniform(0.5, 1.5)):  # noqa: S311 - no secret
            raise AbortedError
        return True

    def _command_line(self) -> list[str]:
        call = self._call
        kind = "terminal" if self._terminal else "input" if call.stdin else "none"
        limit = "0" if call.limit is None or self._terminal else str(max(1, round(call.limit)))
        wrapper = ["sudo", "-n", "sh", "-c", WRAPPER, "dvm", call.mark, kind, str(int(call.merge)), limit]
        return wrapper + ([] if self._is_long() else call.argv(_ENV_FILE))

    def _is_long(self) -> bool:
        return sum(len(arg.encode(errors="surrogateescape")) + 3 for arg in self._call.argv(_ENV_FILE)) > LONGEST_LINE

    def _send_preamble(self, process: ProcessChannel) -> None:
        try:
            if self._terminal:
                # Until the terminal there is raw, it would echo this.
                self._begun.wait()
            process.write(preamble(self._call, arguments=self._is_long()))
            if not self._call.stdin and not self._terminal:
                process.close_stdin()
        except AbortedError:
            pass  # `read` raises the same
        self._preamble_sent.set()

    # Bytes

    def read(self) -> tuple[int, bytes] | None:
        while True:
            piece = self._process.read()
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
        reporter = out if self._terminal else err
        if reporter.code is not None:
            if reporter.stderr:
                stderr, reporter.stderr = reporter.stderr, b""
                return STDERR, stderr
            return None
        noise = problem_of(err.noise) or problem_of(out.noise)
        if not (out.begun or err.begun):
            # Nothing has run there: try the next connection.
            self._leave()
            self._problem = noise or "the connection broke before anything ran"
            process = self._next()
            with self._lock:
                self._process = process
                if self._aborted:
                    process.abort()
            return self.read()
        raise TransportError(noise or "the connection broke")

    def _leave(self) -> None:
        self._process.close()
        if self._connection is not None:
            self._connection.release()
            self._connection = None

    def write(self, data: bytes) -> None:
        self._await_preamble()
        self._process.write(data)

    def _await_preamble(self) -> None:
        # The preamble goes through the same pipe and comes first. And until the call has begun there, it may begin
        # again on another connection.
        self._begun.wait()
        self._preamble_sent.wait()

    def close_stdin(self) -> None:
        self._await_preamble()
        self._process.close_stdin()

    def resize(self, rows: int, columns: int) -> None:
        self._size = (rows, columns)
        self._process.resize(rows, columns)

    def wait(self) -> int:
        code = self._frames[STDOUT if self._terminal else STDERR].code
        if code is None:
            raise TransportError("the connection broke")
        return code

    @property
    def begun(self) -> bool:
        return any(frame.begun for frame in self._frames.values())

    def abort(self) -> None:
        with self._lock:
            self._aborted = True
            self._process.abort()
        self._stopped.set()
        self._begun.set()
        self._preamble_sent.set()

    def close(self) -> None:
        self.abort()
        with contextlib.suppress(OSError):
            self._leave()


def problem_of(noise: str) -> str:
    """Why a connection failed, in ssh's own words where Colima and Lima have only its exit status.

    Args:
        noise: what the programs on this side wrote.

    >>> problem_of('No user exists for uid 7\\ntime="0" level=fatal msg="exit status 255"')
    'No user exists for uid 7 (exit status 255)'
    """
    message = reason(noise)
    if not _STATUS.fullmatch(message):
        return message
    lines = [line.strip() for line in noise.splitlines() if line.strip() and not parse_messages(line)]
    own = next((line for line in lines if _BUSY.search(line)), lines[-1] if lines else "")
    return f"{own} ({message})" if own else message


def preamble(call: Call, *, arguments: bool) -> bytes:
    """The line that the wrapper reads first: secrets, and arguments that are too long for a command line.

    Args:
        arguments: whether it has the call's own arguments.
    """

    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    items = ["-"]
    if call.env.file:
        items.append(f"={encoded(call.env.file)}")
    for name, value in call.env.inherited.items():
        items.append(f"{name}:{encoded(value.encode(errors='surrogateescape'))}")
    if arguments:
        items += [f"@{encoded(arg.encode(errors='surrogateescape'))}" for arg in call.argv(_ENV_FILE)]
    return " ".join(items).encode() + b"\n"
