"""The two-way session that callers get: an engine's own, with the limits of the caller."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Sequence

from dvm_runtimes.engines.base import Engine, ExecSession
from dvm_runtimes.errors import DvmError, InvalidOptionError
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import ExecOptions

from . import lookup
from .executing import exec_spec


def open_session(
    engine: Engine,
    opening: Operation,
    life: Operation,
    workspace: str,
    command: Sequence[str],
    options: ExecOptions,
    size: tuple[int, int] | None,
) -> ExecSession:
    """Start a command whose streams the caller holds.

    Args:
        engine: the engine.
        opening: the limits of the start.
        life: the limits of the session.
        workspace: what names the workspace.
        command: the argument vector.
        options: variables, user and working directory.
        size: rows and columns of its terminal; None for none.
    """
    if options.input is not None or options.on_stdout is not None or options.on_stderr is not None:
        raise InvalidOptionError("options", "input, on_stdout or on_stderr", "a session is written and read instead")
    rows, columns = size or (24, 80)
    check_size(rows, columns)
    spec = dataclasses.replace(exec_spec(command, options), stdin=True, tty=size is not None, size=(rows, columns))
    container = lookup.get_running(engine, opening, workspace)
    return LimitedSession(engine.exec_start(opening, container.id, spec), life)


def check_size(rows: int, columns: int) -> None:
    """Refuse the size of a terminal that no kernel could hold.

    Raises:
        InvalidOptionError: naming ``rows`` or ``columns``.
    """
    for name, value in (("rows", rows), ("columns", columns)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
            raise InvalidOptionError(name, value, "must be a number from 1 to 65535")


class LimitedSession(ExecSession):
    """An engine's session that ends, and whose command ends, with an operation.

    Args:
        session: the engine's.
        life: the limits; entered here, and left by `close`.
    """

    def __init__(self, session: ExecSession, life: Operation) -> None:
        self._session = session
        self._life = life
        self._reading = threading.Lock()
        self._ended = False
        self._exit_code: int | None = None
        self._closing = threading.Lock()
        self._closed = False
        self._killer: threading.Thread | None = None
        self._limits = contextlib.ExitStack()
        try:
            self._limits.enter_context(life)
            self._limits.enter_context(life.aborting(self._cut))
        except DvmError:
            session.abort()
            session.kill()
            session.close()
            self._limits.close()
            raise

    def read(self) -> tuple[int, bytes] | None:
        with self._reading, self._typed():
            if self._ended:
                return None
            piece = self._session.read()
            self._ended = piece is None
            return piece

    def write(self, data: bytes) -> None:
        with self._typed():
            self._session.write(data)

    def close_stdin(self) -> None:
        with self._typed():
            self._session.close_stdin()

    def resize(self, rows: int, columns: int) -> None:
        check_size(rows, columns)
        with self._typed():
            self._session.resize(rows, columns)

    def wait(self) -> int:
        while self.read() is not None:
            pass
        with self._reading, self._typed():
            if self._exit_code is None:
                self._exit_code = self._session.wait()
            return self._exit_code

    def kill(self) -> None:
        self._session.kill()

    def abort(self) -> None:
        self._session.abort()

    def close(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._limits.close()
        if self._killer is not None:
            self._killer.join()
        elif not self._ended:
            self._session.abort()
            self._session.kill()
        self._session.close()

    def _cut(self) -> None:
        # From the watchdog, which must not block: ending the command inside takes a request.
        self._session.abort()
        self._killer = threading.Thread(target=self._session.kill, name="dvm-exec-kill", daemon=True)
        self._killer.start()

    @contextlib.contextmanager
    def _typed(self) -> Iterator[None]:
        try:
            if self._life.aborted:
                raise self._life.abort_error()
            yield
        except DvmError as error:
            if self._life.aborted:
                raise self._life.abort_error(error) from error
            raise
