"""Starts Podman's API service if nothing serves its socket: Podman itself needs no daemon."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.errors import RuntimeUnavailableError

IDLE = 3600
"""Seconds without a call after which the service ends by itself."""

_FOLDERS = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")
_LOG = "dvm-podman.log"

# sd_listen_fds(3): the socket is number 3, and the process is the one that is meant. It is no child of this process,
# which would have to wait for it.
_HAND_OVER = """\
exec 3<&0 0</dev/null
sh -c 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"' "$0" "$@" &
"""


def podman_program(machine: Machine) -> str:
    """Where Podman's command is; empty where it is not installed."""
    folders = machine.env.get("PATH", "").split(os.pathsep) if machine.env.get("PATH") else _FOLDERS
    below = (os.fspath(machine.path(folder)) for folder in folders if folder.startswith("/"))
    import shutil  # slow to load

    return shutil.which("podman", path=os.pathsep.join(below)) or ""


def listens(path: Path) -> bool:
    """Whether a process serves the socket; True if this user may not use it."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except (BlockingIOError, PermissionError):
            return True
        except OSError:
            return False
    return True


def ensure_service(path: Path, machine: Machine, platform: str) -> None:
    """Let Podman serve the socket at ``path``, if nothing serves it.

    The socket is created here and passed on, as systemd does: clients may connect before the service is up.

    Raises:
        RuntimeUnavailableError: the socket cannot be made there.
    """
    program = podman_program(machine)
    if not program or listens(path):
        return
    import subprocess  # slow to load, and not needed where the service runs

    try:
        # `parents=True` alone would give those of its own making the default mode.
        path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with _alone(path):
            # Another process may have been faster.
            if not listens(path):
                _start(program, path, machine)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeUnavailableError(
            f"{platform} is not running, and its service cannot be started at {path}",
            hint=f"Start it yourself: `podman system service --time=0 unix://{path}`.",
            platform=platform,
            operation="create_runtime",
            detail=getattr(error, "strerror", None) or str(error),
        ) from error


def service_errors(path: Path) -> str:
    """The error output of the service that was started for ``path``."""
    try:
        return path.with_name(_LOG).read_text(errors="replace").strip()
    except OSError:
        return ""  # it was not started here, or it is somebody else's


def _start(program: str, path: Path, machine: Machine) -> None:
    import subprocess

    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, path.with_name(_LOG).open("wb") as log:
        listener.bind(os.fspath(path))
        path.chmod(0o600)
        listener.listen(128)
        subprocess.run(
            ["/bin/sh", "-c", _HAND_OVER, program, "system", "service", f"--time={IDLE}"],
            stdin=listener.fileno(),
            stdout=log,
            stderr=log,
            # It serves other processes too, and outlives this one.
            start_new_session=True,
            env={**machine.env, "PATH": machine.env.get("PATH", os.defpath)},
            cwd="/",
            check=True,
        )


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Within the block no other process of DVM starts a service there."""
    from dvm_runtimes.user.locking import locked

    with locked(path.with_name("dvm-podman.lock")):
        yield
