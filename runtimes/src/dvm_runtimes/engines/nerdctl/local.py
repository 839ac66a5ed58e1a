"""Programs of this machine as channels, and nerdctl as one of them."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import struct
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence

from dvm_runtimes.engines.base import STDERR, STDOUT

from .scripts import MARK_VARIABLE
from .transport import AbortedError, Call, Channel, Transport, TransportError

_PIECE = 64 * 1024
_GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL."""


class ProcessChannel(Channel):
    """A child process with pipes, or with a terminal for its input and output.

    One thread reads and another may write. With a terminal, standard error is still a pipe: the program's own
    messages are apart from the terminal's output.

    Args:
        argv: the program and its arguments.
        env: its whole environment.
        stdin: standard input is a pipe; else, without a terminal, it is empty.
        size: rows and columns of a terminal; None for pipes.
        merge: standard error joins standard output, in the order of writing.
        keep: file descriptors that it inherits.

    Raises:
        OSError: the program cannot be run.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: bool = False,
        size: tuple[int, int] | None = None,
        merge: bool = False,
        keep: Sequence[int] = (),
    ) -> None:
        self._lock = threading.Lock()
        # Held by whoever blocks, so that nothing is closed under them.
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._aborted = False
        self._closed = False
        self._ended = threading.Event()
        self._streams: dict[int, int] = {}
        self._input = -1
        self._terminal = size is not None
        pty_pair = _terminal(size) if size is not None else None
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=pty_pair[1] if pty_pair else subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=pty_pair[1] if pty_pair else subprocess.PIPE,
                stderr=subprocess.STDOUT if merge and not pty_pair else subprocess.PIPE,
                env=dict(env),
                cwd="/",  # nothing may depend on the caller's working folder
                pass_fds=tuple(keep),
                start_new_session=True,  # Ctrl-C is for the client, who decides what ends
            )
        except BaseException:
            for fd in pty_pair or ():
                os.close(fd)
            raise
        self._take_streams(pty_pair)
        self._abort_read, self._abort_write = os.pipe()
        self._end_read, self._end_write = os.pipe()
        self._reader = selectors.DefaultSelector()
        for fd in (*self._streams, self._abort_read, self._end_read):
            self._reader.register(fd, selectors.EVENT_READ)
        self._waiter = threading.Thread(target=self._await_end, name="dvm-child", daemon=True)
        self._waiter.start()

    def _take_streams(self, pty_pair: tuple[int, int] | None) -> None:
        process = self._process
        if pty_pair is not None:
            master, slave = pty_pair
            os.close(slave)
            self._streams[master] = STDOUT
            self._input = master
        elif process.stdout is not None:
            self._streams[process.stdout.fileno()] = STDOUT
        if process.stderr is not None:
            self._streams[process.stderr.fileno()] = STDERR
        if process.stdin is not None:
            self._input = process.stdin.fileno()
        for fd in {*self._streams, *({self._input} - {-1})}:
            os.set_blocking(fd, False)

    def _await_end(self) -> None:
        self._process.wait()
        self._ended.set()
        os.write(self._end_write, b"x")

    # Output

    def read(self) -> tuple[int, bytes] | None:
        """The next piece of output with its stream; None once the program has ended and all is read.

        It does not wait for end of file: ssh's master keeps a copy of its clients' standard error.

        Raises:
            AbortedError: `abort` was called.
        """
        with self._reading:
            return self._read()

    def _read(self) -> tuple[int, bytes] | None:
        while True:
            if self._aborted:
                raise AbortedError
            ended = self._ended.is_set()
            ready = {key.fd for key, _ in self._reader.select(0 if ended else None)} & self._streams.keys()
            # Output of both streams at once: standard output goes first.
            for fd in sorted(ready, key=self._streams.__getitem__):
                stream = self._streams[fd]
                data = _read(fd)
                if data:
                    return stream, data
                if data == b"":
                    self._reader.unregister(fd)
                    del self._streams[fd]
            if ended and not ready:
                return None
            if not self._streams and not ended:
                self._await(self._reader, (self._end_read,))

    # Input

    def write(self, data: bytes) -> None:
        """Send all of ``data``; a program that no longer reads is no error.

        Raises:
            AbortedError: `abort` was called before all was sent.
        """
        view = memoryview(data)
        with self._writing, selectors.DefaultSelector() as writer:
            if self._aborted:
                raise AbortedError
            if self._input < 0:
                return
            writer.register(self._input, selectors.EVENT_WRITE)
            writer.register(self._abort_read, selectors.EVENT_READ)
            writer.register(self._end_read, selectors.EVENT_READ)
            while view:
                ready = {key.fd for key, _ in writer.select()}
                if self._aborted:
                    raise AbortedError
                if self._input in ready:
                    try:
                        view = view[os.write(self._input, view[:_PIECE]) :]
                        continue
                    except BlockingIOError:
                        pass
                    except OSError as error:
                        if error.errno not in (errno.EPIPE, errno.EIO):
                            raise
                        return
                if self._end_read in ready:
                    return

    def close_stdin(self) -> None:
        """End the program's input; in a terminal, type Ctrl-D."""
        if self._terminal:
            self.write(b"\x04")
            return
        with self._writing, contextlib.suppress(BrokenPipeError):
            if self._process.stdin is not None and not self._closed:
                self._input = -1
                self._process.stdin.close()

    def resize(self, rows: int, columns: int) -> None:
        """Set the terminal's size; ignored without a terminal, or once the program has ended."""
        with self._lock:
            if not self._terminal or self._closed or self._ended.is_set():
                return
            _set_size(self._input, rows, columns)
            # It is no controlling terminal, so the kernel sends no signal.
            self._signal(signal.SIGWINCH)

    # The end

    def wait(self) -> int:
        """The exit code, once `read` gave None; 128 plus the number of a signal that ended it.

        Raises:
            AbortedError: `abort` was called first.
        """
        with self._reading:
            self._await(self._reader, (self._end_read,))
        code = self._process.returncode
        return 128 - code if code < 0 else code

    def _await(self, selector: selectors.BaseSelector, wanted: tuple[int, ...]) -> None:
        while not self._ended.is_set():
            if self._aborted:
                raise AbortedError
            if {key.fd for key, _ in selector.select()}.intersection(wanted):
                self._ended.wait()

    def abort(self) -> None:
        """Make blocked calls raise at once. Does not block, and does not end the program."""
        with self._lock:
            if not self._aborted and not self._closed:
                self._aborted = True
                os.write(self._abort_write, b"x")

    def end(self) -> None:
        """End the program's process group: SIGTERM, then SIGKILL."""
        if not self._ended.is_set():
            self._signal(signal.SIGTERM)
            if not self._ended.wait(_GRACE):
                self._signal(signal.SIGKILL)
                self._ended.wait()

    def _signal(self, number: int) -> None:
        # The leader is not reaped before the waiter says so, hence the group is ours.
        if not self._ended.is_set():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def close(self) -> None:
        """End it, and release everything."""
        self.abort()
        self.end()
        self._waiter.join()
        with self._reading, self._writing, self._lock:
            if self._closed:
                return
            self._closed = True
            self._reader.close()
            for fd in (self._abort_read, self._abort_write, self._end_read, self._end_write):
                os.close(fd)
            if self._terminal:
                os.close(self._input)
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()


