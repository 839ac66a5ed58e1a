"""Two products up together: each has its own workspaces, and all of them can be seen at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .process import Dvm

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines


@pytest.fixture
def both(engines: Engines, tmp_path: Path) -> Dvm:
    """The command beside a Docker Engine and a Podman."""
    docker, podman = engines.get("docker"), engines.get("podman")
    return Dvm({**docker.environment(), **podman.environment(), "DOCKER_HOST": docker.endpoint}, tmp_path)


def test_each_sees_its_own_and_all_shows_both(both: Dvm, engines: Engines) -> None:
    name = both.name()
    made = {}
    try:
        for kind in ("docker", "podman"):
            up = both("--runtime", kind, "up", name, "--image", engines.get(kind).image, "--json").document()
            assert (up["runtime"], up["name"]) == (kind, f"dvm-{name}")
            made[kind] = up["id"]

        for kind in ("docker", "podman"):
            assert both("--runtime", kind, "status", name, "--json").document()["id"] == made[kind]
            ours = [one["id"] for one in both("--runtime", kind, "ls", "--json").document() if one["workspace"] == name]
            assert ours == [made[kind]]
        everywhere = both("ls", "--runtime", "all", "--json").document()
        assert {one["runtime"]: one["id"] for one in everywhere if one["workspace"] == name} == made

        found = {one["type"]: one for one in both("platforms", "--json").document()}
        assert found["docker"]["reachable"]
        assert found["podman"]["reachable"]
        assert both("ls", "--json").document()[0]["runtime"] == "docker", "which comes before Podman"
    finally:
        for kind in made:
            both("--runtime", kind, "rm", "-f", name)
