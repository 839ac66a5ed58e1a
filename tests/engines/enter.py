"""Runs an engine's program in another system's folder, as if this machine had that system installed.

A program of its own, with nothing but the standard library:

    unshare --mount --propagation private python enter.py FOLDER TREE PROGRAM ARGUMENT…

TREE is a Debian that was put into a folder. It becomes the root, and what the
program writes to it goes to FOLDER. Everything of this machine that is no part
of its system (``/tmp``, ``/home`` and whatever else there is) is where it was,
so that folders of this host can be mounted in containers. A chroot would not
do: loading an image remounts ``/``, and Podman reads ``/proc``.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

SYSTEM = {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "var", "run", "boot", "lost+found"}
"""What the other system has of its own; the rest of the root folder is this machine's."""

MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    folder, tree, *command = sys.argv[1:]
    root = mount_root(Path(folder), Path(tree))
    for entry in sorted(Path("/").iterdir()):
        if entry.name not in SYSTEM and entry.is_dir() and not entry.is_symlink():
            place = root / entry.name
            place.mkdir(exist_ok=True)
            _mount("--rbind", str(entry), str(place))
    for path in (root / "run", root / "var/lib/cni"):
        path.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(root / "run"))
    pivot(root)
    os.execvp(command[0], command)


def mount_root(folder: Path, tree: Path) -> Path:
    """The other system, with what is written to it in ``folder``."""
    layers = folder / "system"
    for name in ("upper", "work", "root"):
        (layers / name).mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={tree},upperdir={layers}/upper,workdir={layers}/work"
    _mount("-t", "overlay", "-o", options, "overlay", str(layers / "root"))
    return layers / "root"


def pivot(root: Path) -> None:
    """Make ``root`` the root of this process's mounts, and let go of the one before."""
    os.chdir(root)
    # The new root and the old one in the same place: the old lies on top, and is what "." still means.
    _check(_libc.syscall(_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")


_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}


def _check(result: int, what: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"enter.py: mount {' '.join(arguments)}: {done.stderr.strip()}")


if __name__ == "__main__":
    main()
