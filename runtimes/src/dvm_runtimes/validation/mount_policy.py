"""Which host paths may be bound into a workspace.

A workspace runs code that its user may not have read. So the paths that give
away the machine (system folders, engine sockets) or the person (keys, cloud
credentials) are refused, after every symbolic link has been followed.
"""

from __future__ import annotations

import os
from pathlib import Path

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.user.home import home_folder

from .text import is_text

LONGEST_PATH = 4096
"""Bytes: PATH_MAX of Linux."""

SYSTEM_PATHS = (
    *("/etc", "/var", "/proc", "/sys", "/dev", "/boot", "/run", "/usr", "/root", "/opt/containerd", "/lost+found"),
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/System", "/Library", "/private/etc", "/private/var"),
)
"""Refused with everything below them."""

ALLOWED_BELOW = (
    *("/var/home", "/var/folders", "/private/var/folders", "/usr/local/src"),
    *("/var/tmp", "/private/var/tmp"),  # noqa: S108 - named, not written to
)
"""Below refused paths, and yet ordinary: homes of Fedora Atomic, temporary folders of macOS, sources."""

PERSONAL_PATHS = (
    *(".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".config/gcloud", ".config/gh", ".config/containers"),
    *(".netrc", ".npmrc", ".pypirc", ".git-credentials", ".password-store", ".local/share/keyrings"),
    *(".colima", ".lima", ".orbstack", "Library/Keychains", ".mozilla", ".config/google-chrome"),
)
"""Below the home folder; refused with everything below them."""

_SOCKET_NAMES = ("docker.sock", "podman.sock", "containerd.sock", "buildkitd.sock", "crio.sock")


def check_bind_source(
    source: str | os.PathLike[str], field: str, *, home: Path | None = None, allow_home: bool = False
) -> Path:
    """The real path of a folder or file that may be mounted.

    Args:
        source: an absolute path on this machine.
        field: the option's name, for the error.
        home: the home folder whose secrets are kept; the user's by default.
        allow_home: accept the home folder too, and other folders that contain personal paths.

    Raises:
        InvalidOptionError: empty, relative, missing, or a path that must stay out of containers.
    """
    text = os.fspath(source)
    if not text or not text.strip():
        raise InvalidOptionError(field, text, "a path is needed")
    if not is_text(text) or "\n" in text or "\r" in text:
        raise InvalidOptionError(field, text, "a path of one line, in valid Unicode, is needed")
    if len(os.fsencode(text)) > LONGEST_PATH:
        raise InvalidOptionError(field, text, f"longer than {LONGEST_PATH} bytes")
    if not Path(text).is_absolute():
        raise InvalidOptionError(
            field, text, "must be an absolute path", hint=f"Did you mean {os.path.abspath(text)!r}?"
        )
    try:
        real = Path(os.path.realpath(text, strict=True))
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidOptionError(field, text, f"cannot be mounted: {reason}") from None
    through = "" if os.fspath(real) == os.path.normpath(text) else f" (it leads to {os.fspath(real)!r})"
    if real == Path("/"):
        raise InvalidOptionError(field, text, f"the whole file system is never mounted{through}")
    home = Path(os.path.realpath(home or home_folder()))
    for personal in PERSONAL_PATHS:
        if _within(real, home / personal):
            raise InvalidOptionError(field, text, f"holds personal secrets and is never mounted{through}")
    if not allow_home and any(_within(home / personal, real) for personal in PERSONAL_PATHS):
        what = "is the home folder" if real == home else "contains personal folders"
        raise InvalidOptionError(
            field,
            text,
            f"{what}, so the workspace could read your keys and passwords{through}",
            hint="Mount a folder inside it, or confirm with `allow_home`.",
        )
    if real.name in _SOCKET_NAMES or real.is_block_device():
        raise InvalidOptionError(field, text, f"gives control of this machine and is never mounted{through}")
    import tempfile  # slow to load, and only a start with a mount needs it

    allowed = [*map(Path, ALLOWED_BELOW), Path(os.path.realpath(tempfile.gettempdir()))]
    if home != Path("/"):
        allowed.append(home)
    if any(_within(real, root) for root in allowed):
        return real
    for system in SYSTEM_PATHS:
        if _within(real, Path(system)) or _within(real, Path(os.path.realpath(system))):
            raise InvalidOptionError(field, text, f"is a system path and is never mounted{through}")
    return real


def _within(path: Path, root: Path) -> bool:
    if path.is_relative_to(root):
        return True
    # macOS and WSL have file systems that take .SSH for .ssh.
    lowered = Path(os.fspath(path).lower())
    return lowered.is_relative_to(Path(os.fspath(root).lower())) and _same_file(path, root)


def _same_file(path: Path, root: Path) -> bool:
    ancestor = Path(*path.parts[: len(root.parts)])
    try:
        return ancestor.samefile(root)
    except OSError:
        return False
