"""A folder's identity is its real path and this host; names made from it are valid and distinct."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvm_runtimes import InvalidOptionError, NameConflictError, StartOptions
from dvm_runtimes.engines.mock import MockEngine, MockRuntime
from dvm_runtimes.folders.identity import FolderIdentity
from dvm_runtimes.user import host_id
from dvm_runtimes.validation.naming import (
    FOLDER,
    HOST,
    Identity,
    check_container_name,
    check_image,
    check_network_mode,
    check_part,
    slug,
)

FOLDER_NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=200)


def options(**given: Any) -> StartOptions:
    return StartOptions(image_name="mock:latest", **given)


@given(FOLDER_NAMES)
def test_names_of_any_folder_are_valid(name: str) -> None:
    identity = FolderIdentity(f"/srv/{name}", "host")
    assert check_part(identity.workspace_name, "workspace_name")
    assert check_container_name(identity.workspace_name)
    assert check_image(identity.image_name)
    container = Identity(workspace=identity.workspace_name, folder=identity.path, host=identity.host).container_name()
    assert check_container_name(container)
    assert check_network_mode(container)
    assert len(container) <= 63


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/a/app", "/b/app"),
        ("/a/shop_(v2)", "/a/shop-v2"),
        ("/a/" + "x" * 59 + "1", "/a/" + "x" * 59 + "2"),
        ("/a/日本", "/a/中国"),
        ("/a/App", "/a/app"),
    ],
)
def test_names_of_two_folders_differ(first: str, second: str) -> None:
    one, other = FolderIdentity(first, "host"), FolderIdentity(second, "host")
    assert one.image_name != other.image_name
    assert options(folder=first).name != options(folder=second).name
    assert one.image_name != FolderIdentity(first, "another host").image_name


@pytest.mark.parametrize(
    ("parts", "others"),
    [
        ({"workspace_name": "日本"}, {"workspace_name": "中国"}),
        ({"workspace_name": "x" * 80 + "1"}, {"workspace_name": "x" * 80 + "2"}),
        ({"workspace_name": "dev", "app_name": "日本"}, {"workspace_name": "dev"}),
    ],
)
def test_names_that_lose_something_get_a_hash(parts: dict[str, str], others: dict[str, str]) -> None:
    names = {check_container_name(options(**given).name) for given in (parts, others)}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My Shop", "my-shop"),
        ("shop_(v2)", "shop-v2"),
        ("a.b_c--d__e", "a.b_c--d__e"),
        ("a._b", "a-b"),
        ("..x..", "x"),
        ("Crème brûlée", "creme-brulee"),
        ("日本", ""),
        ("", ""),
    ],
)
def test_slugs(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_a_link_is_the_folder_that_it_leads_to(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    assert FolderIdentity.of(tmp_path / "link") == FolderIdentity.of(folder)
    assert FolderIdentity.of(f"{folder}/") == FolderIdentity.of(folder)
    assert options(folder=tmp_path / "link").identity == options(folder=folder).identity


def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    identity = FolderIdentity.of(folder)
    assert identity.path.endswith("caf\\xe9")
    assert check_container_name(options(folder=folder).name)


@pytest.mark.parametrize("folder", ["app", "", ".", "/a\0b"])
def test_folders_refused(folder: str) -> None:
    with pytest.raises(InvalidOptionError, match="folder"):
        options(folder=folder)


def test_the_host_has_an_id_without_a_machine_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch("[0-9a-f]{16}", host_id.host_id())
    monkeypatch.setattr(host_id, "_machine_id", lambda: "")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    made = host_id.host_id.__wrapped__()
    assert made == host_id.host_id.__wrapped__()
    assert [path.name for path in (tmp_path / "dvm").iterdir()] == ["host-id"]
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
    assert made != host_id.host_id.__wrapped__()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert re.fullmatch("[0-9a-f]{16}", host_id.host_id.__wrapped__())


def test_a_start_never_replaces_what_came_between_its_look_and_its_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the new container is made, the name goes to the workspace of another folder."""
    mine, theirs = options(folder=tmp_path / "a"), options(folder=tmp_path / "b")
    create = MockEngine.create_container
    with MockRuntime() as runtime:
        runtime.start_workspace(mine)
        taken: list[str] = []

        def create_container(self: MockEngine, op: Any, spec: Any) -> str:
            made = create(self, op, spec)
            if not taken:
                taken.append("")
                self.remove_container(op, mine.name, force=True, volumes=False)
                taken[0] = runtime.start_workspace(options(folder=theirs.folder, container_name=mine.name))
            return made

        monkeypatch.setattr(MockEngine, "create_container", create_container)
        changed = options(folder=mine.folder, env={"CHANGED": "1"}, container_name=mine.name)
        # Another thread's start would wait for its turn; here the other process is the same one.
        monkeypatch.setattr(runtime._turns, "turn", lambda name, op: op.suspended())
        with pytest.raises(NameConflictError, match=re.escape(str(tmp_path / "b"))):
            runtime.start_workspace(changed)
        (left,) = runtime.list_workspaces()
        assert (left.id, left.labels[FOLDER]) == (taken[0], str(tmp_path / "b"))
        assert left.labels[HOST] == host_id.host_id()
