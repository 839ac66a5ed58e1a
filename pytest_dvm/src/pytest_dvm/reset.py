"""Makes a used workspace as good as a new one, and proves it; or says that it cannot.

Only for a workspace whose main process is the keep-alive, with no mounts of
the user's and no rights beyond the default ones. A small shell, started
inside with it, waits for the end of each use. Then it ends every process that
was not there at the beginning, and what was added to the files is deleted. A
workspace counts as reset only if all of this is as it was at the beginning:

- processes: their list;
- files: the engine's own list of what differs from the image, each folder's mode and owner, and the content of what
  is not in the image's file system: ``/dev/shm`` and every other mount that can be written, ``/etc/hosts``, ...;
- mounts and System V IPC objects; and there are no sockets, nor any in TIME_WAIT;
- the main process, which is the same one, and its output, which was empty.

A changed or deleted file of the image cannot be put back: such a workspace is
not reset, nor is one of an engine that does not tell what changed, or of an
image that lacks the few programs that this takes. Not looked at: times of
folders, and extended attributes of folders.
"""

from __future__ import annotations

import posixpath
import re
import secrets
import shlex
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dvm_runtimes.engines.base import STDOUT, ExecSpec
from dvm_runtimes.errors import DvmError
from dvm_runtimes.infos import WorkspaceStatus
from dvm_runtimes.operation import Operation

if TYPE_CHECKING:
    from dvm_runtimes.engines.base import Engine, ExecSession

LIMIT = 30.0
"""Seconds for each reset; a slower one counts as failed."""
GONE_LIMIT = 10.0
"""Seconds for processes that were killed to be gone: a busy machine takes its time to reap them."""
FIRST_PAUSE = 0.001
LONGEST_PAUSE = 0.1
MOST_FOLDERS = 20_000
"""Folders of an image that are looked at each time; with more, a new workspace is cheaper."""
MOST_ADDED = 500
"""Paths that are deleted each time."""
SPECIAL = ("proc", "sysfs", "cgroup", "cgroup2")
"""File systems in which a container's processes can leave nothing behind."""
MEMORY = ("tmpfs", "mqueue", "devpts", "ramfs")

_SHELL = (
    "for sum in sha256sum md5sum cksum; do command -v $sum >/dev/null && break; done; "
    'while IFS= read -r line; do eval "$line"; done'
)
_FOLDERS = "@folders"
_OTHERS = "@others"
_SOCKETS = re.compile(r"^((?:TCP|UDP|UDPLITE|RAW)6?: inuse \d+)(?: .*?( tw \d+))?")
"""Of ``/proc/net/sockstat`` what is the container's own; the rest counts the whole machine's."""
_SOME_SOCKETS = re.compile(r"\w+: inuse (?!0\b)|\w+: .* tw (?!0\b)")


@dataclass(frozen=True, slots=True)
class State:
    """What a workspace is like inside."""

    folders: frozenset[str]
    others: tuple[str, ...]
    processes: str

    @property
    def has_sockets(self) -> bool:
        """Whether there are any, which are counted only: two that are others look the same."""
        return any(_SOME_SOCKETS.match(line) for line in self.others)

    def same(self, other: State) -> bool:
        """Whether nothing differs."""
        return self == other


@dataclass(frozen=True, slots=True)
class Mounted:
    """The mounts of a container.

    Attributes:
        trees: those in memory, whose every entry is looked at.
        files: single files that can be written, as ``/etc/hosts``.
        folders: anything else that can be written; it may hold any amount of data.
        sealed: what can only be read, as the engine's init program.
    """

    trees: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()


@dataclass(slots=True)
class Beginning:
    """What a workspace was like before its first use."""

    state: State
    changed: frozenset[str]
    mounted: Mounted = field(default_factory=Mounted)
    extra: tuple[str, ...] = ()


