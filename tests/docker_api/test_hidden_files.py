"""Files in a tmpfs, which the engine's own archive calls do not see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dvm_runtimes.engines.docker_api.exec_archive import is_hidden
from dvm_runtimes.errors import EngineError, InvalidOptionError
from dvm_runtimes.options import Mount
from dvm_runtimes.runtime import ContainerRuntime

from .conftest import LIMIT, Start


def test_files_go_into_a_tmpfs_and_out_of_it(runtime: ContainerRuntime, start: Start, tmp_path: Path) -> None:
    """Folders too; owner and mode are kept."""
    workspace = start(mounts=[Mount("", "/scratch", "tmpfs")], read_only_root=True)
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/file").write_bytes(bytes(range(256)) * 4096)
    (folder / "deep/file").chmod(0o640)
    runtime.copy_to_workspace(workspace, folder, "/scratch", timeout=LIMIT)
    runtime.copy_to_workspace(workspace, folder / "deep/file", "/tmp/single", timeout=LIMIT)
    found = runtime.exec_in_workspace(workspace, ["stat", "-c", "%a %s", "/scratch/folder/deep/file", "/tmp/single"])
    assert found.stdout.decode().splitlines() == ["640 1048576", "640 1048576"]
    back = runtime.copy_from_workspace(workspace, "/scratch/folder", tmp_path / "back", timeout=LIMIT)
    assert (back / "deep/file").read_bytes() == (folder / "deep/file").read_bytes()
    alone = runtime.copy_from_workspace(workspace, "/scratch/folder/.", tmp_path / "content", timeout=LIMIT)
    assert (alone / "deep/file").exists()


def test_what_is_not_in_a_tmpfs(runtime: ContainerRuntime, start: Start, tmp_path: Path) -> None:
    workspace = start(mounts=[Mount("", "/scratch", "tmpfs")])
    with pytest.raises(EngineError, match="nothing at '/scratch/missing'"):
        runtime.copy_from_workspace(workspace, "/scratch/missing", tmp_path / "x", timeout=LIMIT)
    (tmp_path / "file").write_text("x")
    with pytest.raises(EngineError):
        runtime.copy_to_workspace(workspace, tmp_path / "file", "/scratch/no/such/folder", timeout=LIMIT)
    with pytest.raises(InvalidOptionError):
        runtime.copy_to_workspace(workspace, tmp_path / "missing", "/scratch", timeout=LIMIT)


def test_an_image_without_tar(runtime: ContainerRuntime, start: Start, tmp_path: Path) -> None:
    workspace = start(mounts=[Mount("", "/bin/x", "tmpfs")], uid=0, gid=0)
    runtime.exec_in_workspace(workspace, ["rm", "/bin/tar"], timeout=LIMIT)
    (tmp_path / "file").write_text("x")
    with pytest.raises(EngineError, match="own tar") as caught:
        runtime.copy_to_workspace(workspace, tmp_path / "file", "/bin/x/", timeout=LIMIT)
    assert (caught.value.operation, caught.value.platform) == ("copy_to_workspace", "Docker Engine")


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("/t", True),
        ("/t/", True),
        ("/t/a/b", True),
        ("/t/volume/x", False),
        ("/tt", False),
        ("/", False),
        ("/m/x", True),
    ],
)
def test_the_nearest_mount_decides(path: str, hidden: bool) -> None:
    container: dict[str, Any] = {
        "State": {"Running": True},
        "HostConfig": {"Tmpfs": {"/t": ""}},
        "Mounts": [{"Type": "volume", "Destination": "/t/volume"}, {"Type": "tmpfs", "Destination": "/m"}],
    }
    assert is_hidden(container, path) is hidden
    assert not is_hidden({**container, "State": {"Running": False}}, path)
