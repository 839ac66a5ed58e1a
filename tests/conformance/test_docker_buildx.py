"""Builds with ``docker buildx`` pass the same suite as those of the engine's classic builder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.engines.debian_tree import TRIXIE
from tests.engines.subjects import subject_on

from dvm_runtimes.testing import Subject, TestBuild

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines

__all__ = ["TestBuild"]


@pytest.fixture(scope="module")
def subject(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    # The engine of Debian 13, whose buildx it is.
    engine = engines.get("docker-26.1")
    plugins = tmp_path_factory.mktemp("docker") / "cli-plugins"
    plugins.mkdir()
    (plugins / "docker-buildx").symlink_to(TRIXIE.path / "usr/libexec/docker/cli-plugins/docker-buildx")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_CONFIG", str(plugins.parent))
        with subject_on(engine) as subject:
            yield subject
