"""What is each product's own, on real engines where that product has its socket."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engines.subjects import runtime_on

from dvm_runtimes.discovery.detection import detect_platforms
from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.options import StartOptions

from .made_up import PATIENT

if TYPE_CHECKING:
    from tests.engines.fixtures import Engines
    from tests.engines.registry import RunningEngine

    from dvm_runtimes.runtime import ContainerRuntime


@contextmanager
def workspace_on(engine: RunningEngine, **options: object) -> Iterator[tuple[ContainerRuntime, str]]:
    """A workspace on the engine, through the platform's own file."""
    which = engine.kind.which or engine.kind.runtime
    with runtime_on(which, engine.machine()) as runtime:
        asked = StartOptions(image_name=engine.image, workspace_name=f"own-{uuid.uuid4().hex[:8]}", **options)  # type: ignore[arg-type]
        workspace = runtime.start_workspace(asked)
        try:
            yield runtime, workspace
        finally:
            runtime.remove_workspace(workspace, force=True)


def said(runtime: ContainerRuntime, workspace: str, command: str) -> str:
    result = runtime.exec_in_workspace(workspace, ["sh", "-c", command])
    assert result.exit_code == 0, result
    return result.stdout.decode().strip()


@pytest.mark.parametrize(
    "kind", ["docker", "docker-tls", "docker-ssh", "podman", "podman-rootless", "orbstack", "colima"]
)
def test_it_is_found_by_its_own_name(engines: Engines, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engines.get(kind)
    # With it comes the ssh that knows the engine's key.
    monkeypatch.setenv("PATH", engine.environment()["PATH"])

    found = {one.endpoint: one for one in detect_platforms(engine.machine(), timeout=PATIENT)}[engine.endpoint]

    assert (found.type, found.reachable, found.version) == (engine.kind.runtime, True, engine.version)


def test_files_of_a_rootless_podman_are_its_user_s(engines: Engines) -> None:
    """Who works inside is who owns the engine, and what is made there belongs to that very user outside."""
    engine = engines.get("podman-rootless")
    owner = Path(engine.endpoint.removeprefix("unix://")).stat().st_uid
    assert owner != 0

    with workspace_on(engine, app_path=engine.host_folder) as (runtime, workspace):
        assert said(runtime, workspace, "id -u; id -g").split() == [str(owner)] * 2
        said(runtime, workspace, "echo hello > made-inside")

    assert (engine.host_folder / "made-inside").stat().st_uid == owner


def test_an_image_has_one_name_on_podman(engines: Engines) -> None:
    """Podman calls a local image localhost/NAME; a second start must not take that for another image."""
    engine = engines.get("podman")
    with workspace_on(engine) as (runtime, workspace):
        before = runtime.find_workspace(workspace)
        assert before is not None
        again = StartOptions(image_name=engine.image, workspace_name=before.workspace, on_drift="error")
        assert runtime.start_workspace(again) == workspace
        longer = StartOptions(image_name=f"localhost/{engine.image}", workspace_name=before.workspace, on_drift="error")
        assert runtime.start_workspace(longer) == workspace
        assert before.image == engine.image


def test_podman_behind_docker_host_is_podman(engines: Engines) -> None:
    """Many tools are given Podman that way; its own rules count all the same."""
    engine = engines.get("podman-rootless")
    owner = Path(engine.endpoint.removeprefix("unix://")).stat().st_uid
    machine = Machine(env={"DOCKER_HOST": engine.endpoint}, home=engine.folder, uid=0, root=engine.folder)

    with runtime_on("docker", machine) as runtime:
        assert (runtime.platform_type, runtime.platform_name) == ("podman", "Podman (DOCKER_HOST)")
        options = StartOptions(image_name=engine.image, workspace_name=f"own-{uuid.uuid4().hex[:8]}")
        workspace = runtime.start_workspace(options)
        try:
            assert said(runtime, workspace, "id -u") == str(owner)
        finally:
            runtime.remove_workspace(workspace, force=True)


@pytest.mark.parametrize("kind", ["orbstack", "colima"])
def test_in_a_vm_the_user_is_the_first_ordinary_one(engines: Engines, kind: str) -> None:
    with workspace_on(engines.get(kind)) as (runtime, workspace):
        assert said(runtime, workspace, "id -u; id -g").split() == ["1000", "1000"]


def test_colima_refuses_what_its_vm_does_not_see(engines: Engines, tmp_path: Path) -> None:
    """Before anything is made: the VM would get an empty folder of its own, and the user no word."""
    engine = engines.get("colima")
    settings = engine.machine().home / ".colima/work/colima.yaml"
    settings.write_text("runtime: docker\nmounts: []\n")
    name = f"own-{uuid.uuid4().hex[:8]}"
    try:
        with runtime_on("colima:work", engine.machine()) as runtime:
            options = StartOptions(image_name=engine.image, workspace_name=name, app_path=tmp_path)
            with pytest.raises(InvalidOptionError, match="does not see it") as caught:
                runtime.start_workspace(options)
            assert runtime.find_workspace(name) is None
        with workspace_on(engine, app_path=engine.host_folder) as (runtime, workspace):
            assert said(runtime, workspace, "pwd") == "/workspace"
    finally:
        settings.unlink()

    assert "- location: " in caught.value.hint
    assert "colima stop work && colima start work" in caught.value.hint
    assert not engine.outside.exists(f"dvm-{name}")
