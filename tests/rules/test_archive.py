"""Tar streams: what is packed is unpacked as it was, and nothing that a container sends leaves its folder."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvm_runtimes import EngineError
from dvm_runtimes.errors import LocalFileError
from dvm_runtimes.workspaces.archive import pack, unpack

NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..") and len(name.encode()) <= 200
)
FILES = st.tuples(st.just("file"), st.binary(max_size=2000), st.integers(0o400, 0o777))
LINKS = st.tuples(st.just("link"), NAMES, st.just(0))
TREES = st.recursive(
    FILES | LINKS,
    lambda inner: st.tuples(st.just("folder"), st.dictionaries(NAMES, inner, max_size=4), st.integers(0o700, 0o777)),
    max_leaves=12,
)


def build(place: Path, tree: Any) -> None:
    kind, content, mode = tree
    if kind == "link":
        place.symlink_to(content)
        return
    if kind == "file":
        place.write_bytes(content)
    else:
        place.mkdir()
        for name, inside in content.items():
            build(place / name, inside)
    place.chmod(mode)


def described(place: Path) -> Any:
    status = place.lstat()
    if stat.S_ISLNK(status.st_mode):
        return "link", os.fspath(place.readlink())
    mode, time = stat.S_IMODE(status.st_mode), int(status.st_mtime)
    if stat.S_ISDIR(status.st_mode):
        return "folder", {child.name: described(child) for child in place.iterdir()}, mode, time
    return "file", place.read_bytes() if mode & 0o400 else b"", mode, time, status.st_uid, status.st_gid


@settings(max_examples=60, deadline=None)
@given(tree=TREES, chunk=st.integers(1, 5000))
def test_what_is_packed_is_unpacked(tree: Any, chunk: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        build(source, tree)
        stream = b"".join(pack(source, "any name"))
        unpack((stream[at : at + chunk] for at in range(0, len(stream), chunk)), target)
        assert described(target) == described(source)


def test_names_that_no_encoding_knows(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / os.fsdecode(b"\xff\xfe")).write_text("x")
    unpack(pack(tmp_path / "source", "source"), tmp_path / "target")
    assert [os.fsencode(path.name) for path in (tmp_path / "target").iterdir()] == [b"\xff\xfe"]


def test_hard_links_pipes_and_sockets(tmp_path: Path) -> None:
    import socket

    source = tmp_path / "s"
    source.mkdir()
    (source / "a").write_text("x")
    os.link(source / "a", source / "b")
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(source / "socket"))
        unpack(pack(source, "s"), tmp_path / "t")
    assert (tmp_path / "t/a").samefile(tmp_path / "t/b")
    assert stat.S_ISFIFO((tmp_path / "t/pipe").lstat().st_mode)
    assert not (tmp_path / "t/socket").exists()


def test_long_names_and_large_files(tmp_path: Path) -> None:
    source = tmp_path / "s"
    deep = source / ("d" * 150) / ("e" * 150)
    deep.mkdir(parents=True)
    with (deep / ("f" * 200)).open("wb") as file:
        file.truncate(9 * 1024**3)  # more than the oldest header can say
    header = b""
    pieces = pack(source, "s")
    for piece in pieces:
        header += piece[:4096]
        if b"size=" in header:
            break
    assert b" size=9663676416\n" in header
    shutil.rmtree(source)


def test_a_file_that_shrinks_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(3 * 1024 * 1024))
    pieces = pack(file, "file")
    next(pieces), next(pieces)
    os.truncate(file, 10)
    with pytest.raises(LocalFileError, match="shorter"):
        list(pieces)


def test_an_existing_file_is_replaced_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("new")
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / "t").symlink_to("elsewhere")
    unpack(pack(tmp_path / "s", "s"), tmp_path / "t")
    assert (tmp_path / "t").read_text() == "new"
    assert (tmp_path / "elsewhere").read_text() == "kept"


# What a container may send


def member(name: str, kind: bytes = tarfile.REGTYPE, *, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, link, mode
    made.uid, made.gid = os.getuid(), os.getgid()
    return made


def stream(members: Iterable[tarfile.TarInfo]) -> Iterator[bytes]:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for one in members:
            one.size = 4 if one.isreg() else 0
            tar.addfile(one, io.BytesIO(b"evil"))
    yield file.getvalue()


@pytest.mark.parametrize(
    "members",
    [
        [member("a", tarfile.DIRTYPE), member("a/../../out")],
        [member("a", tarfile.DIRTYPE), member("/out")],
        [member("a", tarfile.DIRTYPE), member("b")],
        [member("../out")],
        [member("a", tarfile.DIRTYPE), member("a/l", tarfile.SYMTYPE, link=".."), member("a/l/out")],
        [member("a", tarfile.DIRTYPE), member("a/l", tarfile.SYMTYPE, link="/"), member("a/l/tmp/out")],
        [member("a", tarfile.DIRTYPE), member("a/h", tarfile.LNKTYPE, link="../secret")],
        [member("a", tarfile.DIRTYPE), member("a/h", tarfile.LNKTYPE, link="/etc/passwd")],
    ],
)
def test_nothing_leaves_the_folder(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    (tmp_path / "secret").write_text("mine")
    with pytest.raises(EngineError, match=r"outside|leaves"):
        unpack(stream(members), tmp_path / "inside")
    assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) in (["inside", "secret"], ["secret"])


def test_a_folder_does_not_follow_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o700)
    link = member("a/l", tarfile.SYMTYPE, link=os.fspath(outside))
    unpack(
        stream(
            [
                member("a", tarfile.DIRTYPE, mode=0o755),
                link,
                member("a/l", tarfile.DIRTYPE, mode=0o777),
                member("a/l/f"),
            ]
        ),
        tmp_path / "t",
    )
    assert stat.S_IMODE(outside.stat().st_mode) == 0o700
    assert list(outside.iterdir()) == []
    assert (tmp_path / "t/l/f").read_text() == "evil"


def test_a_hard_link_to_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine")
    link = member("a/l", tarfile.SYMTYPE, link=os.fspath(tmp_path / "secret"))
    members = [
        member("a", tarfile.DIRTYPE, mode=0o755),
        link,
        member("a/h", tarfile.LNKTYPE, link="a/l"),
        member("a/h"),
    ]
    unpack(stream(members), tmp_path / "t")
    assert (tmp_path / "secret").read_text() == "mine"


def test_devices_are_left_out(tmp_path: Path) -> None:
    unpack(stream([member("a", tarfile.DIRTYPE, mode=0o755), member("a/null", tarfile.CHRTYPE)]), tmp_path / "t")
    assert list((tmp_path / "t").iterdir()) == []


@pytest.mark.parametrize("cut", [1, 100, 600, 1100])
def test_a_stream_that_breaks_off_is_an_error(tmp_path: Path, cut: int) -> None:
    (tmp_path / "s").write_bytes(bytes(5000))
    whole = b"".join(pack(tmp_path / "s", "s"))
    with pytest.raises(EngineError, match="broken archive"):
        unpack([whole[:cut]], tmp_path / "t")


@pytest.mark.parametrize("data", [b"", b"no archive at all" * 100, bytes(511)])
def test_what_is_no_archive_is_an_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(EngineError, match="broken archive"):
        unpack([data], tmp_path / "t")
