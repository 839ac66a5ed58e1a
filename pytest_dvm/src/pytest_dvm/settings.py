"""What the user settled for this run: options, then variables, then the configuration of the project."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

import pytest

AUTO = "auto"
ALL = "all"
VARIABLES = ("DVM_RUNTIME", "DVM_PLATFORM", "CONTAINER_RUNTIME")
KEEP = ("never", "failed", "always")
UNAVAILABLE = ("skip", "fail")
TIMEOUT = 120.0


class Settings(NamedTuple):
    """One run's settings.

    Attributes:
        runtimes: what was asked for, in order; ``("auto",)`` when nothing was.
        image: of workspaces that name none; empty when nothing was settled.
        keep: which function-scoped workspaces stay: ``never``, ``failed`` (of tests that failed) or ``always``.
        unavailable: what becomes of a test whose engine does not answer: ``skip`` or ``fail``.
        timeout: seconds for a start with its wait, and for a command that is given no limit of its own.
    """

    runtimes: tuple[str, ...] = (AUTO,)
    image: str = ""
    keep: str = "never"
    unavailable: str = "skip"
    timeout: float = TIMEOUT


def add_options(parser: pytest.Parser) -> None:
    """Declare the options, and for each an ini setting of the same name with underscores."""
    group = parser.getgroup("dvm", "container workspaces")

    def add(name: str, text: str, **kwargs: object) -> None:
        group.addoption(name, default=None, help=text, **kwargs)
        ini = name.removeprefix("--").replace("-", "_")
        parser.addini(ini, f"default of {name}", default="")

    add(
        "--dvm-runtime",
        "the runtime to use; with several, every test that uses a workspace runs once on each; 'all' means every "
        "reachable one. Before the ini setting come DVM_RUNTIME and CONTAINER_RUNTIME",
        metavar="NAME[,NAME...]",
    )
    add("--dvm-image", "the image of workspaces that name none", metavar="IMAGE")
    add("--dvm-keep", "keep workspaces of no test, of failed tests, or of all (default: never)", choices=KEEP)
    add(
        "--dvm-unavailable",
        "what becomes of tests whose engine does not answer (default: skip)",
        choices=UNAVAILABLE,
    )
    add(
        "--dvm-timeout",
        f"seconds for a start, and for a command without a limit of its own (default: {TIMEOUT:g})",
        metavar="SECONDS",
    )


def read(config: pytest.Config, env: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this run.

    Raises:
        pytest.UsageError: naming the setting and the value.
    """

    def value(name: str, default: str = "") -> str:
        given = config.getoption(f"--dvm-{name}", default=None)
        return str(given or config.getini(f"dvm_{name}") or default).strip()

    asked = config.getoption("--dvm-runtime", default=None)
    asked = asked or next((env[key] for key in VARIABLES if env.get(key, "").strip()), "")
    runtimes = runtime_names(str(asked or config.getini("dvm_runtime") or AUTO))
    return Settings(
        runtimes=runtimes,
        image=value("image"),
        keep=_choice("dvm_keep", value("keep", "never"), KEEP),
        unavailable=_choice("dvm_unavailable", value("unavailable", "skip"), UNAVAILABLE),
        timeout=_seconds(value("timeout", str(TIMEOUT))),
    )


def runtime_names(text: str) -> tuple[str, ...]:
    """The names in ``"docker, podman"``, each once.

    >>> runtime_names("docker, podman,docker")
    ('docker', 'podman')
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if ALL in names:
        return (ALL,)
    return names or (AUTO,)


def _choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise pytest.UsageError(f"{name}={value!r}: must be one of {', '.join(choices)}")
    return value


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise pytest.UsageError(f"dvm_timeout={text!r}: must be a positive number of seconds")
    return seconds
