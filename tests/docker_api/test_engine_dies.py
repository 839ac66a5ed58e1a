"""An engine that dies in the middle of a call: one typed error, soon, and the same object works after its restart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engines.fixtures import start
from tests.engines.registry import every_kind
from tests.engines.subjects import runtime_on

from dvm_runtimes.engines.docker_api.engine import DockerEngine
from dvm_runtimes.errors import DvmError, RuntimeUnavailableError
from dvm_runtimes.infos import WorkspaceStatus

from . import dying
from .dying import LIMIT, Call

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine


@pytest.fixture(scope="module", params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> Iterator[RunningEngine]:
    """An engine of this module alone, which is killed and started again by each test."""
    engine = start(every_kind()[request.param])
    yield engine
    engine.end()


@pytest.mark.parametrize("call", dying.CALLS)
def test_the_engine_is_killed_in_the_middle(engine: RunningEngine, tmp_path: Path, call: Call) -> None:
    """`RuntimeUnavailableError` with the start hint; the next call after the restart works."""
    began = threading.Event()
    ended: list[DvmError] = []
    with runtime_on(engine.kind.runtime, engine.machine()) as runtime:
        assert isinstance(runtime.engine, DockerEngine)
        scene = dying.scene(runtime, engine.image, tmp_path, began.set)
        thread = dying.begin(call, scene, ended)
        assert began.wait(LIMIT)
        engine.kill()
        try:
            thread.join(LIMIT)
            assert not thread.is_alive()
            (error,) = ended
            assert isinstance(error, RuntimeUnavailableError), error
            assert runtime.engine.profile.hints.start
            # A start that had made a container says besides what becomes of it.
            assert error.hint.startswith(runtime.engine.profile.hints.start)
            with pytest.raises(RuntimeUnavailableError, match="not running"):
                runtime.list_workspaces(timeout=LIMIT)
        finally:
            engine.start()

        assert runtime.get_workspace_status(scene.workspace, timeout=LIMIT) in set(WorkspaceStatus)
        assert scene.workspace in [info.id for info in runtime.list_workspaces(timeout=LIMIT)]
