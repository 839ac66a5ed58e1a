"""`ExecArchive`: copies files that only the container's own processes see, such as those in a tmpfs.

The engine's archive requests see the container's file system from outside.
There a tmpfs is an empty folder: files put into it are lost without an error,
and nothing can be read. So the container's own ``tar`` does it, as with
``kubectl cp``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from dvm_runtimes.engines.base import STDERR, ExecSession, ExecSpec
from dvm_runtimes.engines.feeder import Feeder
from dvm_runtimes.errors import EngineError, ExecError, PathNotFoundError
from dvm_runtimes.operation import Operation

from .error_mapping import ErrorMapping

_KIND = 'if [ -d "$1" ]; then echo folder; elif [ -e "$1" ]; then echo file; fi'


def is_hidden(container: Mapping[str, Any], path: str) -> bool:
    """Whether the engine's archive requests do not see ``path``.

    Args:
        container: the answer to ``GET /containers/ID/json``.
        path: in the container.
    """
    if not (container.get("State") or {}).get("Running"):
        return False  # a tmpfs is there only while it runs
    kinds = {str(one["Destination"]): str(one.get("Type", "")) for one in container.get("Mounts") or ()}
    kinds |= dict.fromkeys((container.get("HostConfig") or {}).get("Tmpfs") or {}, "tmpfs")
    at = posixpath.normpath(path)
    while at != "/":
        if kind := kinds.get(at) or kinds.get(f"{at}/"):
            return kind == "tmpfs"
        at = posixpath.dirname(at)
    return False


class ExecArchive:
    """Copies files with the container's own ``tar``.

    Args:
        start: runs a command in a container; see `Engine.exec_start`.
        errors: makes the errors.
    """

    def __init__(self, start: Callable[[Operation, str, ExecSpec], ExecSession], errors: ErrorMapping) -> None:
        self._start = start
        self._errors = errors

    def put(self, op: Operation, container: str, path: str, tar: Iterable[bytes]) -> None:
        """Unpack a tar stream into the folder ``path``."""
        session = self._tar(op, container, ("-xpf", "-", "-C", path), stdin=True)
        with _Ended(session, op):
            feeder = Feeder(session, tar)
            try:
                output = b"".join(data for _, data in _output(session))
                code = session.wait()
            finally:
                feeder.finish()
        self._check(op, path, code, output)

    def get(self, op: Operation, container: str, path: str) -> Iterator[bytes]:
        """The file or folder as a tar stream whose first member is its base name."""
        folder, name = posixpath.split(path.rstrip("/") or "/")
        if name in ("", "."):
            folder, name = path, "."
        session = self._tar(op, container, ("-cf", "-", "-C", folder, "--", name), stdin=False)
        errors = b""
        with _Ended(session, op):
            for stream, data in _output(session):
                if stream == STDERR:
                    errors += data
                else:
                    yield data
            code = session.wait()
        self._check(op, path, code, errors)

    def kind(self, op: Operation, container: str, path: str) -> str | None:
        """``"folder"``, ``"file"`` or None."""
        session = self._start(op, container, ExecSpec(command=("sh", "-c", _KIND, "dvm", path), user="0:0"))
        with _Ended(session, op):
            output = b"".join(data for _, data in _output(session))
            session.wait()
        return output.decode().strip() or None

    def _tar(self, op: Operation, container: str, arguments: tuple[str, ...], *, stdin: bool) -> ExecSession:
        return self._start(op, container, ExecSpec(command=("tar", *arguments), user="0:0", stdin=stdin))

    def _check(self, op: Operation, path: str, code: int, output: bytes) -> None:
        if not code:
            return
        text = " ".join(output.decode(errors="replace").split())
        missing = "No such file" in text or "can't cd" in text or "Cannot open" in text
        problem = f"there is nothing at {path!r} in the container" if missing else f"{path!r} could not be copied"
        raise self._errors.make(
            PathNotFoundError if missing else EngineError,
            problem if missing else f"{problem}: {text[:300]}",
            op.name,
            "Look for it with `dvm exec`.",
            text,
        )


def _output(session: ExecSession) -> Iterator[tuple[int, bytes]]:
    while (piece := session.read()) is not None:
        yield piece


class _Ended:
    """Within its block the session ends with the call; after it, the connection is released.

    An image without ``tar`` is an error of the copy, not of a command.
    """

    def __init__(self, session: ExecSession, op: Operation) -> None:
        self._session = session
        self._op = op
        self._aborting = op.aborting(session.abort)

    def __enter__(self) -> None:
        try:
            self._aborting.__enter__()
        except BaseException:
            self._session.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: Any) -> None:
        self._aborting.__exit__(kind, error, tb)
        if error is not None and not isinstance(error, ExecError):
            self._session.abort()
            self._session.kill()
        self._session.close()
        if isinstance(error, ExecError):
            raise EngineError(
                "files in a tmpfs can only be copied with the container's own tar, which it does not have",
                hint="Copy to another folder, or install tar in the image.",
                platform=error.platform,
                operation=self._op.name,
                detail=error.detail,
            ) from error
