"""Files of a container as tar streams, through ``nerdctl cp``, whether the container runs or not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from dvm_runtimes.engines.base import STDERR, ExecSpec
from dvm_runtimes.operation import Operation

from . import argv, scripts
from .client import NerdctlClient, sending
from .error_mapping import path_failure
from .logrus import reason

_KIND = 'if [ -d "$1" ]; then echo folder; elif [ -e "$1" ] || [ -L "$1" ]; then echo file; else echo none; fi'


class Archives:
    """Copies through one client; `scripts` has the commands."""

    def __init__(self, client: NerdctlClient) -> None:
        self._client = client

    def put(self, op: Operation, container: str, path: str, tar: Iterable[bytes]) -> None:
        """Unpack ``tar`` into the folder ``path``.

        Raises:
            PathNotFoundError: there is no such folder.
        """
        call = dataclasses.replace(self._client.script(scripts.PUT_ARCHIVE, container, path), stdin=True)
        stderr = b""
        with self._client.running(op, call) as channel, sending(channel, tar):
            while (piece := channel.read()) is not None:
                stderr += piece[1]
            code = channel.wait()
        if code:
            raise path_failure(reason(stderr.decode(errors="replace")), self._client.profile, op.name, path)

    def get(self, op: Operation, container: str, path: str) -> Iterator[bytes]:
        """The file or folder at ``path`` as a tar stream.

        Raises:
            PathNotFoundError: there is no such path.
        """
        stderr = b""
        with self._client.running(op, self._client.script(scripts.GET_ARCHIVE, container, path)) as channel:
            while (piece := channel.read()) is not None:
                if piece[0] == STDERR:
                    stderr += piece[1]
                else:
                    yield piece[1]
            code = channel.wait()
        if code:
            raise path_failure(reason(stderr.decode(errors="replace")), self._client.profile, op.name, path)

    def kind_inside(self, op: Operation, container: str, path: str) -> str | None:
        """``"folder"``, ``"file"`` or empty, by the container's own shell; None if that cannot be asked."""
        spec = ExecSpec(command=("/bin/sh", "-c", _KIND, "dvm", path), user="0:0")
        args, operands = argv.exec_(container, spec)
        outcome = self._client.run(op, self._client.nerdctl(args, operands))
        answer = outcome.stdout.decode(errors="replace").strip()
        if outcome.code or answer not in ("folder", "file", "none"):
            return None
        return "" if answer == "none" else answer
