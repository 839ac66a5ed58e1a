"""`Feeder`: writes the input of a command while another thread reads its output."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from typing import Protocol

from dvm_runtimes.errors import DvmError

_JOIN_LIMIT = 10.0


class Writable(Protocol):
    """A command's standard input, such as an `ExecSession`."""

    def write(self, data: bytes) -> None: ...

    def close_stdin(self) -> None: ...

    def abort(self) -> None: ...


class Feeder:
    """The thread that writes a command's input.

    A command may end without reading all of it. An input that cannot be made
    aborts the command, which must not take half of it for the whole.

    Args:
        session: the command.
        pieces: its input.
    """

    def __init__(self, session: Writable, pieces: Iterable[bytes]) -> None:
        self._session = session
        self._pieces = pieces
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="dvm-stdin", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for piece in self._pieces:
                try:
                    self._session.write(piece)
                except DvmError:
                    return  # the command ended or was aborted: whoever reads its output gets the error
        except (DvmError, OSError) as error:
            self._error = error
            self._session.abort()
            return
        with contextlib.suppress(DvmError):
            self._session.close_stdin()

    def finish(self) -> None:
        """Wait for the thread, after the command has ended or was aborted.

        Raises:
            DvmError, OSError: the input could not be made.
        """
        self._thread.join(_JOIN_LIMIT)
        if self._error is not None:
            raise self._error
