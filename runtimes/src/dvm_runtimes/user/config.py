"""The configuration file: TOML, in the user's configuration folder.

# ~/.config/dvm/config.toml
runtime = "podman"
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.errors import InvalidOptionError

from .folders import config_folder

KNOWN = ("runtime",)


class Config(NamedTuple):
    """The settings of one user.

    Attributes:
        file: the configuration file, which need not exist.
        runtime: the default runtime, as in ``"podman"``, ``"colima:work"`` or ``"auto"``.
        unknown: unknown keys, which `dvm_runtimes.discovery.doctor` reports.
    """

    file: Path
    runtime: str = "auto"
    unknown: tuple[str, ...] = ()


def config_file(machine: Machine) -> Path:
    """The path of the configuration file, as in ``~/.config/dvm/config.toml``."""
    return config_folder(machine) / "config.toml"


def load_config(machine: Machine | None = None) -> Config:
    """Read the settings; the defaults if there is no file.

    Raises:
        InvalidOptionError: the file cannot be read, is not TOML, or has a value of the wrong type.
    """
    file = config_file(machine or Machine.this())
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return Config(file)
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        raise InvalidOptionError("configuration file", str(file), problem, hint="Fix the file or delete it.") from None
    import tomllib

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidOptionError(
            "configuration file", str(file), f"is not TOML: {error}", hint="Fix the file or delete it."
        ) from None
    return Config(file, _runtime(values, file), tuple(key for key in values if key not in KNOWN))


def _runtime(values: dict[str, Any], file: Path) -> str:
    runtime = values.get("runtime", "auto")
    if not isinstance(runtime, str):
        raise InvalidOptionError("runtime", runtime, f'must be a string such as "docker", in {file}')
    return runtime.strip() or "auto"
