"""Platforms that other packages bring."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dvm_runtimes import plugins
from dvm_runtimes.discovery.detection import detect_platforms
from dvm_runtimes.discovery.doctor import examine
from dvm_runtimes.discovery.factory import create_runtime

from .made_up import PATIENT, MadeUp

ACME = """
from dvm_runtimes import plugins
from dvm_runtimes.infos import Platform
from dvm_runtimes.engines.mock import MockRuntime
from dvm_runtimes.plugins import PlatformProvider, Probe, hookimpl

class AcmeProvider(PlatformProvider):
    name = "NAME"
    aliases = ("acme-engine",)
    windows = True

    def find(self, machine):
        return [self.select(machine, "")]

    def select(self, machine, profile):
        return Platform("NAME", "Acme Engine", "acme://here", profile, rank=5, selector="NAME")

    def probe(self, platform, machine, timeout):
        return Probe(version="7")

    def install_hint(self, machine):
        return "Ask Acme."

    def create(self, platform, machine, **overrides):
        return MockRuntime()

@hookimpl
def dvm_platforms():
    return [AcmeProvider()]
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a package with this module and its entry point where Python looks for packages."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(plugins, "_loaded", None)
    made: list[str] = []

    def install(name: str, text: str) -> None:
        (tmp_path / f"{name}_dvm.py").write_text(textwrap.dedent(text))
        info = tmp_path / f"{name}_dvm-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-dvm\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[dvm_runtimes]\n{name} = {name}_dvm\n")
        made.append(f"{name}_dvm")

    yield install
    for module in made:
        sys.modules.pop(module, None)


def test_the_built_in_ones() -> None:
    found = plugins.find_plugins()

    assert {"docker", "orbstack", "podman", "colima", "mock"} <= set(found.providers)
    assert found.broken == ()
    for name, provider in found.providers.items():
        assert provider.name == name
        assert provider.aliases is not None


def test_another_package_s_platform(install: Install, linux: MadeUp) -> None:
    install("acme", ACME.replace("NAME", "acme"))

    assert list(plugins.providers())[-1] == "acme"
    first = detect_platforms(linux.machine, timeout=PATIENT)[0]
    assert (first.selector, first.version, first.active) == ("acme", "7", True)
    for name in ("acme", "acme-engine", "acme:work"):
        with create_runtime(name) as runtime:
            assert runtime.runtime_type == "mock"
    assert "Acme Engine (acme)" in [check.topic for check in examine(machine=linux.machine, timeout=PATIENT).checks]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 / 0", "cannot be loaded: ZeroDivisionError: division by zero"),
        ("import no_such_module_at_all", "cannot be loaded: ModuleNotFoundError"),
        (
            "from dvm_runtimes.plugins import hookimpl\n@hookimpl\ndef dvm_platforms():\n    raise OSError('no')\n",
            "its dvm_platforms() failed: OSError: no",
        ),
        (
            "from dvm_runtimes.plugins import hookimpl\n@hookimpl\ndef dvm_platforms():\n    return None\n",
            "its dvm_platforms() failed: TypeError",
        ),
        (
            "from dvm_runtimes.plugins import hookimpl\n@hookimpl\ndef dvm_platforms():\n    return ['x']\n",
            "'x' is no PlatformProvider",
        ),
        (ACME.replace("NAME", "docker"), "the name 'docker' is taken"),
    ],
    ids=["raises", "imports nothing", "hook raises", "hook gives nothing", "hook gives words", "takes a name"],
)
def test_a_broken_plugin_keeps_nobody_from_working(install: Install, linux: MadeUp, text: str, problem: str) -> None:
    install("good", ACME.replace("NAME", "good"))
    install("bad", text)

    found = plugins.find_plugins()

    assert "good" in found.providers
    assert found.providers["docker"].__class__.__module__ == "dvm_runtimes.platforms.docker.provider"
    (broken,) = found.broken
    assert broken.name == "bad"
    assert broken.problem.startswith(problem)
    (warning,) = [check for check in examine(machine=linux.machine).checks if check.state == "warning"]
    assert warning.topic == "plugin bad"


def test_a_provider_that_cannot_look_hides_nobody(install: Install, linux: MadeUp) -> None:
    install(
        "acme", ACME.replace("NAME", "acme").replace('return [self.select(machine, "")]', "raise OSError('no disk')")
    )
    linux.live("/var/run/docker.sock")

    found = {one.type: one for one in detect_platforms(linux.machine, timeout=PATIENT)}

    assert found["docker"].active
    assert found["acme"].problem == "could not be looked for: no disk"
    assert not found["acme"].reachable
