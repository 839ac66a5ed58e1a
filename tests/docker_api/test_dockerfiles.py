"""What a build sees and asks for: ``.dockerignore``, contexts, and what only BuildKit can do."""

from __future__ import annotations

import errno
import io
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dvm_runtimes.builds.context import Sources, pack_context
from dvm_runtimes.builds.dockerignore import Ignore
from dvm_runtimes.engines.docker_api import buildkit
from dvm_runtimes.errors import LocalFileError
from dvm_runtimes.options import BuildOptions
from dvm_runtimes.runtime import ContainerRuntime

from .conftest import LIMIT

if TYPE_CHECKING:
    from tests.engines.registry import RunningEngine


@pytest.mark.parametrize(
    ("rules", "out", "kept"),
    [
        (["a"], ["a", "a/b", "a/b/c"], ["b/a", "ab"]),
        (["/a/"], ["a", "a/b"], ["b/a"]),
        (["*.log"], ["x.log", "x.log/deep"], ["sub/x.log"]),
        (["**/*.log"], ["x.log", "sub/x.log", "a/b/x.log"], ["x.log2"]),
        (["**/cache"], ["cache", "a/cache", "a/b/cache/x"], ["a/cached"]),
        (["a/**"], ["a/b", "a/b/c"], ["a", "b"]),
        (["a/**/z"], ["a/z", "a/b/z", "a/b/c/z"], ["z", "a/zz"]),
        (["**"], ["a", "a/b", ".hidden"], []),
        (["a?c"], ["abc"], ["ac", "a/c"]),
        (["[a-c].txt", "[^x]y"], ["b.txt", "ay"], ["d.txt", "xy", "/y"]),
        ([r"\*.txt", r"a\[b"], ["*.txt", "a[b"], ["x.txt"]),
        (["# no rule", "", "  ", "."], [], ["a", "# no rule"]),
        (["  a  "], ["a"], ["b"]),
        (["./a/../b"], ["b"], ["a"]),
        (["a", "!a/keep"], ["a/other"], ["a/keep", "a/keep/deep"]),
        (["!a", "a"], ["a"], []),
        (["*", "!src", "src/*.o"], ["x", "src/a.o"], ["src", "src/a.c"]),
        (["[unclosed"], ["[unclosed"], ["u"]),
        (["a.c"], ["a.c"], ["abc"]),
    ],
)
def test_rules_of_dockerignore(rules: list[str], out: list[str], kept: list[str]) -> None:
    ignore = Ignore(rules)
    assert [path for path in out if not ignore.leaves_out(path)] == []
    assert [path for path in kept if ignore.leaves_out(path)] == []


def names(folder: Path, dockerfile: Path | None = None) -> dict[str, tarfile.TarInfo]:
    sources = Sources.of(BuildOptions(image_name="x", build_context=folder, dockerfile=dockerfile))
    content = b"".join(pack_context(sources, sources.inside or ".dockerfile.x"))
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {member.name: member for member in tar}


def test_a_context_is_what_the_rules_leave(tmp_path: Path) -> None:
    for path in ("Dockerfile", "keep.txt", "big/one", "big/two", "sub/no.log", "sub/yes"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / ".dockerignore").write_text("big\n!big/two\n**/*.log\nDockerfile\n.dockerignore\n")
    found = names(tmp_path)
    assert set(found) == {"Dockerfile", ".dockerignore", "keep.txt", "big/two", "sub", "sub/yes"}
    assert {(member.uid, member.gid) for member in found.values()} == {(0, 0)}


def test_links_and_sockets_of_a_context(tmp_path: Path) -> None:
    import socket

    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "link").symlink_to("/no/such/file")
    (tmp_path / "hard").hardlink_to(tmp_path / "Dockerfile")
    with socket.socket(socket.AF_UNIX) as sock:
        old = Path.cwd()
        os.chdir(tmp_path)
        try:
            sock.bind("socket")
        finally:
            os.chdir(old)
        found = names(tmp_path)
    assert set(found) == {"Dockerfile", "link", "hard"}
    assert found["link"].issym()
    assert found["hard"].islnk()


def test_a_dockerfile_outside_of_its_context_is_added(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (tmp_path / "Other").write_text("FROM scratch\n")
    assert set(names(context, tmp_path / "Other")) == {".dockerfile.x"}


def test_a_file_of_the_context_that_cannot_be_read_is_named(
    runtime: ContainerRuntime, docker_engine: RunningEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine, to which the context was being sent, is not what failed."""
    (tmp_path / "Dockerfile").write_text(f"FROM {docker_engine.image}\nCOPY . /x\n")
    (tmp_path / "key.pem").write_text("secret")
    original = Path.open

    def refuse(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path.name == "key.pem":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return original(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(buildkit, "find_tool", lambda: None)
    options = BuildOptions(app_path=tmp_path, image_name="dvm-test/unreadable:1")
    with pytest.raises(LocalFileError, match=r"key.pem cannot be read: Permission denied. .*dockerignore") as caught:
        runtime.build_image(options, timeout=LIMIT)
    assert caught.value.operation == "build_image"
