"""The active app and workspace: one file that no crash and no second writer can break."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dvm_runtimes.errors import DvmError, InvalidOptionError
from dvm_runtimes.user import context
from dvm_runtimes.user.context import (
    Context,
    context_file,
    load_context,
    load_saved_context,
    save_context,
    update_context,
)

from .conftest import unprivileged


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state/context.json"


def test_nothing_is_active_at_first(file: Path) -> None:
    assert load_context(file, {}) == Context()
    assert not file.parent.exists(), "looking writes nothing"


def test_saved_and_loaded(file: Path) -> None:
    save_context(Context("shop", "dev"), file)

    assert load_context(file, {}) == Context("shop", "dev")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(file.read_text()) == {"app": "shop", "workspace": "dev"}


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, Context("shop", "dev")),
        ({"DVM_WORKSPACE": "w"}, Context("shop", "w")),
        ({"DVM_APP": "shop"}, Context("shop", "dev")),
        ({"DVM_APP": "other"}, Context("other", "")),
        ({"DVM_APP": "other", "DVM_WORKSPACE": "w"}, Context("other", "w")),
        ({"DVM_APP": ""}, Context("shop", "dev")),
    ],
)
def test_the_environment_comes_first(file: Path, env: dict[str, str], expected: Context) -> None:
    save_context(Context("shop", "dev"), file)

    assert load_context(file, env) == expected


def test_this_process_s_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVM_APP", "a")
    monkeypatch.setenv("DVM_WORKSPACE", "w")

    assert load_context(file) == Context("a", "w")


def test_changing_a_part(file: Path) -> None:
    assert update_context(app="shop", workspace="dev", file=file) == Context("shop", "dev")
    assert update_context(workspace="test", file=file) == Context("shop", "test")
    assert update_context(app="shop", file=file) == Context("shop", "test")
    assert update_context(app="blog", file=file) == Context("blog", ""), "a workspace belongs to its app"
    assert update_context(workspace="", file=file) == Context("blog", "")
    assert load_saved_context(file) == Context("blog", "")


@pytest.mark.parametrize("name", [" ", "a\nb", "x" * 129])
def test_names_that_no_workspace_could_have(file: Path, name: str) -> None:
    save_context(Context("shop", "dev"), file)

    with pytest.raises(InvalidOptionError, match="workspace="):
        update_context(workspace=name, file=file)
    assert load_saved_context(file) == Context("shop", "dev")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"{", "is not JSON"),
        (b"", "is not JSON"),
        (b"[]", "does not hold a context"),
        (b'{"app": 7}', "does not hold a context"),
        (b'{"app": " "}', "must not be blank"),
        (b"\xff", "it is not UTF-8"),
    ],
)
def test_a_damaged_file_says_what_to_do(file: Path, data: bytes, problem: str) -> None:
    file.parent.mkdir()
    file.write_bytes(data)

    for read in (load_saved_context, lambda file: load_context(file, {"DVM_APP": "a"})):
        with pytest.raises(InvalidOptionError, match=problem) as caught:
            read(file)
        assert str(file) in str(caught.value)
        assert "dvm context clear" in caught.value.hint
    with pytest.raises(InvalidOptionError):
        update_context(workspace="dev", file=file)
    assert file.read_bytes() == data, "nothing is lost without being asked"
    assert load_context(file, {"DVM_APP": "a", "DVM_WORKSPACE": "w"}) == Context("a", "w")
    save_context(Context(), file)
    assert load_saved_context(file) == Context()


def test_a_folder_in_its_place(file: Path) -> None:
    file.mkdir(parents=True)

    with pytest.raises(InvalidOptionError, match="cannot be read: Is a directory"):
        load_saved_context(file)
    with pytest.raises(DvmError, match="cannot be written"):
        save_context(Context(), file)
    assert [one.name for one in file.parent.iterdir() if one.name.startswith(".")] == [], "no half-written file"


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    for one in (tmp_path, *tmp_path.parents[:2]):
        if os.geteuid() == 0:
            one.chmod(0o755)

    with unprivileged(), pytest.raises(DvmError, match="cannot be written") as caught:
        save_context(Context("a"), folder / "context.json")
    assert caught.value.hint


def _write_many(file: str, number: int) -> None:
    for index in range(25):
        update_context(app=f"app-{number}", workspace=f"{number}-{index}", file=Path(file))


def test_many_processes_write_at_once(file: Path) -> None:
    """Every reader sees one whole state, and each state is one that somebody wrote."""
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_many, args=(str(file), number)) for number in range(4)]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        found = load_saved_context(file)
        seen.add(found)
    for writer in writers:
        writer.join(60)

    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    for found in seen - {Context()}:
        assert found.app == f"app-{found.workspace.partition('-')[0]}"
    assert load_saved_context(file).workspace.endswith("-24")
    assert sorted(one.name for one in file.parent.iterdir()) == ["context.json", "context.json.lock"]


def test_no_change_is_lost(file: Path) -> None:
    """Changes of different parts, at once: neither undoes the other's."""
    save_context(Context("shop", "none"), file)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: update_context(workspace=f"w{number}", file=file), range(40)))

    assert load_saved_context(file).app == "shop"


def test_a_writer_that_died_leaves_no_lock(file: Path) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from dvm_runtimes.user import context\n"
        "with context._writing(Path(sys.argv[1])):\n"
        "    os._exit(9)\n"
    )
    died = subprocess.run([sys.executable, "-c", script, str(file)], timeout=60, check=False)
    assert died.returncode == 9

    save_context(Context("a", "b"), file)
    assert load_saved_context(file) == Context("a", "b")


def test_a_lock_that_is_never_given_up_ends_the_wait(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "LOCK_TIMEOUT", 0.05)

    with context._writing(file), pytest.raises(DvmError, match="another process has held it"):
        save_context(Context("a"), file)
    save_context(Context("b"), file)
    assert load_saved_context(file) == Context("b")


def test_the_user_s_own_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert context_file() == tmp_path / "dvm/context.json"
    save_context(Context("a", "b"))
    assert load_saved_context() == Context("a", "b")
