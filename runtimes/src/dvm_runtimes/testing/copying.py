"""Copying: files and folders in and out, as ``cp -a`` does it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from dvm_runtimes.errors import (
    EngineError,
    InvalidOptionError,
    LocalFileError,
    OperationCancelledError,
    OperationTimeoutError,
    PathNotFoundError,
)
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.options import Mount
from dvm_runtimes.runtime import ContainerRuntime

from .case import LIMIT, Bench, ConformanceCase, assert_typed, require

ODD_NAMES = (".hidden", "two words", 'quote\'d "name"', "$HOME", "snow \u2603", "-rf", "back\\slash", "x" * 200)


class CopyConformance(ConformanceCase):
    """What arrives is what was sent: content, modes, links, and names that no shell would leave alone."""

    @pytest.fixture(autouse=True)
    def copies(self, runtime: ContainerRuntime) -> None:
        """Every test of this part needs an engine that copies."""
        require(runtime, "copy")

    def put(self, runtime: ContainerRuntime, workspace: str, source: str | Path, destination: str) -> None:
        runtime.copy_to_workspace(workspace, source, destination, timeout=LIMIT)

    def get(self, runtime: ContainerRuntime, workspace: str, source: str, destination: Path) -> Path:
        return runtime.copy_from_workspace(workspace, source, destination, timeout=LIMIT)

    # Files in

    def test_copy_a_file_in(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """To a new name, over what is there, or into a folder under its own name."""
        source, inside = bench.folder() / "file", bench.path()
        source.write_text("first")
        self.put(runtime, workspace, source, inside)
        assert bench.sh(workspace, f"cat {inside}") == "first"
        source.write_text("second")
        self.put(runtime, workspace, source, inside)
        assert bench.sh(workspace, f"cat {inside}") == "second"
        bench.sh(workspace, f"mkdir {inside}-folder")
        self.put(runtime, workspace, source, f"{inside}-folder")
        self.put(runtime, workspace, source, f"{inside}-folder/other")
        assert bench.sh(workspace, f"cd {inside}-folder; ls; cat file other") == "file\nother\nsecondsecond"

    def test_copy_keeps_every_byte(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """A large binary file goes in and comes out as it was; an empty one too."""
        folder, inside = bench.folder(), bench.path()
        for data in (os.urandom(9 * 1024 * 1024 + 7), b""):
            (folder / "in").write_bytes(data)
            self.put(runtime, workspace, folder / "in", inside)
            assert self.get(runtime, workspace, inside, folder / "out") == folder / "out"
            assert (folder / "out").read_bytes() == data

    def test_copy_keeps_owner_and_mode(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """As they are on this host, whoever the workspace's user is."""
        source, inside = bench.folder() / "file", bench.path()
        source.write_text("x")
        source.chmod(0o741)
        if os.geteuid() == 0:
            os.chown(source, 1234, 5678)
        found = source.stat()
        self.put(runtime, workspace, source, inside)
        shown = bench.sh(workspace, f"stat -c '%a %u:%g %Y' {inside}", uid=0, gid=0)
        assert shown == f"741 {found.st_uid}:{found.st_gid} {int(found.st_mtime)}\n"

    def test_copy_through_a_link_to_a_folder(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """A destination that leads to a folder is that folder."""
        folder, inside = bench.folder(), bench.path()
        (folder / "file").write_text("x")
        (folder / "link").symlink_to(inside)
        bench.sh(workspace, f"mkdir {inside}")
        self.put(runtime, workspace, folder / "link", f"{inside}-link")
        self.put(runtime, workspace, folder / "file", f"{inside}-link")
        assert bench.sh(workspace, f"ls {inside}") == "file\n"

    def test_copy_to_where_nothing_can_be(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """A folder that is not there, a file where a folder is meant: an error that says so, and nothing is made."""
        source, inside = bench.folder() / "file", bench.path()
        source.write_text("x")
        for destination in (f"{inside}/no/such", f"{inside}/", "/etc/passwd/below"):
            with pytest.raises(EngineError) as caught:
                self.put(runtime, workspace, source, destination)
            assert_typed(caught.value, runtime, "copy_to_workspace")
        assert bench.sh(workspace, f"ls -d {inside} 2>/dev/null || echo nothing") == "nothing\n"

    def test_copy_refuses_what_is_no_path(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """A source that is not on this host, or a path inside that is not absolute."""
        folder = bench.folder()
        for source, destination, field in ((folder / "none", "/tmp", "source"), (folder, "tmp", "destination")):  # noqa: S108
            with pytest.raises(InvalidOptionError, match=field):
                self.put(runtime, workspace, source, destination)
        for inside, target, field in (("etc", folder, "source"), ("/etc", folder / "no" / "such", "destination")):
            with pytest.raises(InvalidOptionError, match=field):
                self.get(runtime, workspace, inside, target)

    # Folders

    def tree(self, bench: Bench) -> Path:
        """A folder with all sorts of things in it."""
        root = bench.folder() / "tree"
        (root / "deep/down").mkdir(parents=True)
        (root / "empty").mkdir()
        for name in ODD_NAMES:
            (root / name).write_text(name)
        (root / "deep/down/run").write_text("#!/bin/sh\n")
        (root / "deep/down/run").chmod(0o755)
        (root / "deep/private").write_text("x")
        (root / "deep/private").chmod(0o600)
        (root / "deep/link").symlink_to("down/run")
        (root / "deep/dangling").symlink_to("/no/such/place")
        os.link(root / "deep/down/run", root / "hard")
        # Passable for everybody: in a virtual machine a workspace has another user than the caller.
        (root / "deep").chmod(0o751)
        return root

    def described(self, root: Path) -> dict[str, tuple[int, str]]:
        """Every path below ``root``, with its mode and its content."""
        found = {}
        for path in sorted(root.rglob("*")):
            mode = path.lstat().st_mode
            content = ""
            if stat.S_ISLNK(mode):
                mode, content = stat.S_IFLNK, os.fspath(path.readlink())
            elif stat.S_ISREG(mode):
                content = path.read_text()
            found[os.fspath(path.relative_to(root))] = (mode, content)
        return found

    def test_copy_a_folder_in_and_out(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """The whole tree: empty folders, modes, links as links, odd names."""
        source, inside = self.tree(bench), bench.path()
        self.put(runtime, workspace, source, inside)
        assert bench.sh(workspace, f"cat {inside}/hard; [ -x {inside}/deep/link ] && echo runs") == "#!/bin/sh\nruns\n"
        target = bench.folder()
        assert self.get(runtime, workspace, inside, target / "back") == target / "back"
        assert self.described(target / "back") == self.described(source)

    def test_copy_a_folder_into_a_folder(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """Under its own name; with ``/.`` behind it, only what is in it. So it is on the way out."""
        source, inside = bench.folder() / "tree", bench.path()
        source.mkdir()
        (source / "file").write_text("x")
        bench.sh(workspace, f"mkdir {inside} {inside}-flat")
        self.put(runtime, workspace, source, inside)
        self.put(runtime, workspace, f"{source}/.", f"{inside}-flat")
        self.put(runtime, workspace, f"{source}/.", f"{inside}-new")
        assert bench.sh(workspace, f"cd {inside} && ls . tree ../{inside[5:]}-flat ../{inside[5:]}-new").split() == [
            *(".:", "tree", f"../{inside[5:]}-flat:", "file", f"../{inside[5:]}-new:", "file", "tree:", "file")
        ]
        target = bench.folder()
        assert self.get(runtime, workspace, f"{inside}/tree", target) == target / "tree"
        assert (target / "tree/file").read_text() == "x"
        assert self.get(runtime, workspace, f"{inside}/tree/.", target) == target
        assert (target / "file").read_text() == "x"

    def test_copy_merges_into_what_is_there(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """A second copy of a folder replaces its files and leaves the others."""
        source, inside = bench.folder() / "tree", bench.path()
        source.mkdir()
        (source / "old").write_text("1")
        bench.sh(workspace, f"mkdir {inside}")
        self.put(runtime, workspace, source, inside)
        (source / "old").unlink()
        (source / "new").write_text("2")
        self.put(runtime, workspace, source, inside)
        assert bench.sh(workspace, f"cat {inside}/tree/old {inside}/tree/new") == "12"

    # Out

    def test_copy_a_file_out(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Into a folder or to a name; its mode is kept, and so is, for root, its owner."""
        # Root has root's rights in a workspace of root's only: see `ExecOptions`.
        workspace = bench.start(uid=0, gid=0)
        inside, target = bench.path(), bench.folder()
        bench.sh(workspace, f"echo text > {inside}; chmod 640 {inside}; chown 1234:5678 {inside}")
        name = Path(inside).name
        assert self.get(runtime, workspace, inside, target) == target / name
        assert self.get(runtime, workspace, inside, target / "other") == target / "other"
        for path in (target / name, target / "other"):
            found = path.stat()
            assert (path.read_text(), stat.S_IMODE(found.st_mode)) == ("text\n", 0o640)
            if os.geteuid() == 0:
                assert (found.st_uid, found.st_gid) == (1234, 5678)

    def test_copy_of_what_is_not_there(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """`PathNotFoundError` names it, and nothing is made here."""
        inside, target = bench.path(), bench.folder()
        with pytest.raises(PathNotFoundError, match=inside) as caught:
            self.get(runtime, workspace, inside, target)
        assert_typed(caught.value, runtime, "copy_from_workspace")
        assert list(target.iterdir()) == []

    def test_copy_of_what_cannot_be_read(
        self, runtime: ContainerRuntime, bench: Bench, workspace: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`LocalFileError` names the file: the engine has nothing to do with it, and goes on."""
        folder = bench.folder()
        for name in ("first", "secret", "third"):
            (folder / name).write_text(name)
        original = Path.open

        def refuse(path: Path, *args: Any, **kwargs: Any) -> Any:
            if path.name == "secret":  # as for somebody who is not root
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return original(path, *args, **kwargs)

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(LocalFileError, match="secret cannot be read: Permission denied") as caught:
            self.put(runtime, workspace, folder, bench.path())
        assert_typed(caught.value, runtime, "copy_to_workspace", hint=False)
        assert bench.sh(workspace, "echo goes on") == "goes on\n"

    # Where it can be

    def test_copy_with_a_stopped_workspace(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A workspace need not run for it."""
        source, target = bench.folder() / "file", bench.folder()
        source.write_text("x")
        options = bench.options()
        workspace = runtime.start_workspace(options)
        runtime.stop_workspace(workspace)
        self.put(runtime, workspace, source, "/srv-file")
        assert self.get(runtime, workspace, "/srv-file", target).read_text() == "x"
        runtime.start_workspace(options)
        assert bench.sh(workspace, "cat /srv-file") == "x"

    def test_copy_with_mounts(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Volumes and bind mounts are part of the workspace's files."""
        require(runtime, "bind_mounts", "named_volumes")
        source, bound, target = bench.folder() / "file", bench.folder(), bench.folder()
        source.write_text("x")
        mounts = [Mount(bench.volume(), "/volume", "volume")]
        # Not every engine lets another user into a new volume.
        workspace = bench.start(app_path=bound, mounts=mounts, uid=0, gid=0)
        for place in ("/volume", "/workspace"):
            self.put(runtime, workspace, source, place)
            assert bench.sh(workspace, f"cat {place}/file") == "x"
            assert self.get(runtime, workspace, f"{place}/file", target / place[1:]).read_text() == "x"
        assert (bound / "file").read_text() == "x"

    # Its limits

    def test_copy_that_takes_too_long(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """`OperationTimeoutError`, however much there is still to send."""
        source = bench.folder() / "large"
        with source.open("wb") as file:
            file.truncate(64 * 1024**3)
        with pytest.raises(OperationTimeoutError) as caught:
            runtime.copy_to_workspace(workspace, source, bench.path(), timeout=0.3)
        assert_typed(caught.value, runtime, "copy_to_workspace")

    def test_copy_that_is_cancelled(self, runtime: ContainerRuntime, bench: Bench, workspace: str) -> None:
        """`OperationCancelledError`, both ways."""
        cancel = CancelToken()
        cancel.set()
        folder = bench.folder()
        with pytest.raises(OperationCancelledError):
            runtime.copy_to_workspace(workspace, folder, bench.path(), cancel=cancel)
        with pytest.raises(OperationCancelledError):
            runtime.copy_from_workspace(workspace, "/etc", folder, cancel=cancel)
        assert list(folder.iterdir()) == []
