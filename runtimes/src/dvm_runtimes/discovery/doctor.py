"""`examine`: everything that decides whether workspaces can run on this machine, with a fix for each problem."""

from __future__ import annotations

import dataclasses
import platform as interpreter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from dvm_runtimes import __version__
from dvm_runtimes.errors import DvmError
from dvm_runtimes.infos import Platform
from dvm_runtimes.plugins import load_plugins
from dvm_runtimes.user.config import config_file, load_config
from dvm_runtimes.user.context import context_file, load_context

from .choice import AUTO, Candidate, Choice, choose, place_of, platform_of
from .detection import (
    NamedPlatform,
    Sighting,
    ask_all,
    explicit_platform,
    first_reachable,
    look,
    nothing_answers,
    sighting_of,
)
from .machine import exists
from .probing import PATIENT
from .provider import NEVER, Machine

OK = "ok"
NOTE = "note"
WARNING = "warning"
PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One fact that was checked.

    Attributes:
        topic: the subject, as in ``"configuration"`` or ``"Docker Desktop"``.
        state: ``"ok"``, ``"note"`` (unused, and no problem), ``"warning"`` or ``"problem"``.
        text: the result, in one line.
        hint: what to do about it; may be empty.
    """

    topic: str
    state: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of `examine`.

    Attributes:
        version: DVM's own.
        python: the interpreter's version.
        system: ``"linux"``, ``"darwin"`` or ``"windows"``.
        asked: the runtime that is asked for, as in ``"auto"`` or ``"colima:work"``; empty if that is unknown.
        source: where the name is from: ``"runtime"``, a variable, a file; may be empty.
        used: the platform in use; None if there is none.
        platforms: every platform, in the order of ``auto``.
        checks: the most basic first.
    """

    version: str
    python: str
    system: str
    asked: str
    source: str
    used: Platform | None
    platforms: tuple[Platform, ...]
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not any(check.state == PROBLEM for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data, with the names of the attributes, and ``ok``."""
        return {
            "ok": self.ok,
            "version": self.version,
            "python": self.python,
            "system": self.system,
            "asked": self.asked,
            "source": self.source,
            "used": None if self.used is None else self.used.to_dict(),
            "platforms": [one.to_dict() for one in self.platforms],
            "checks": [asdict(check) for check in self.checks],
        }


def examine(which: str = AUTO, machine: Machine | None = None, *, timeout: float = PATIENT) -> Report:
    """Check everything that decides whether workspaces can run on this machine. Raises no error of its own.

    Args:
        which: a runtime, as for `create_runtime`.
        machine: another machine than this, for tests.
        timeout: seconds for all platforms together.
    """
    machine = machine or Machine.this()
    plugins = load_plugins()
    sightings = look(machine, timeout)
    checks = [Check("dvm", OK, f"{__version__} on Python {interpreter.python_version()}"), _configuration(machine)]
    checks += [Check(f"plugin {one.name}", WARNING, one.problem, "Update or remove it.") for one in plugins.broken]
    choice: Choice | None = None
    used: Sighting | None = None
    found = True
    try:
        choice = choose(which, machine, plugins.providers)
        named = explicit_platform(machine) if choice.automatic else None
        checks.append(_asked(choice, named))
        used = _used(choice, named, sightings, machine, timeout)
        if used is not None and all(place_of(one.platform) != place_of(used.platform) for one in sightings):
            sightings = [used, *sightings]
    except DvmError as error:
        checks.append(Check("runtime", PROBLEM, error.message, error.hint))
        found = False
    platforms = [_marked(one, used) for one in sightings]
    checks += [_platform(one, used, choice) for one in sightings]
    if found:
        checks += _outcome(used, sightings, machine)
    checks.append(_context())
    return Report(
        version=__version__,
        python=interpreter.python_version(),
        system=machine.system,
        asked=str(choice or ""),
        source=choice.source if choice else "",
        used=None if used is None else _marked(used, used),
        platforms=tuple(platforms),
        checks=tuple(checks),
    )


def _configuration(machine: Machine) -> Check:
    file = config_file(machine)
    try:
        config = load_config(machine)
    except DvmError as error:
        return Check("configuration", PROBLEM, error.message, error.hint)
    if config.unknown:
        keys = ", ".join(repr(key) for key in config.unknown)
        return Check("configuration", WARNING, f"{file} has unknown keys: {keys}", "Remove them.")
    return Check("configuration", OK, str(file) if exists(file) else f"none (it would be {file})")


def _asked(choice: Choice, named: NamedPlatform | None) -> Check:
    if named is not None:
        return Check("runtime", OK, f"{choice}, the engine that {named.source} names")
    if choice.source in ("", "runtime"):
        return Check("runtime", OK, f"{choice}, the first that answers" if choice.automatic else str(choice))
    return Check("runtime", OK, f"{choice}, from {choice.source}")


def _used(
    choice: Choice, named: NamedPlatform | None, sightings: list[Sighting], machine: Machine, timeout: float
) -> Sighting | None:
    wanted: Candidate
    if named is not None:
        wanted = named.candidate
    elif choice.automatic:
        return first_reachable(sightings)
    else:
        wanted = platform_of(choice, machine, load_plugins().providers)
    return sighting_of(wanted, sightings) or ask_all([wanted], machine, timeout)[0]


def _marked(sighting: Sighting, used: Sighting | None) -> Platform:
    return dataclasses.replace(sighting.platform, active=sighting is used and sighting.platform.reachable)


def _platform(one: Sighting, used: Sighting | None, choice: Choice | None) -> Check:
    platform = one.platform
    topic = f"{platform.name} ({platform.selector or platform.type})"
    where = f"at {platform.endpoint}" if platform.endpoint else ""
    if one is used:
        if platform.reachable:
            return Check(topic, OK, f"in use: {platform.version} {where}".strip())
        return Check(topic, PROBLEM, f"asked for, but {platform.problem}", platform.hint)
    if not platform.reachable:
        return Check(topic, NOTE, platform.problem, platform.hint)
    return Check(topic, NOTE, f"answers ({platform.version}); {_why_not(one, used, choice)}", _how(platform))


def _why_not(one: Sighting, used: Sighting | None, choice: Choice | None) -> str:
    if choice is not None and not choice.automatic:
        return f"not in use, for {choice} is asked for"
    if not one.provider.automatic or one.platform.rank >= NEVER:
        return "used only if asked for"
    return f"not in use, for {used.platform.name} comes first" if used else "not in use"


def _how(platform: Platform) -> str:
    return f"`--runtime {platform.selector or platform.type}` uses it."


def _outcome(used: Sighting | None, sightings: list[Sighting], machine: Machine) -> Iterator[Check]:
    if used is None:
        error = nothing_answers(sightings)
        found = any(one.eligible for one in sightings)
        yield Check("engine", PROBLEM, "no container engine answers on this machine", error.hint if found else "")
        if not found:
            yield from _installable(machine)
    elif used.platform.reachable:
        yield from _abilities(used, machine)


def _installable(machine: Machine) -> Iterator[Check]:
    for provider in load_plugins().providers.values():
        if provider.automatic and (hint := provider.install_hint(machine)):
            yield Check(f"install {provider.name}", NOTE, "can be installed", hint)


def _abilities(used: Sighting, machine: Machine) -> Iterator[Check]:
    """Whether a runtime can be created for the engine, and what the engine cannot do."""
    try:
        with used.provider.create(used.platform, machine) as runtime:
            missing = {name: why for name, why in runtime.capabilities.to_dict().items() if why is not True}
    except DvmError as error:
        yield Check("engine", PROBLEM, error.message, error.hint)
        return
    yield Check("engine", OK, f"{used.platform.name} works")
    for name, why in missing.items():
        yield Check("engine", NOTE, f"no {name.replace('_', ' ')}: {why}")


def _context() -> Check:
    try:
        context = load_context()
    except DvmError as error:
        return Check("context", PROBLEM, error.message, error.hint)
    if not context.app and not context.workspace:
        return Check("context", OK, "none; the current folder's workspace is the default")
    return Check("context", OK, f"app {context.app or '-'}, workspace {context.workspace or '-'} ({context_file()})")
