"""The mock: an engine in this process's memory, always there, chosen only by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dvm_runtimes.discovery.provider import Machine, PlatformProvider, Probe
from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.infos import Platform
from dvm_runtimes.validation.naming import check_container_name

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime

VERSION = "mock"


class MockProvider(PlatformProvider):
    """``mock`` is a fresh engine each time; ``mock:NAME`` is one that this process shares by that name."""

    name = "mock"
    automatic = False
    windows = True

    def find(self, machine: Machine) -> list[Platform]:
        return [_platform("")]

    def select(self, machine: Machine, profile: str) -> Platform:
        return _platform(check_container_name(profile, "runtime") if profile else "")

    def at(self, machine: Machine, endpoint: str) -> Platform:
        return self.select(machine, endpoint.removeprefix("mock://"))

    def probe(self, platform: Platform, machine: Machine, timeout: float) -> Probe:
        return Probe(version=VERSION)

    def install_hint(self, machine: Machine) -> str:
        return "It is part of DVM and always there: choose it with `--runtime mock`."

    def create(self, platform: Platform, machine: Machine, **overrides: Any) -> ContainerRuntime:
        from dvm_runtimes.engines.mock import MockRuntime

        overrides.pop("timeout", None)  # it answers at once
        for key, value in overrides.items():
            raise InvalidOptionError(key, value, "the mock takes no options of its own")
        return MockRuntime(platform.profile)


def _platform(profile: str) -> Platform:
    return Platform(
        type="mock",
        name=f"Mock ({profile})" if profile else "Mock",
        endpoint=f"mock://{profile}",
        profile=profile,
        selector=f"mock:{profile}" if profile else "mock",
    )
