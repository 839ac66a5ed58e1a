"""Mounts: this host's folders, volumes and memory, where they were asked for."""

from __future__ import annotations

import os
import socket

import pytest

from dvm_runtimes.errors import EngineError, InvalidOptionError, UnsupportedError
from dvm_runtimes.options import Mount
from dvm_runtimes.runtime import ContainerRuntime

from .case import LIMIT, Bench, ConformanceCase, assert_typed, require


class MountConformance(ConformanceCase):
    """``StartOptions.app_path`` and ``mounts``."""

    def test_mount_of_the_app(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What is written on either side is there on the other, and belongs to this user here."""
        require(runtime, "bind_mounts")
        folder = bench.folder()
        (folder / "from here").write_text("hello")
        workspace = bench.start(app_path=folder)
        assert bench.sh(workspace, "cat 'from here'; echo there > from-there; mkdir made") == "hello"
        assert (folder / "from-there").read_text() == "there\n"
        owner = os.getuid() if bench.subject.mount_owner is None else bench.subject.mount_owner
        assert {(folder / name).stat().st_uid for name in ("from-there", "made")} == {owner}
        (folder / "later").write_text("later")
        assert bench.sh(workspace, "cat later") == "later"

    def test_mount_of_an_agent_that_has_moved(
        self, runtime: ContainerRuntime, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After a login the SSH agent has another socket: a workspace is started again with it, and keeps its files."""
        require(runtime, "bind_mounts", "ssh_agent")
        folder = bench.folder()
        (folder / "dvm").mkdir()  # for the engine's user too, who is not this one everywhere
        monkeypatch.setenv("XDG_STATE_HOME", str(folder))
        options = bench.options(ssh_agent_forwarding=True)
        with socket.socket(socket.AF_UNIX) as first:
            first.bind(str(folder / "first"))
            monkeypatch.setenv("SSH_AUTH_SOCK", str(folder / "first"))
            if not runtime.engine.ssh_agent_socket().startswith(str(folder)):
                pytest.skip("the engine's host has the agent at a path of its own, which does not move")
            workspace = runtime.start_workspace(options, timeout=LIMIT)
            assert bench.sh(workspace, 'touch /tmp/kept; test -e "$SSH_AUTH_SOCK" && echo there') == "there\n"
        (folder / "first").unlink()
        with socket.socket(socket.AF_UNIX) as second:
            second.bind(str(folder / "second"))
            monkeypatch.setenv("SSH_AUTH_SOCK", str(folder / "second"))
            runtime.stop_workspace(workspace, 0, timeout=LIMIT)
            assert runtime.start_workspace(options, timeout=LIMIT) == workspace
            assert bench.sh(workspace, 'test -e "$SSH_AUTH_SOCK" && test -e /tmp/kept && echo kept') == "kept\n"
            runtime.stop_workspace(workspace, 0, timeout=LIMIT)
            assert runtime.start_existing_workspace(workspace, timeout=LIMIT).id == workspace
            assert bench.sh(workspace, 'test -e "$SSH_AUTH_SOCK" && test -e /tmp/kept && echo kept') == "kept\n"

    def test_mount_of_the_app_elsewhere(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """It is mounted where commands run."""
        require(runtime, "bind_mounts")
        folder = bench.folder()
        (folder / "file").write_text("x")
        assert bench.sh(bench.start(app_path=folder, working_dir="/srv/app"), "pwd; cat file") == "/srv/app\nx"

    @pytest.mark.parametrize(
        "name", ["with blank", "co:lon", "com,ma", "quo'te\"s", "snow \u2603", "$HOME", "-x", "a..b"]
    )
    def test_mount_of_odd_paths(self, runtime: ContainerRuntime, bench: Bench, name: str) -> None:
        """Paths are paths, on both sides, whatever characters are in them."""
        require(runtime, "bind_mounts")
        folder = bench.folder() / name
        folder.mkdir()
        (folder / "file").write_text("x")
        try:
            workspace = bench.start(mounts=[Mount(os.fspath(folder), f"/mnt/{name}")])
        except UnsupportedError as error:  # never another path, never half of it
            pytest.skip(str(error))
        result = runtime.exec_in_workspace(workspace, ["cat", f"/mnt/{name}/file"])
        assert (result.exit_code, result.stdout) == (0, b"x")

    def test_mounts_can_be_read_only(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Not even root writes to them."""
        require(runtime, "bind_mounts", "named_volumes")
        folder = bench.folder()
        (folder / "file").write_text("x")
        mounts = [
            Mount(os.fspath(folder), "/mnt/folder", read_only=True),
            Mount(os.fspath(folder / "file"), "/mnt/file", read_only=True),
            Mount(bench.volume(), "/mnt/volume", "volume", read_only=True),
        ]
        workspace = bench.start(mounts=mounts, uid=0, gid=0)
        for path in ("/mnt/folder/file", "/mnt/file", "/mnt/volume/file"):
            result = runtime.exec_in_workspace(workspace, ["sh", "-c", f"echo y > {path}"])
            assert result.exit_code != 0, path
        assert bench.sh(workspace, "cat /mnt/folder/file /mnt/file") == "xx"
        assert (folder / "file").read_text() == "x"

    def test_mounts_lie_in_each_other(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A mount below another one is seen there, in whatever order they were given."""
        require(runtime, "bind_mounts", "tmpfs")
        folder, inner = bench.folder(), bench.folder()
        (folder / "sub").mkdir()
        (folder / "sub/hidden").write_text("x")
        (inner / "seen").write_text("x")
        mounts = [Mount(os.fspath(inner), "/workspace/sub"), Mount("", "/workspace/tmp", "tmpfs")]
        workspace = bench.start(app_path=folder, mounts=mounts)
        assert bench.sh(workspace, "ls sub; echo x > tmp/file") == "seen\n"
        assert list((folder / "tmp").iterdir()) == []

    def test_volumes_are_shared_and_kept(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Two workspaces see one volume; it stays when both are gone."""
        require(runtime, "named_volumes")
        mounts = [Mount(bench.volume(), "/data", "volume")]
        first = bench.start(mounts=mounts, uid=0, gid=0)
        second = bench.start(mounts=mounts, uid=0, gid=0)
        bench.sh(first, "echo kept > /data/file")
        assert bench.sh(second, "cat /data/file") == "kept\n"
        for workspace in (first, second):
            runtime.remove_workspace(workspace, force=True, volumes=True)
        third = bench.start(mounts=mounts, uid=0, gid=0)
        assert bench.sh(third, "cat /data/file") == "kept\n"

    def test_tmpfs_is_forgotten(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Anybody may write to it, and nothing is left after a stop."""
        require(runtime, "tmpfs")
        options = bench.options(mounts=[Mount("", "/scratch", "tmpfs")])
        workspace = runtime.start_workspace(options)
        bench.sh(workspace, "echo x > /scratch/file", uid=1234, gid=1234)
        runtime.stop_workspace(workspace)
        runtime.start_workspace(options)
        assert bench.sh(workspace, "ls -A /scratch") == ""

    @pytest.mark.parametrize(
        "source", ["/", "/etc", "/etc/..", "/proc", "/var/run/docker.sock", "relative", "/no/such/path"]
    )
    def test_mounts_that_are_refused(self, runtime: ContainerRuntime, bench: Bench, source: str) -> None:
        """What must stay out of containers is refused by its field, before anything is started."""
        require(runtime, "bind_mounts")
        for field, options in (
            ("app_path", bench.options(app_path=source)),
            (r"mounts\[0\].source", bench.options(mounts=[Mount(source, "/mnt/x")])),
        ):
            with pytest.raises(InvalidOptionError, match=field):
                runtime.start_workspace(options)
            bench.assert_nothing_of(options)

    def test_mounts_through_links_are_looked_at(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A link is what it leads to: a project is mounted, a secret is not."""
        require(runtime, "bind_mounts")
        folder = bench.folder()
        (folder / "project").mkdir()
        (folder / "project/file").write_text("x")
        (folder / "good").symlink_to("project")
        (folder / "bad").symlink_to("/etc")
        assert bench.sh(bench.start(app_path=folder / "good"), "cat file") == "x"
        with pytest.raises(InvalidOptionError, match="leads to"):
            runtime.start_workspace(bench.options(app_path=folder / "bad"))

    def test_volumes_can_be_removed(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A named volume goes with its files, once no container uses it; a missing one is no error."""
        require(runtime, "named_volumes")
        volume = bench.volume()
        mounts = [Mount(volume, "/data", "volume")]
        workspace = bench.start(mounts=mounts, uid=0, gid=0)
        bench.sh(workspace, "echo kept > /data/file")
        with pytest.raises(EngineError) as caught:
            runtime.remove_volume(volume)
        assert_typed(caught.value, runtime, "remove_volume")
        runtime.remove_workspace(workspace, force=True)
        runtime.remove_volume(volume)
        runtime.remove_volume(volume)
        assert bench.sh(bench.start(mounts=mounts, uid=0, gid=0), "ls /data") == ""
