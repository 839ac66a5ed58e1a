"""The user's configuration and state folders.

The rules are those of platformdirs, which the tests compare with. It is not
used itself because importing it takes longer than starting a reaper.
"""

from __future__ import annotations

from pathlib import Path

from dvm_runtimes.discovery.machine import Machine


def config_folder(machine: Machine) -> Path:
    """The folder of the configuration file.

    >>> config_folder(Machine(home=Path("/home/ada")))
    PosixPath('/home/ada/.config/dvm')
    """
    return _folder(machine, "XDG_CONFIG_HOME", ".config")


def state_folder(machine: Machine | None = None) -> Path:
    """The folder of files that outlive a process and a power cut.

    >>> state_folder(Machine(home=Path("/home/ada")))
    PosixPath('/home/ada/.local/state/dvm')
    """
    return _folder(machine or Machine.this(), "XDG_STATE_HOME", ".local/state")


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