def select_readable(fd: int, seconds: float) -> bool:
    """Whether there is something to read, or its end, within ``seconds``."""
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        return bool(selector.select(seconds))


def _terminal(size: tuple[int, int]) -> tuple[int, int]:
    import pty
    import tty

    master, slave = pty.openpty()
    # What is typed before the program has made it raw must not come back as output.
    tty.setraw(slave)
    _set_size(slave, *size)
    return master, slave


def _set_size(fd: int, rows: int, columns: int) -> None:
    import fcntl
    import termios

    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _read(fd: int) -> bytes | None:
    """Available bytes; empty at the end; None if there are none yet."""
    try:
        return os.read(fd, _PIECE)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EIO:  # a terminal that nobody has open any more
            return b""
        raise


_PASSED_ON = ("PATH", "HOME", "XDG_RUNTIME_DIR", "NERDCTL_TOML", "BUILDKIT_HOST", "DOCKER_CONFIG")
"""Variables of nerdctl's environment that a clean-up command of another process needs."""


class LocalTransport(Transport):
    """Runs nerdctl as a child of this process.

    Args:
        nerdctl: the program, and the flags that say which containerd and which namespace.
        env: its whole environment; this process's own by default.
    """

    def __init__(self, nerdctl: tuple[str, ...], env: Mapping[str, str] | None = None) -> None:
        self.nerdctl = nerdctl
        self._env = None if env is None else dict(env)

    def open(self, call: Call) -> Channel:
        import fcntl

        own = os.environ if self._env is None else self._env
        env = {**own, **call.env.inherited, MARK_VARIABLE: call.mark}
        # A file without a name, that nobody else can open.
        with tempfile.TemporaryFile() as file:
            file.write(call.env.file)
            file.seek(0)
            # Scripts use the numbers below 10.
            number = fcntl.fcntl(file.fileno(), fcntl.F_DUPFD, 10)
            try:
                return ProcessChannel(
                    call.argv(f"/dev/fd/{number}"),
                    env=env,
                    stdin=call.stdin,
                    size=call.size,
                    merge=call.merge,
                    keep=[number] if call.env.file else [],
                )
            except OSError as error:
                raise TransportError(f"{call.command[0]}: {error.strerror}") from error
            finally:
                os.close(number)

    def end(self, mark: str, script: str, seconds: float, alive: threading.Event) -> bool:
        alive.set()
        try:
            done = subprocess.run(
                ["sh", "-c", script, "dvm", mark],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def command(self, argv: tuple[str, ...]) -> list[str]:
        env = os.environ if self._env is None else self._env
        return ["env", *(f"{name}={env[name]}" for name in _PASSED_ON if name in env), *argv]
