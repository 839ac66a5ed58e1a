"""Handle SIGINT, SIGTERM and SIGHUP: the first cancels the operation, the second ends the process at once."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from dvm_runtimes.operation import CancelToken

from .invocation import Invocation
from .standard_streams import draws

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


@contextlib.contextmanager
def cancelling(invocation: Invocation) -> Iterator[CancelToken]:
    """Set the token on SIGINT, SIGTERM and SIGHUP within the block, instead of ending the process.

    Signals that were ignored before (nohup, a shell's background job) stay ignored.
    """
    token = CancelToken()
    if threading.current_thread() is not threading.main_thread():
        yield token  # only the main thread can set signal handlers
        return
    numbers = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    listener = _Listener(invocation, token, [number for number in numbers if before[number] != signal.SIG_IGN])
    with listener:
        yield token


class _Listener:
    """A thread that receives the signals.

    The handler does not set the token itself: it interrupts the main thread,
    which may hold the token's lock.
    """

    def __init__(self, invocation: Invocation, token: CancelToken, numbers: list[int]) -> None:
        self._invocation = invocation
        self._token = token
        self._numbers = numbers
        self._terminal = _saved_terminal()
        self._before: dict[int, object] = {}
        self._previous_wakeup = -1
        self._receiver, self._sender = socket.socketpair()
        self._sender.setblocking(False)
        self._thread = threading.Thread(target=self._listen, name="dvm-signals", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()
        # The C handler writes to it, so it works while the main thread is in a C call.
        self._previous_wakeup = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        for number in self._numbers:
            self._before[number] = signal.signal(number, _ignore)

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._previous_wakeup)
        self._sender.close()
        self._thread.join(5.0)
        self._receiver.close()

    def _listen(self) -> None:
        while numbers := self._receiver.recv(64):
            for number in numbers:
                if number in self._numbers:
                    self._handle(number)

    def _handle(self, number: int) -> None:
        if self._invocation.signal is None:
            self._invocation.signal = number
            self._token.set()
        else:
            _restore_terminal(self._terminal)
            os._exit(128 + number)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Replace the default action; the wake-up socket has carried the number already."""


def _saved_terminal() -> list[object] | None:
    if sys.platform == "win32":
        return None
    import termios

    try:
        return termios.tcgetattr(0)
    except (termios.error, OSError):
        return None


def _restore_terminal(saved: list[object] | None) -> None:
    with contextlib.suppress(Exception):
        if saved is not None and sys.platform != "win32":
            import termios

            termios.tcsetattr(0, termios.TCSANOW, saved)  # type: ignore[arg-type]
        if draws("stderr"):
            os.write(2, b"\x1b[?25h\n")  # a progress display hides the cursor
