"""Files of a container as tar streams, through ``nerdctl cp``, for running and stopped ones alike."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Iterator

from dvm_runtimes.engines.base import STDERR, ExecSpec
from dvm_runtimes.errors import DvmError
from dvm_runtimes.operation import Operation

from . import argv, scripts
from .calls import Caller
from .failures import path_failure
from .messages import reason
from .transport import AbortedError, Channel, TransportError

_KIND = 'if [ -d "$1" ]; then echo folder; elif [ -e "$1" ] || [ -L "$1" ]; then echo file; else echo none; fi'


class Archives:
    """Copies through one caller; see `scripts` for how."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def put(self, op: Operation, container: str, path: str, tar: Iterable[bytes]) -> None:
        """Unpack ``tar`` into the folder ``path``.

        Raises:
            PathNotFoundError: there is no such folder.
        """
        call = dataclasses.replace(self._caller.script(scripts.PUT_ARCHIVE, container, path), stdin=True)
        with self._caller.running(op, call) as channel:
            reader = _Reader(channel)
            try:
                for piece in tar:
                    channel.write(piece)
                channel.close_stdin()
            except BaseException:
                channel.abort()
                raise
            finally:
                reader.join()
            code = channel.wait()
        if code:
            raise path_failure(reason(reader.said), self._caller.profile, op.name, path)

    def get(self, op: Operation, container: str, path: str) -> Iterator[bytes]:
        """The file or folder at ``path`` as a tar stream.

        Raises:
            PathNotFoundError: there is nothing.
        """
        said: list[bytes] = []
        with self._caller.running(op, self._caller.script(scripts.GET_ARCHIVE, container, path)) as channel:
            while (piece := channel.read()) is not None:
                if piece[0] == STDERR:
                    said.append(piece[1])
                else:
                    yield piece[1]
            code = channel.wait()
        if code:
            raise path_failure(reason(b"".join(said).decode(errors="replace")), self._caller.profile, op.name, path)

    def kind_inside(self, op: Operation, container: str, path: str) -> str | None:
        """What its own shell says of ``path``: ``"folder"``, ``"file"`` or empty; None if it cannot be asked."""
        spec = ExecSpec(command=("/bin/sh", "-c", _KIND, "dvm", path), user="0:0")
        words, rest = argv.exec_(container, spec)
        outcome = self._caller.run(op, self._caller.nerdctl(words, rest))
        answer = outcome.stdout.decode(errors="replace").strip()
        if outcome.code or answer not in ("folder", "file", "none"):
            return None
        return "" if answer == "none" else answer


class _Reader:
    """Reads what a program says while its input is written, so that neither waits for the other."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._pieces: list[bytes] = []
        self._thread = threading.Thread(target=self._run, name="dvm-copy", daemon=True)
        self._thread.start()

    @property
    def said(self) -> str:
        return b"".join(self._pieces).decode(errors="replace")

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            while (piece := self._channel.read()) is not None:
                self._pieces.append(piece[1])
        except (AbortedError, TransportError, DvmError):
            pass  # whoever waits for the program's end meets the same
