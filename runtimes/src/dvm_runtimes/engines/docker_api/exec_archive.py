"""Files of a container that only its own processes see: what lies in a tmpfs.

The engine's archive calls look at the container's file system from outside.
There a tmpfs is an empty folder: what is put into it is lost without a word,
and nothing can be got. So the container's own ``tar`` does it, as ``kubectl cp``
does it everywhere.
"""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dvm_runtimes.engines.base import STDERR, ExecSession, ExecSpec
from dvm_runtimes.errors import DvmError, EngineError, ExecError, PathNotFoundError
from dvm_runtimes.operation import Operation

if TYPE_CHECKING:
    from .engine import DockerEngine

_KIND = 'if [ -d "$1" ]; then echo folder; elif [ -e "$1" ]; then echo file; fi'


def is_hidden(container: Mapping[str, Any], path: str) -> bool:
    """Whether the engine's archive calls miss what is at ``path``.

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


def put(engine: DockerEngine, op: Operation, container: str, path: str, tar: Iterable[bytes]) -> None:
    """Unpack a tar stream into the folder ``path``."""
    session = _tar(engine, op, container, ("-xpf", "-", "-C", path), stdin=True)
    with _Ended(session, op):
        feeder = _Feeder(session, tar)
        said = b"".join(data for _, data in _output(session))
        code = session.wait()
        feeder.finish()
    _check(engine, op, container, path, code, said)


def get(engine: DockerEngine, op: Operation, container: str, path: str) -> Iterator[bytes]:
    """The file or folder as a tar stream whose first member is its base name."""
    folder, name = posixpath.split(path.rstrip("/") or "/")
    if name in ("", "."):
        folder, name = path, "."
    session = _tar(engine, op, container, ("-cf", "-", "-C", folder, "--", name), stdin=False)
    said = b""
    with _Ended(session, op):
        for stream, data in _output(session):
            if stream == STDERR:
                said += data
            else:
                yield data
        code = session.wait()
    _check(engine, op, container, path, code, said)


def kind(engine: DockerEngine, op: Operation, container: str, path: str) -> str | None:
    """``"folder"``, ``"file"`` or None."""
    session = engine.exec_start(op, container, ExecSpec(command=("sh", "-c", _KIND, "dvm", path), user="0:0"))
    with _Ended(session, op):
        said = b"".join(data for _, data in _output(session))
        session.wait()
    return said.decode().strip() or None


def _tar(engine: DockerEngine, op: Operation, container: str, words: tuple[str, ...], *, stdin: bool) -> ExecSession:
    return engine.exec_start(op, container, ExecSpec(command=("tar", *words), user="0:0", stdin=stdin))


def _output(session: ExecSession) -> Iterator[tuple[int, bytes]]:
    while (piece := session.read()) is not None:
        yield piece


def _check(engine: DockerEngine, op: Operation, container: str, path: str, code: int, said: bytes) -> None:
    if not code:
        return
    words = " ".join(said.decode(errors="replace").split())
    missing = "No such file" in words or "can't cd" in words or "Cannot open" in words
    raise engine.problems.make(
        PathNotFoundError if missing else EngineError,
        f"there is nothing at {path!r} in the container" if missing else f"{path!r} could not be copied: {words[:300]}",
        op.name,
        "Look for it with `dvm exec`.",
        words,
    )


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


class _Feeder:
    """The thread that writes the archive while the output is read."""

    def __init__(self, session: ExecSession, pieces: Iterable[bytes]) -> None:
        self._session = session
        self._pieces = pieces
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="dvm-tar", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for piece in self._pieces:
                self._session.write(piece)
            self._session.close_stdin()
        except (DvmError, OSError) as error:
            self._error = error
            self._session.abort()

    def finish(self) -> None:
        """Raise what went wrong on this side."""
        self._thread.join(10.0)
        if self._error is not None:
            raise self._error
