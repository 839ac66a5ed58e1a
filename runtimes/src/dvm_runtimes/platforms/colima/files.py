"""What Colima keeps in files: its home, its profiles, and which folders a profile's VM sees."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from dvm_runtimes.discovery.machine import Machine, is_folder
from dvm_runtimes.errors import InvalidOptionError

DEFAULT = "default"

_PROFILE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Share:
    """A folder of this machine that the VM sees.

    Attributes:
        location: the folder here.
        mount_point: where the VM has it; mostly the same path.
        writable: whether the VM may write to it.
    """

    location: Path
    mount_point: str
    writable: bool


def colima_home(machine: Machine) -> Path:
    """Where Colima keeps its profiles; the order is Colima's own.

    >>> colima_home(Machine(home=Path("/home/ada"), env={"XDG_CONFIG_HOME": "/home/ada/.cfg"}))
    PosixPath('/home/ada/.cfg/colima')
    """
    env = machine.env
    if (given := env.get("COLIMA_HOME")) and is_folder(Path(given)):
        return Path(given)
    old = machine.home / ".colima"
    if is_folder(old):
        return old
    if xdg := env.get("XDG_CONFIG_HOME"):
        return Path(xdg) / "colima"
    new = machine.home / ".config/colima"
    return old if machine.system == "darwin" and not is_folder(new) else new


def is_profile_name(name: str) -> bool:
    """Whether Colima takes it as a profile's name."""
    return _PROFILE.fullmatch(name) is not None and ".." not in name


def short_name(name: str) -> str:
    """``colima-work`` and ``work`` are one profile; ``colima`` is the default one.

    >>> short_name("colima-work"), short_name("colima")
    ('work', 'default')
    """
    return DEFAULT if name == "colima" else name.removeprefix("colima-") or DEFAULT


def profile_names(machine: Machine) -> list[str]:
    """The profiles that have a folder; the default one first. A link is another name for one, not one more."""
    home = colima_home(machine)
    try:
        folders = [entry.name for entry in os.scandir(home) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []  # no Colima here
    return sorted(filter(is_profile_name, folders), key=lambda name: (name != DEFAULT, name))


def asked_profile(machine: Machine) -> str:
    """The profile that ``COLIMA_PROFILE`` names; empty where it names none that could be."""
    name = short_name(machine.env["COLIMA_PROFILE"]) if machine.env.get("COLIMA_PROFILE") else ""
    return name if is_profile_name(name) else ""


def settings_file(machine: Machine, profile: str) -> Path:
    """The profile's settings, as ``colima start --edit`` shows them."""
    return colima_home(machine) / profile / "colima.yaml"


def runtime_of(machine: Machine, profile: str) -> str:
    """What the profile's settings say of its container runtime, as in ``"docker"``; empty when they do not."""
    for line in _lines(settings_file(machine, profile)):
        if match := re.fullmatch(r"runtime:\s*(\S+)", line):
            return _plain(match[1])
    return ""


def shares_of(machine: Machine, profile: str) -> list[Share] | None:
    """The folders that the profile's VM sees; None where its settings cannot be read for certain.

    Without a list, the VM sees the home folder, writable.
    """
    home = Share(machine.home, os.fspath(machine.home), writable=True)
    lines = _lines(settings_file(machine, profile))
    if not lines:
        return None
    inside = False
    found: list[dict[str, str]] = []
    for line in lines:
        if match := re.fullmatch(r"mounts:\s*(.*)", line):
            if match[1] not in ("", "[]", "null", "~"):
                return None  # a form that Colima itself does not write
            inside = True
        elif inside and not line.startswith((" ", "-")):
            break
        elif inside:
            item = line.lstrip()
            if item.startswith("-"):
                found.append({})
                item = item[1:].lstrip()
            key, colon, value = item.partition(":")
            if not colon or not found:
                return None
            found[-1][key.strip()] = _plain(value)
    return [_share(one, machine) for one in found if one.get("location")] or [home]


def path_in_vm(path: Path, field: str, machine: Machine, profile: str) -> str:
    """A real path of this machine as the profile's VM sees it.

    Raises:
        InvalidOptionError: it does not; the hint has the lines that would share it.
    """
    shares = shares_of(machine, profile)
    if shares is None:
        return os.fspath(path)
    for share in shares:
        root = Path(os.path.realpath(share.location))
        if path.is_relative_to(root):
            return os.path.normpath(os.path.join(share.mount_point, path.relative_to(root)))
    seen = ", ".join(os.fspath(share.location) for share in shares)
    folder = path if path.is_dir() else path.parent
    again = "" if profile == DEFAULT else f" {profile}"
    raise InvalidOptionError(
        field,
        os.fspath(path),
        f"the VM of Colima's profile {profile!r} does not see it; it sees {seen}",
        hint=(
            f"Add `- location: {folder}` and `writable: true` below `mounts:` in"
            f" {settings_file(machine, profile)}, besides the folders it has now,"
            f" then `colima stop{again} && colima start{again}`."
        ),
    )


def _share(entry: dict[str, str], machine: Machine) -> Share:
    location = _expanded(entry["location"], machine)
    point = entry.get("mountPoint", "")
    return Share(
        location=Path(location),
        mount_point=_expanded(point, machine) if point else location,
        writable=entry.get("writable", "").lower() == "true",
    )


def _expanded(path: str, machine: Machine) -> str:
    return os.fspath(machine.home) + path[1:] if path == "~" or path.startswith("~/") else path


def _lines(file: Path) -> list[str]:
    """The lines that say something."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []  # a profile that was never started has none
    lines = (re.sub(r"(^|\s)#.*$", "", line).rstrip() for line in text.splitlines())
    return [line for line in lines if line and line != "---"]


def _plain(value: str) -> str:
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value
