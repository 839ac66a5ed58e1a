"""What the user has settled for every run: one TOML file in the user's configuration folder.

# ~/.config/dvm/config.toml
runtime = "podman"
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InvalidOptionError
from .provider import Machine

KNOWN = ("runtime",)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one user.

    Attributes:
        file: where they are kept, whether it exists or not.
        runtime: what is used when no runtime is asked for, as in ``"podman"``, ``"colima:work"`` or ``"auto"``.
        unknown: keys that mean nothing, for `dvm_runtimes.doctor` to tell.
    """

    file: Path
    runtime: str = "auto"
    unknown: tuple[str, ...] = ()


def config_file(machine: Machine) -> Path:
    """Where the user's settings are, as platformdirs has it, on a machine that may be made up.

    >>> config_file(Machine(home=Path("/home/ada")))
    PosixPath('/home/ada/.config/dvm/config.toml')
    """
    if machine.system == "windows":
        local = machine.env.get("LOCALAPPDATA")
        base = Path(local) if local else machine.home / "AppData" / "Local"
    elif Path(machine.env.get("XDG_CONFIG_HOME", "")).is_absolute():
        base = Path(machine.env["XDG_CONFIG_HOME"])
    elif machine.system == "darwin":
        base = machine.home / "Library" / "Application Support"
    else:
        base = machine.home / ".config"
    return base / "dvm" / "config.toml"


def load_config(machine: Machine | None = None) -> Config:
    """The user's settings; the defaults where there is no file.

    Raises:
        InvalidOptionError: the file cannot be read, is no TOML, or has a value of the wrong kind.
    """
    file = config_file(machine or Machine.this())
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return Config(file)
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        raise InvalidOptionError("configuration file", str(file), problem, hint="Mend it, or remove it.") from None
    import tomllib

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidOptionError(
            "configuration file", str(file), f"is not TOML: {error}", hint="Mend it, or remove it."
        ) from None
    return Config(file, _runtime(values, file), tuple(key for key in values if key not in KNOWN))


def _runtime(values: dict[str, Any], file: Path) -> str:
    runtime = values.get("runtime", "auto")
    if not isinstance(runtime, str):
        raise InvalidOptionError("runtime", runtime, f'must be a string such as "docker", in {file}')
    return runtime.strip() or "auto"