class Resetter:
    """Looks after one workspace, from its start to its end.

    Args:
        engine: where it is.
        container: its ID.
    """

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine = engine
        self._container = container
        self._session: ExecSession | None = None
        self._beginning: Beginning | None = None

    def begin(self) -> bool:
        """Note what the workspace is like; whether `reset` will be possible. To be called before its first use."""
        try:
            with self._operation() as op:
                self._beginning = self._look_first(op)
        except DvmError:
            pass  # the engine or the image lacks what this takes
        if self._beginning is None:
            self.close()
        return self._beginning is not None

    def reset(self) -> bool:
        """Whether the workspace is now as it was; if not, it must not be used again."""
        if self._beginning is None:
            return False
        try:
            with self._operation() as op:
                return self._reset(op, self._beginning)
        except DvmError:
            return False

    def close(self) -> None:
        """End the shell inside."""
        if self._session is not None:
            self._session.abort()
            self._session.close()
            self._session = None

    def _operation(self) -> Operation:
        return Operation("reset_workspace", timeout=LIMIT, platform=self._engine.platform_name)

    def _look_first(self, op: Operation) -> Beginning | None:
        found = self._engine.inspect_container(op, self._container)
        if found is None or found.status is not WorkspaceStatus.RUNNING or self._has_output(op):
            return None
        changed = self._engine.changed_paths(op, self._container)
        spec = ExecSpec(command=("sh", "-c", _SHELL), stdin=True, user="0:0", working_dir="/")
        self._session = self._engine.exec_start(op, self._container, spec)
        mounted = mounts_of(self._ask(op, "cat /proc/self/mountinfo") or "")
        if mounted is None or mounted.folders:
            return None
        first = self._look(op, mounted, ())
        if first is None or first.has_sockets or len(first.folders) > MOST_FOLDERS:
            return None
        # What the engine itself added to the image's files has a content to be compared.
        folders = folder_names(first.folders)
        extra = tuple(sorted(changed - folders - {*mounted.files, *mounted.sealed}))
        state = self._look(op, mounted, extra) if extra else first
        return None if state is None else Beginning(state, changed, mounted, extra)

    def _reset(self, op: Operation, begin: Beginning) -> bool:
        if not self._end_others(op, begin.state.processes):
            return False
        # From here on nothing runs inside that could change anything.
        changed = self._engine.changed_paths(op, self._container)
        folders = folder_names(begin.state.folders)
        added = changed - begin.changed - folders
        if added:
            if len(added) > MOST_ADDED:
                return False
            self._ask(op, "rm -rf -- " + " ".join(map(shlex.quote, topmost(added))))
            if self._engine.changed_paths(op, self._container) - begin.changed - folders:
                return False
        state = self._look(op, begin.mounted, begin.extra)
        # Nor was it started anew: the shell that answers would have ended with its main process.
        return state is not None and state.same(begin.state) and not self._has_output(op)

    def _end_others(self, op: Operation, keep: str) -> bool:
        """End every process but these; whether they are gone."""
        give_up = time.monotonic() + GONE_LIMIT
        pause = FIRST_PAUSE
        while (there := self._ask(op, kill_others(keep))) is not None:
            if there.strip() == keep:
                return True
            if time.monotonic() >= give_up:
                break
            # Nobody inside is told when another's child has been reaped: look again, and end what was forked meanwhile.
            op.wait(threading.Event(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return False

    def _has_output(self, op: Operation) -> bool:
        logs = self._engine.logs(op, self._container, tail=1, since=None, follow=False)
        return any(data for _, data in logs)

    def _look(self, op: Operation, mounted: Mounted, extra: tuple[str, ...]) -> State | None:
        text = self._ask(op, look(mounted, extra))
        return None if text is None else parse(text)

    def _ask(self, op: Operation, line: str) -> str | None:
        """What a line of shell printed; None if it failed."""
        session = self._session
        if session is None:
            return None
        mark = secrets.token_hex(16)
        output = b""
        with op.aborting(session.abort):
            session.write(f"{{ {line}; }} 2>/dev/null; echo {mark} $?\n".encode())
            while (piece := session.read()) is not None:
                stream, data = piece
                if stream != STDOUT:
                    continue
                output += data
                head, found, tail = output.rpartition(f"{mark} ".encode())
                if found and tail.endswith(b"\n"):
                    return head.decode(errors="surrogateescape") if tail.strip() == b"0" else None
        return None


def mounts_of(mountinfo: str) -> Mounted | None:
    """The mounts, from ``/proc/self/mountinfo``; None if it cannot be read.

    >>> mounts_of("157 143 0:53 / /dev/shm rw,nosuid - tmpfs shm rw,size=65536k").trees
    ('/dev/shm',)
    """
    trees: list[str] = []
    files: list[str] = []
    folders: list[str] = []
    sealed: list[str] = []
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        words = before.split()
        if not dash or len(words) < 6:
            return None
        place, options, kind = words[4], words[5].split(","), after.split()[0]
        if place == "/" or kind in SPECIAL:
            continue
        if "ro" in options:
            sealed.append(place)
        elif kind in MEMORY:
            # A device over a file, as /dev/null over /proc/keys, is no tree.
            (trees if words[3] == "/" else files).append(place)
        else:
            name = posixpath.basename(words[3])
            (files if name in ("hosts", "hostname", "resolv.conf", ".containerenv") else folders).append(place)
    files = [place for place in files if not place.startswith("/proc/")]
    return Mounted(tuple(trees), tuple(files), tuple(folders), tuple(sealed))


def look(mounted: Mounted, extra: tuple[str, ...]) -> str:
    """The line of shell that prints the `State`."""
    name = "%n|%f|%u|%g"
    steps = [
        f"echo {_FOLDERS}",
        f"find / -xdev -type d -exec stat -c '{name}' {{}} +",
        f"echo {_OTHERS}",
        # Not /proc/net/tcp: the kernel looks for its lines through the whole machine's connections.
        "cat /proc/self/mountinfo /proc/sysvipc/* /proc/net/sockstat*",
    ]
    if places := " ".join(map(shlex.quote, (*mounted.trees, *mounted.files, *extra))):
        steps.append(f"find {places} -xdev -exec stat -c '{name}|%s' {{}} + -type f -exec $sum {{}} +")
    # Last, when what ran for this has ended; the shell expands it by itself.
    steps.append("echo /proc/[0-9]*")
    return " && ".join(steps)


def parse(text: str) -> State | None:
    """The `State` that `look` printed; None if it was cut short."""
    head, _, rest = text.partition(f"{_FOLDERS}\n")
    folders, found, others = rest.partition(f"\n{_OTHERS}\n")
    lines = [_own_part(line) for line in others.rstrip("\n").split("\n")]
    if head or not found or not lines[-1].startswith("/proc/"):
        return None
    # Folders are read in an order that may change when something comes and goes.
    return State(frozenset(folders.split("\n")), tuple(sorted(lines[:-1])), lines[-1])


def _own_part(line: str) -> str:
    sockets = _SOCKETS.match(line)
    if sockets is not None:
        return "".join(filter(None, sockets.groups()))
    return "" if line.startswith("sockets: used ") else line


def folder_names(folders: frozenset[str]) -> set[str]:
    """The paths of the folders that `parse` found."""
    return {line.rsplit("|", 3)[0] for line in folders}


def topmost(paths: frozenset[str]) -> list[str]:
    """Those that are not inside another.

    >>> topmost(frozenset({"/a", "/a/b", "/c/d"}))
    ['/a', '/c/d']
    """
    found: list[str] = []
    for path in sorted(paths):
        if not any(path.startswith(f"{above}/") for above in found[-1:]):
            found.append(path)
    return found


def kill_others(processes: str) -> str:
    """The line of shell that kills every process but these, and prints those that are there then."""
    return (
        f"for p in /proc/[0-9]*; do case ' {processes} ' in *\" $p \"*) ;; *) kill -9 ${{p#/proc/}};; esac; done; "
        "echo /proc/[0-9]*"
    )
