"""An engine that stops in the middle of a call: one typed error, soon, and the same object works after its restart."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dvm_runtimes.docker_api.engine import DockerEngine
from dvm_runtimes.errors import DvmError, RuntimeUnavailableError
from dvm_runtimes.infos import WorkspaceStatus
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions, ExecOptions, StartOptions
from dvm_runtimes.waiting import LogLine
from dvm_runtimes.workspaces import EngineRuntime

from .conftest import LIMIT, runtime_at

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine

Began = Callable[[], object]
Call = Callable[[EngineRuntime, str, str, Path, Began], object]


def run_command(runtime: EngineRuntime, image: str, workspace: str, folder: Path, began: Began) -> None:
    options = ExecOptions(on_stdout=lambda piece: began())
    runtime.exec_in_workspace(workspace, ["sh", "-c", "echo began; sleep 600"], options, timeout=LIMIT)


def follow_log(runtime: EngineRuntime, image: str, workspace: str, folder: Path, began: Began) -> None:
    for _ in runtime.workspace_logs(workspace, follow=True, timeout=LIMIT):
        began()


def wait_until_ready(runtime: EngineRuntime, image: str, workspace: str, folder: Path, began: Began) -> None:
    options = StartOptions(image_name=image, workspace_name="never-ready", ready=LogLine("^never$"))
    runtime.start_workspace(options, lambda event: began() if "Waiting" in event.step else None, timeout=LIMIT)


def stop(runtime: EngineRuntime, image: str, workspace: str, folder: Path, began: Began) -> None:
    stubborn = runtime.start_workspace(
        StartOptions(
            image_name=image,
            workspace_name="stubborn",
            command=["sh", "-c", "trap '' TERM; echo ready; while true; do sleep 1; done"],
            ready=LogLine("^ready$"),
        ),
        timeout=LIMIT,
    )
    threading.Timer(0.5, began).start()
    runtime.stop_workspace(stubborn, grace=60, timeout=LIMIT)


def copy_in(runtime: EngineRuntime, image: str, workspace: str, folder: Path, began: Began) -> None:
    def endless() -> Iterator[bytes]:
        import tarfile

        member = tarfile.TarInfo("big")
        member.size = 1 << 40
        yield member.tobuf()
        while True:
            yield bytes(65536)
            began()

    engine = runtime.engine
    with Operation("copy_to_workspace", timeout=LIMIT, platform=engine.platform_name) as op:
        engine.put_archive(op, workspace, "/tmp", endless())


def copy_out(runtime: EngineRuntime, image: str, workspace: str, folder: Path, began: Began) -> None:
    runtime.exec_in_workspace(workspace, ["sh", "-c", "head -c 300000000 /dev/zero > /big"], timeout=LIMIT)
    engine = runtime.engine
    with Operation("copy_from_workspace", timeout=LIMIT, platform=engine.platform_name) as op:
        pieces: Iterable[bytes] = engine.get_archive(op, workspace, "/big")
        taken = io.BytesIO()
        for piece in pieces:
            taken.write(piece[:1])
            began()
            time.sleep(0.05)  # slower than the engine, so that there is a middle


def build(runtime: EngineRuntime, image: str, workspace: str, folder: Path, began: Began) -> None:
    (folder / "Dockerfile").write_text(f"FROM {image}\nRUN echo began; sleep 600\n")
    options = BuildOptions(image_name="dvm-test/dies:1", app_path=folder)
    runtime.build_image(options, lambda event: began() if event.message == "began" else None, timeout=LIMIT)


@pytest.mark.parametrize("call", [run_command, follow_log, wait_until_ready, stop, copy_in, copy_out, build])
def test_the_engine_is_killed_in_the_middle(private_docker_engine: RunningEngine, tmp_path: Path, call: Call) -> None:
    """`RuntimeUnavailableError` with the start hint; the next call after the restart works."""
    began = threading.Event()
    ended: list[DvmError] = []
    with runtime_at(private_docker_engine.endpoint) as runtime:
        image = private_docker_engine.image
        workspace = runtime.start_workspace(
            StartOptions(image_name=image, workspace_name="dies", command=["sh", "-c", "echo hello; sleep 600"]),
            timeout=LIMIT,
        )

        def run() -> None:
            try:
                call(runtime, image, workspace, tmp_path, began.set)
            except DvmError as error:
                ended.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        assert began.wait(LIMIT)
        private_docker_engine.kill()
        thread.join(LIMIT)
        assert not thread.is_alive()
        (error,) = ended
        assert isinstance(error, RuntimeUnavailableError), error
        assert "systemctl start docker" in error.hint
        with pytest.raises(RuntimeUnavailableError, match="not running"):
            runtime.list_workspaces(timeout=LIMIT)

        private_docker_engine.start()
        assert runtime.get_workspace_status(workspace, timeout=LIMIT) in set(WorkspaceStatus)
        assert isinstance(runtime.engine, DockerEngine)
        assert workspace in [info.id for info in runtime.list_workspaces(timeout=LIMIT)]
