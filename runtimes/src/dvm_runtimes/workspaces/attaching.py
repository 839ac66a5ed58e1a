"""Joining this process's terminal to a shell inside a workspace."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType

from dvm_runtimes.engines.base import STDERR, Engine, ExecSession
from dvm_runtimes.errors import DvmError, InvalidOptionError
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import AttachOptions

from .shells import shell_spec

_ENDING = ("SIGTERM", "SIGHUP")


def attach(engine: Engine, op: Operation, container: str, options: AttachOptions) -> int:
    """Run a shell and give it this process's standard streams; its exit code.

    With a terminal on standard input and output, the shell gets one too: raw
    here, of the same size there, and restored whatever ends this. Without,
    the streams are passed on as they are.
    """
    stdin, stdout, stderr = (stream.fileno() for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__) if stream)
    terminal = os.isatty(stdin) and os.isatty(stdout)
    tty = terminal if options.tty is None else options.tty
    if tty and not terminal:
        raise InvalidOptionError("tty", True, "this process's standard input and output are no terminal")
    session = engine.exec_start(op, container, shell_spec(options, tty=tty, size=_size(stdout)))
    try:
        with op.aborting(session.abort), _Ending(session), contextlib.ExitStack() as stack:
            if tty:
                stack.enter_context(_raw(stdin))
            stack.enter_context(InputForwarder(session, stdin, stdout, resizes=tty))
            return _copy_out(session, stdout, stderr)
    except BaseException:
        session.abort()
        session.kill()
        raise
    finally:
        session.close()


def _copy_out(session: ExecSession, stdout: int, stderr: int) -> int:
    while (piece := session.read()) is not None:
        stream, data = piece
        _write_all(stderr if stream == STDERR else stdout, data)
    return session.wait()


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:  # somebody made the shared terminal non-blocking
            _ready([], [fd])


def _size(fd: int) -> tuple[int, int]:
    from dvm_runtimes.terminal import terminal_size

    return terminal_size(fd)


@contextlib.contextmanager
def _raw(fd: int) -> Iterator[None]:
    import termios
    import tty

    before = termios.tcgetattr(fd)
    try:
        # DRAIN, not FLUSH, which is the default: what was typed ahead belongs to the shell inside.
        tty.setraw(fd, termios.TCSADRAIN)
        yield
    finally:
        # And here to the shell that comes back.
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _ready(readers: list[int], writers: Sequence[int] = ()) -> set[int]:
    """Wait until one of the file descriptors can be read or written; those that can."""
    if sys.platform == "darwin":
        # Its poll(2) does not know terminals.
        readable, writable, _ = select.select(readers, writers, [])
        return {*readable, *writable}
    # select(2) takes no descriptor above 1023, epoll(7) no regular file.
    poll = select.poll()
    for fd in readers:
        poll.register(fd, select.POLLIN)
    for fd in writers:
        poll.register(fd, select.POLLOUT)
    return {fd for fd, _ in poll.poll()}


class InputForwarder:
    """A thread that sends standard input, and the terminal's new sizes, to a session; a context manager.

    Args:
        session: the session.
        stdin: the file descriptor to read.
        stdout: the terminal whose size counts.
        resizes: whether to send new sizes.
    """

    def __init__(self, session: ExecSession, stdin: int, stdout: int = -1, *, resizes: bool = False) -> None:
        self._session = session
        self._stdin = stdin
        self._stdout = stdout
        self._resizes = resizes
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._thread = threading.Thread(target=self._run, name="dvm-attach", daemon=True)
        self._before: object = None

    def __enter__(self) -> InputForwarder:
        # Python lets only the main thread have signal handlers.
        if self._resizes and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGWINCH, self._on_resize)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGWINCH, self._before)  # type: ignore[arg-type]
        os.write(self._wake_write, b"q")
        self._thread.join(5.0)
        os.close(self._wake_write)
        os.close(self._wake_read)

    def _on_resize(self, number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"r")

    def _run(self) -> None:
        watched = [self._stdin, self._wake_read]
        with contextlib.suppress(DvmError, OSError):
            while True:
                ready = _ready(watched)
                if self._wake_read in ready:
                    signs = os.read(self._wake_read, 4096)
                    if b"q" in signs:
                        return
                    self._session.resize(*_size(self._stdout))
                if self._stdin in ready:
                    data = self._read()
                    if data:
                        self._session.write(data)
                    else:
                        # Output may still come: only the input has ended.
                        self._session.close_stdin()
                        watched.remove(self._stdin)

    def _read(self) -> bytes:
        try:
            return os.read(self._stdin, 65536)
        except OSError:  # EIO: the terminal is gone
            return b""


class _Ending:
    """Lets a signal that ends this process first restore the terminal and end the shell inside."""

    def __init__(self, session: ExecSession) -> None:
        self._session = session
        self._before: dict[int, object] = {}
        self._got: int | None = None

    def __enter__(self) -> _Ending:
        if threading.current_thread() is threading.main_thread():
            for name in _ENDING:
                number = getattr(signal, name, None)
                # Whoever has a handler of their own also has a plan for this.
                if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                    self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *exc: object) -> None:
        for number in self._before:
            signal.signal(number, signal.SIG_DFL)
        if self._got is not None:
            self._session.kill()
            os.kill(os.getpid(), self._got)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._got = number
        self._session.abort()
