"""The user's configuration and state folders.

The rules are those of platformdirs, which the tests compare with. It is not
used itself because importing it takes longer than starting a reaper.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from dvm_runtimes.discovery.machine import Machine
from dvm_runtimes.errors import DvmError

from .home import NO_HOME


def config_folder(machine: Machine) -> Path:
    """The folder of the configuration file.

    >>> config_folder(Machine(home=Path("/home/ada")))
    PosixPath('/home/ada/.config/dvm')
    """
    return _folder(machine, "XDG_CONFIG_HOME", ".config")


def state_folder(machine: Machine | None = None) -> Path:
    """The folder of files that outlive a process and a power cut.

    Without a home folder that this user can write to, it is below
    ``XDG_RUNTIME_DIR``, else below ``TMPDIR``.

    Args:
        machine: a made-up machine, whose folders are not looked at; default this one.

    Raises:
        DvmError: the folder below ``TMPDIR`` belongs to another user.

    >>> state_folder(Machine(home=Path("/home/ada")))
    PosixPath('/home/ada/.local/state/dvm')
    """
    if machine is not None:
        return _folder(machine, "XDG_STATE_HOME", ".local/state")
    machine = Machine.this()
    usual = _folder(machine, "XDG_STATE_HOME", ".local/state")
    named = Path(machine.env.get("XDG_STATE_HOME", "")).is_absolute()
    if named or machine.system == "windows" or (machine.home != NO_HOME and _can_be_written(usual)):
        return usual
    runtime = Path(machine.env.get("XDG_RUNTIME_DIR", ""))
    if runtime.is_absolute() and _can_be_written(runtime):
        return runtime / "dvm"
    return _temporary_folder(machine.uid)


def _can_be_written(folder: Path) -> bool:
    """Whether the folder can be written to, or created."""
    while not folder.exists():
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _temporary_folder(uid: int) -> Path:
    import tempfile  # slow to load, and rarely needed

    folder = Path(tempfile.gettempdir()) / f"dvm-{uid}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    # Everybody may create folders there: what another user has made could be changed by them.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o022:
        raise DvmError(
            f"{folder} belongs to another user, or others may write to it",
            hint="Delete it, or set XDG_STATE_HOME to a folder of your own.",
        )
    return folder


def _folder(machine: Machine, variable: str, usual: str) -> Path:
    if machine.system == "windows":
        local = machine.env.get("LOCALAPPDATA")
        base = Path(local) if local else machine.home / "AppData" / "Local"
    elif Path(machine.env.get(variable, "")).is_absolute():
        base = Path(machine.env[variable])
    elif machine.system == "darwin":
        base = machine.home / "Library" / "Application Support"
    else:
        base = machine.home / usual
    return base / "dvm"
