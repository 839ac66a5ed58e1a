"""Users without a home folder: no HOME, HOME=/, one that may not be written to, or a UID without a passwd entry."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dvm_runtimes.errors import DvmError
from dvm_runtimes.user.folders import state_folder
from dvm_runtimes.user.home import NO_HOME, home_folder

LIMIT = 120


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """TMPDIR, where nothing says where the state is."""
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def unknown_user(number: int) -> pwd.struct_passwd:
    raise KeyError(number)


def without_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown_user)


def test_no_home_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    without_home(monkeypatch)

    assert home_folder() == NO_HOME


def test_the_state_is_in_the_temporary_folder(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_home(monkeypatch)

    folder = state_folder()
    assert folder == temporary / f"dvm-{os.getuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert state_folder() == folder, "for every reader and writer"


def test_the_runtime_folder_comes_first(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(temporary))

    assert state_folder() == temporary / "dvm"


def test_a_home_that_may_not_be_written_to(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = temporary / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    assert state_folder() == home / ".local/state/dvm"

    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != home and may(path, mode))
    assert state_folder().parent == temporary


def test_a_folder_that_is_named_is_used(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_home(monkeypatch)
    monkeypatch.setenv("XDG_STATE_HOME", "/nowhere")

    assert state_folder() == Path("/nowhere/dvm")


@pytest.mark.parametrize("trap", ["link", "open"])
def test_a_folder_of_somebody_else_is_refused(temporary: Path, monkeypatch: pytest.MonkeyPatch, trap: str) -> None:
    without_home(monkeypatch)
    folder = temporary / f"dvm-{os.getuid()}"
    if trap == "link":
        folder.symlink_to(temporary)
    else:
        folder.mkdir()
        folder.chmod(0o777)

    with pytest.raises(DvmError, match="Delete it, or set XDG_STATE_HOME"):
        state_folder()


def stranger() -> dict[str, Any]:
    """How to start a process whose user has no passwd entry; as this user where that is not allowed."""
    python = Path(sys.executable)
    folders = [*python.parents, *python.resolve().parents, *Path(__file__).parents]
    seen = all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
    return {"user": 54321, "group": 54321, "extra_groups": []} if os.getuid() == 0 and seen else {}


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """An environment without a home, and a temporary folder that everybody may write to."""
    with tempfile.TemporaryDirectory(prefix="dvm-no-home-", dir="/tmp") as folder:  # tmp_path is closed to others
        Path(folder).chmod(0o1777)
        yield {"PATH": os.environ["PATH"], "TMPDIR": folder}


def run(env: dict[str, str], module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Python's as that user."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=env["TMPDIR"],
        env=env,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
        **stranger(),
    )


@pytest.mark.parametrize("home", [None, "/"])
def test_the_command_works(environment: dict[str, str], home: str | None) -> None:
    env = environment | ({} if home is None else {"HOME": home})
    env["DVM_RUNTIME"] = "mock"
    for arguments in (["up", "x", "--image", "mock:latest"], ["ls"], ["context", "set", "x"], ["gc"], ["doctor"]):
        done = run(env, "dvm_runtimes.cli", *arguments)
        assert done.returncode == 0, done.stderr


def test_pytest_works(environment: dict[str, str]) -> None:
    file = Path(environment["TMPDIR"], "test_it.py")
    file.write_text(
        "import pytest\n"
        "def test_plain(): pass\n"
        "@pytest.mark.dvm(image='mock:latest')\n"
        "def test_workspace(dvm_workspace): assert dvm_workspace.exec('echo hi').stdout == b'hi\\n'\n"
    )
    done = run(environment, "pytest", "-q", "-p", "no:cacheprovider", "--dvm-runtime", "mock", str(file))
    assert "2 passed" in done.stdout, done.stdout + done.stderr
