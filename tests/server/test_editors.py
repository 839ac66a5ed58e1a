"""Neovim and Emacs, the real ones without a screen, with the modules of ``editors/`` and with nothing of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.engines.programs import need, need_library

HERE = Path(__file__).parent
EDITORS = HERE.parents[1] / "editors"
LIMIT = 170


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "notes.txt").write_text("hello\n")
    return folder


def drive(command: list[str], folder: Path, tmp_path: Path) -> dict[str, Any]:
    """Run an editor and return what its script told."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("DVM_", "DOCKER_", "XDG_"))}
    # A user of its own: neither settings nor state of whoever runs the tests.
    env = {**inherited, "HOME": str(tmp_path), "TEST_PYTHON": sys.executable, "TEST_FOLDER": str(folder)}
    ran = subprocess.run(command, env=env, cwd=folder, capture_output=True, timeout=LIMIT, check=False, text=True)
    told = dict(json.loads(line) for line in ran.stdout.splitlines() if line.startswith("["))
    assert told.get("end") is True, f"{ran.stdout}\n{ran.stderr}"
    assert ran.returncode == 0
    return told


def test_neovim(folder: Path, tmp_path: Path) -> None:
    command = [need("nvim"), "--headless", "--clean", "--cmd", f"set rtp+={EDITORS / 'neovim'}"]
    told = drive([*command, "-c", f"luafile {HERE / 'drive_neovim.lua'}", "-c", "cquit"], folder, tmp_path)
    assert told["statusline before"] == ""
    assert told["started"] == "DVM: shop is running"
    assert told["statusline"] == "DVM: shop running"
    assert told["changes"] == ["created", "started"]
    assert told["exit code"] == "DVM: exit code 3"
    assert told["output"] == ["in the workspace", ""]
    assert told["runtime"] == "DVM: Mock mock"
    assert told["stopped"] == "DVM: shop is exited"
    # The mock lives in the server, which lends the terminal a socket.
    assert told["plan"][:2] == ["-m", "dvm_server.relay"]
    assert "Stop it first" in told["refused"]
    assert told["nothing"] is True
    assert "dvm.workspace.start" in told["error"]
    assert "home folder" in told["question"]


def test_emacs(folder: Path, tmp_path: Path) -> None:
    command = [need("emacs"), "--batch", "-Q", "-L", str(EDITORS / "emacs")]
    told = drive([*command, "-l", str(HERE / "drive_emacs.el")], folder, tmp_path)
    assert told["mode line before"] == ""
    assert told["started"] == told["status"] == told["restarted"] == "running"
    assert told["changes"] == ["created", "started"]
    assert told["mode line"] == " DVM: running"
    assert told["exit code"] == 3
    assert told["output"] == "in the workspace\n"
    assert told["list"] == 1
    assert told["stopped"] == "exited"
    # The mock lives in the server, which lends the terminal a socket.
    assert told["plan"][:2] == ["-m", "dvm_server.relay"]
    assert set(told["environment"]) == {"A=1", "B=2"}
    assert "Stop it first" in told["refused"]
    assert told["removed"] == "not_found"
    assert "has no workspace" in told["error"]
    assert "allowHome" in told["home refused"]
    assert told["home"] == "running"
    assert "home folder" in told["question"]
    assert told["runtime"] == "Mock (other)"


def test_the_emacs_module_compiles_without_a_warning(tmp_path: Path) -> None:
    copy = tmp_path / "dvm.el"
    copy.write_bytes((EDITORS / "emacs" / "dvm.el").read_bytes())
    command = [need("emacs"), "--batch", "-Q", "--eval", "(setq byte-compile-error-on-warn t)"]
    ran = subprocess.run(
        [*command, "-f", "batch-byte-compile", str(copy)], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_eglot(folder: Path, tmp_path: Path) -> None:
    emacs = [need("emacs"), "--batch"]
    need_library("eglot")
    told = drive([*emacs, "-l", str(HERE / "drive_eglot.el")], folder, tmp_path)
    assert told["started"] == "running"
    assert told["exec"] == "through eglot\n"
    assert told["removed"] == "not_found"
